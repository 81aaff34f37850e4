"""Ctrl-C and SIGTERM: once, a search comes to a clean stop; twice, it ends at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """What the user or the system has asked for by signals; a context that listens to them.

    Signals reach the main thread only; in any other the context changes nothing.

    Attributes:
        requested: a signal came.
        at_once: another one came after it.
    """

    def __init__(self) -> None:
        self.requested = self.at_once = False
        self._on_request: Callable[[], None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Start to listen."""
        self._listen()
        return self

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

    def _listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            before = signal.signal(number, self._take)
            self._before.setdefault(number, before)

    @contextmanager
    def clean_stop(self, on_request: Callable[[], None]) -> Iterator[None]:
        """Inside, the first signal sets `requested` and interrupts nothing; elsewhere it does.

        Args:
            on_request: called at the first signal, e.g. to say what happens now.
        """
        # Again: Ray takes SIGTERM for itself when it starts.
        self._listen()
        self._on_request = on_request
        try:
            yield
        finally:
            self._on_request = None

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.at_once, self.requested = self.requested, True
        if self._on_request is None or self.at_once:
            raise KeyboardInterrupt
        self._on_request()
