"""The order of an event: it is recorded, takes effect, and is announced."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tune_noise.record import Event, Record


class EventLog:
    """Writes what a session does.

    Args:
        record: where it goes first.
        take_effect: called then with each event.
        announce: called last, e.g. to show progress.
    """

    def __init__(
        self,
        record: Record,
        take_effect: Callable[[Event], None],
        announce: Callable[[Event], None],
    ) -> None:
        self._record, self._take_effect, self._announce = record, take_effect, announce
        # What is still to be written, while it is gathered, and whether the disk is to hold it.
        self._gathered: list[Event] | None = None
        self._is_durable = False

    def write(self, *events: Event, durable: bool = False) -> None:
        """Record events, all or none, then let them take effect.

        Raises:
            StorageError: see `Record.append`.
        """
        if self._gathered is not None:
            self._gathered += events
            self._is_durable |= durable
            self._apply(events)
            return
        self._append(events, durable)
        self._apply(events)
        for event in events:
            self._announce(event)

    @contextmanager
    def in_one_piece(self) -> Iterator[None]:
        """Record all that is written inside at its end, all or none, with one wait for the disk.

        Inside, events take effect on the session before they are recorded. So nothing may leave
        the session there; where the record fails the session is of no use any more.

        Raises:
            StorageError: see `Record.append`.
        """
        self._gathered, self._is_durable = [], False
        try:
            yield
            gathered = self._gathered
        finally:
            self._gathered = None
        self._append(gathered, self._is_durable)
        for event in gathered:
            self._announce(event)

    def _append(self, events: Sequence[Event], durable: bool) -> None:
        if events:
            self._record.append(*events, durable=durable)

    def _apply(self, events: Sequence[Event]) -> None:
        for event in events:
            self._take_effect(event)
