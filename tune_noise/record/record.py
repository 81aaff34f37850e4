"""Append to and read the events of one search."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tune_noise.record.damage import damaged
from tune_noise.record.database import open_database
from tune_noise.record.events import Event, EventKind, Row, event_of, row_of
from tune_noise.record.place import RecordPlace

# Few enough to be held in memory at once, many enough that the queries do not count.
_CHUNK = 5000


class Record:
    """The events of one search.

    Args:
        place: where they are; made if nothing is there. A path means a SQLite file.
        writer: keep every other writer out, and remove what an unfinished write left.

    Attributes:
        place: where the events are.
        dropped: one sentence about an unfinished or damaged last write that does not count, or
            None. Opening as a writer finds it; reading finds a damaged last event.

    Raises:
        UserError: the database cannot be opened, is not a record, is damaged, or another writer
            has it.
    """

    def __init__(self, place: RecordPlace | Path, *, writer: bool = False) -> None:
        """Open it; readers in other processes see every committed event at once."""
        self.place = RecordPlace.of_file(place) if isinstance(place, Path) else place
        self._writer = writer
        self._database = open_database(self.place, writer=writer)
        self.dropped = self._database.dropped
        self._last_number: int | None = None
        if writer:
            try:
                self._drop_damaged_last()
            except BaseException:
                self.close()
                raise

    def append(self, *events: Event, durable: bool = False) -> None:
        """Write events, all or none.

        Args:
            *events: in the order in which they happened.
            durable: also wait until the disk holds them (ends of trials, rung decisions);
                without it a crash of the machine, though not of the program, may lose them.

        Raises:
            StorageError: the disk is full, failed or gone, or the database did not answer for a
                minute. The record is still whole, and a later append may work.
        """
        if not events:
            return
        if self._last_number is None:
            self._last_number = self._database.last_number()
        last, now, search = self._last_number, time.time(), self.place.search
        rows = [
            row_of(event, search=search, number=number, seconds=now)
            for number, event in enumerate(events, last + 1)
        ]
        # Asked again after a failure: only the database knows whether it holds them.
        self._last_number = None
        self._database.write(rows, durable=durable)
        self._last_number = last + len(rows)

    def events(self, *, after: int = 0, chunk: int = _CHUNK) -> Iterator[Event]:
        """Return the events with a number above `after`, in order.

        Args:
            after: 0 for all.
            chunk: how many are read at once.

        Raises:
            UserError: an event is damaged that is not the last one.
            StorageError: the database cannot be read.
        """
        while rows := self._database.read(after=after, limit=chunk):
            for row in rows:
                event = event_of(row)
                if event is None and self._is_last(row):
                    self.dropped = _dropped(self.place, after + 1)
                    return
                if event is None or event.number != after + 1:
                    raise damaged(self.place, f"event {after + 1} is damaged or missing")
                yield event
                after = event.number
            if len(rows) < chunk:
                return

    def find(
        self,
        *,
        kinds: Sequence[EventKind] = (),
        trial_id: str | None = None,
        first: int = 1,
        last: int | None = None,
    ) -> Iterator[Event]:
        """Return the events of some kinds, or of one trial, without reading the others.

        Args:
            kinds: empty for all.
            trial_id: None for all, and those that belong to no trial.
            first: number of the first event that may be among them.
            last: number of the last one; None for no limit.

        Raises:
            UserError: one of them is damaged.
            StorageError: the database cannot be read.
        """
        rows = self._database.find(kinds=kinds, trial_id=trial_id, first=first, last=last)
        for row in rows:
            event = event_of(row)
            if event is None:
                raise damaged(self.place, f"event {row[1]} is damaged")
            yield event

    def pick(self, kind: EventKind, *names: str) -> list[tuple[Any, ...]]:
        """Return a few values of all events of one kind, without the rest: ten times as fast.

        Checksums are not looked at.

        Returns:
            Per event, in order: number, Unix time, trial_id, and the value of each name; None
            where the event has none.

        Raises:
            UserError: the data of one of them are no JSON.
            StorageError: the database cannot be read.
        """
        return self._database.pick(kind, names)

    def last_number(self) -> int:
        """Return the number of the last event; 0 where there is none."""
        return self._database.last_number()

    def restore(self, events: Sequence[Event]) -> None:
        """Write events that another record held into this one, which must be empty."""
        rows = [
            row_of(event, search=self.place.search, number=event.number, seconds=event.seconds)
            for event in events
        ]
        self._database.write(rows, durable=True)

    def keep_until(self, number: int) -> None:
        """Remove every event after one; for what cannot be read any more."""
        self._database.delete(after=number)
        self._last_number = None

    def close(self) -> None:
        """Close it; the record stays readable."""
        self._database.close()

    def _is_last(self, row: Row) -> bool:
        """Return whether a damaged row is the last one, so that a writer would drop it, too."""
        return not self._writer and not self._database.read(after=row[1], limit=1)

    def _drop_damaged_last(self) -> None:
        last = self._database.last_number()
        rows = self._database.read(after=last - 2, limit=2)
        damage = [event_of(row) is None for row in rows]
        if damage and damage[-1] and not any(damage[:-1]):
            self._database.delete(after=last - 1)
            self.dropped = "; ".join(filter(None, [self.dropped, _dropped(self.place, last)]))

    def __enter__(self) -> Self:
        """Use the record as a context."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()


def _dropped(place: RecordPlace, number: int) -> str:
    return f"{place.shown}: event {number}, the last one, is damaged and was left out"
