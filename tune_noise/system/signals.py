"""Ctrl-C, SIGTERM and SIGHUP: once, a search comes to a clean stop; twice, it ends at once."""

import ctypes
import math
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `timeout` sends its signal twice, to the process and to its group: together they are one.
SAME_SECONDS = 0.2
# How often it is looked whether a handler is still in place.
KEEP_SECONDS = 0.02
# Of Python's stable interface for C: handlers as the operating system has them.
_get_handler = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_int)(("PyOS_getsig", ctypes.pythonapi))
_set_handler = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ("PyOS_setsig", ctypes.pythonapi)
)


@contextmanager
def kept_handlers() -> Iterator[None]:
    """Keep the handlers of this process in place while a library in C++ sets or removes its own.

    It does so past Python, which does not notice, and in any thread.
    """
    handlers = {number: _get_handler(number) for number in _SIGNALS}
    has_ended = threading.Event()

    def keep() -> None:
        is_last = False
        while not is_last:
            is_last = has_ended.wait(KEEP_SECONDS)
            for number, handler in handlers.items():
                if _get_handler(number) != handler:
                    _set_handler(number, handler)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


class Interrupt:
    """What the user or the system has asked for by signals; a context that listens to them.

    Signals reach the main thread only; in any other the context changes nothing. SIGHUP stays
    ignored where it was, as under `nohup`.

    Attributes:
        requested: a signal came.
        at_once: another one came after it. That is never SIGHUP, which a terminal that is closed
            sends more than once.
    """

    # By the monotonic clock; of the process, as contexts may be nested.
    _last_signal: ClassVar[float] = -math.inf

    def __init__(self) -> None:
        self.requested = self.at_once = False
        self._on_request: Callable[[], None] | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._pipe: tuple[int, int] | None = None
        self._outer_pipe = -1

    def __enter__(self) -> Self:
        """Start to listen."""
        self._listen()
        if self._before:
            self._pipe = os.pipe()
            for end in self._pipe:
                os.set_blocking(end, False)
            self._outer_pipe = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        return self

    @property
    def has_come(self) -> bool:
        """Whether a signal came, even if the main thread hangs in C and has not heard of it yet."""
        pipe = self._pipe
        if pipe is None or self.requested:
            return self.requested
        try:
            return bool(select.select([pipe[0]], [], [], 0)[0])
        except OSError:  # the main thread has just left the context
            return self.requested

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the signals to whoever had them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self._pipe is not None:
            signal.set_wakeup_fd(self._outer_pipe)
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def _listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            before = signal.signal(number, self._take)
            self._before.setdefault(number, before)

    def ignore_further(self) -> None:
        """Ignore signals until the process ends: only the clean-up of libraries is left to do."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self._before = {}

    @contextmanager
    def clean_stop(self, on_request: Callable[[], None]) -> Iterator[None]:
        """Inside, the first signal sets `requested` and interrupts nothing; elsewhere it does.

        Args:
            on_request: called at the first signal, e.g. to say what happens now.

        Raises:
            KeyboardInterrupt: a signal came before, and a library has swallowed its interrupt.
        """
        if self.requested:
            raise KeyboardInterrupt
        self._listen()  # again: a library may have taken a signal for itself
        self._on_request = on_request
        try:
            yield
        finally:
            self._on_request = None

    def _take(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        is_same = now - Interrupt._last_signal < SAME_SECONDS
        if is_same or (self.requested and number == signal.SIGHUP):
            return
        Interrupt._last_signal = now
        self.at_once, self.requested = self.requested, True
        if self._on_request is None or self.at_once:
            raise KeyboardInterrupt
        self._on_request()
