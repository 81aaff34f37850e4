import ctypes
import hashlib
import math
import os
import signal
import threading

import pytest

from tests.support.waiting import wait_for
from tune_noise.system import signals
from tune_noise.system.signals import Interrupt, kept_handlers

pytestmark = pytest.mark.usefixtures("default_sighup")


@pytest.fixture(autouse=True)
def _every_signal_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "SAME_SECONDS", 0.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_inside_a_clean_stop_the_first_signal_asks_and_the_second_interrupts(number: int) -> None:
    said: list[str] = []
    with Interrupt() as interrupt, interrupt.clean_stop(lambda: said.append("stopping")):
        os.kill(os.getpid(), number)
        assert interrupt.requested
        assert not interrupt.at_once
        assert said == ["stopping"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert interrupt.at_once
        assert said == ["stopping"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_elsewhere_the_first_signal_interrupts(number: int) -> None:
    with Interrupt() as interrupt:
        with interrupt.clean_stop(lambda: None):
            pass
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert interrupt.requested
        assert not interrupt.at_once


def test_signals_that_come_together_are_one_even_where_contexts_are_nested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signals, "SAME_SECONDS", 3600.0)
    monkeypatch.setattr(Interrupt, "_last_signal", -math.inf)
    with Interrupt():
        with Interrupt() as inner, inner.clean_stop(lambda: None):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert inner.requested
        assert not inner.at_once


def test_a_terminal_that_closes_asks_once_and_not_under_nohup() -> None:
    with Interrupt() as interrupt, interrupt.clean_stop(lambda: None):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        assert interrupt.requested
        assert not interrupt.at_once
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt, interrupt.clean_stop(lambda: None):
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupt.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_is_known_of_while_the_main_thread_hangs_in_c() -> None:
    seen: list[bool] = []

    def send(interrupt: Interrupt) -> None:
        seen.append(interrupt.has_come)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: interrupt.has_come, "the signal")
        seen.append(interrupt.has_come)

    with Interrupt(), Interrupt() as interrupt, interrupt.clean_stop(lambda: None):
        thread = threading.Thread(target=send, args=[interrupt])
        thread.start()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000)  # without a look at signals
        thread.join()
        assert seen == [False, True]
        assert interrupt.requested
    assert signal.set_wakeup_fd(-1) == -1


def test_a_handler_that_a_library_in_c_removes_comes_back_in_any_thread() -> None:
    libc = ctypes.CDLL(None)
    libc.signal.restype = ctypes.c_void_p
    with Interrupt(), kept_handlers():
        remove = threading.Thread(target=libc.signal, args=(signal.SIGTERM, signal.SIG_DFL))
        handler = signals._get_handler(signal.SIGTERM)
        remove.start()
        remove.join()
        wait_for(lambda: signals._get_handler(signal.SIGTERM) == handler, "handler")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_further_signals_are_ignored_until_the_process_ends() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Interrupt() as interrupt:
            interrupt.ignore_further()
        for number in before:
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_handler_that_another_library_set_is_replaced_and_the_first_one_comes_back() -> None:
    def mine(*_: object) -> None: ...

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with Interrupt() as interrupt:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with interrupt.clean_stop(lambda: None):
                os.kill(os.getpid(), signal.SIGTERM)
            assert interrupt.requested
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def listen() -> None:
        with Interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]
