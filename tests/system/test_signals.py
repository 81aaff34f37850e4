import os
import signal
import threading

import pytest

from tune_noise.system.signals import Interrupt


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_elsewhere_the_first_signal_interrupts(number: int) -> None:
    with Interrupt() as interrupt:
        with interrupt.clean_stop(lambda: None):
            pass
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert interrupt.requested
        assert not interrupt.at_once


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
