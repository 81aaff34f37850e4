"""The way out of a damaged record: keep the events that stand before the damage."""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.record.events import Event
from tune_noise.record.place import RecordPlace
from tune_noise.record.record import Record

_DAMAGED = ".damaged"


@dataclass(frozen=True)
class Salvaged:
    """What is left of a record.

    Attributes:
        kept: number of events that could be read.
        reason: what was wrong with the record; None where nothing was, and nothing was changed.
        aside: where the damaged file lies now; None for a database on a server.
    """

    kept: int
    reason: str | None
    aside: Path | None = None


def salvage(place: RecordPlace) -> Salvaged:
    """Keep the events of a record up to its first damage; no driver may be running.

    A damaged file is put aside, whole; in a database on a server the later events are removed.

    Raises:
        UserError: nothing could be read.
    """
    if place.path is None or place.search:
        # Other searches are in it, too.
        return _salvage_rows(place)
    return _salvage_file(place, place.path)


def _salvage_rows(place: RecordPlace) -> Salvaged:
    with Record(place, writer=True) as record:
        events, reason = _read(record)
        if reason is not None:
            _check_rest(events, place)
            record.keep_until(len(events))
    return Salvaged(len(events), reason)


def _salvage_file(place: RecordPlace, path: Path) -> Salvaged:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".salvage") as name:
        # A copy is read: to open a damaged file may change it.
        copy, new = RecordPlace.of_file(Path(name, "copy")), Path(name, "new")
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy.path}{suffix}")
        events, reason = _read_file(copy)
        if reason is None:
            return Salvaged(len(events), None)
        _check_rest(events, place)
        with Record(new) as record:
            record.restore(events)
        aside = _put_aside(path)
        os.replace(new, path)
    return Salvaged(len(events), reason.replace(str(copy.path), str(path)), aside)


def _read_file(place: RecordPlace) -> tuple[list[Event], str | None]:
    """Return all that a reader can read, and what a writer says against it."""
    events: list[Event] = []
    try:
        with Record(place) as record:
            events, reason = _read(record)
        if reason is None:
            Record(place, writer=True).close()
    except TuneNoiseError as error:
        reason = str(error)
    return events, reason


def _read(record: Record) -> tuple[list[Event], str | None]:
    events: list[Event] = []
    try:
        events.extend(record.events())
    except TuneNoiseError as error:
        # One at a time: a query for many fails with the first that cannot be read.
        events.clear()
        with suppress(TuneNoiseError):
            for event in record.events(chunk=1):
                events.append(event)  # what was read before a failure counts
        return events, str(error)
    return events, record.dropped


def _check_rest(events: list[Event], place: RecordPlace) -> None:
    if not events:
        raise UserError(
            f"{place.shown}: not one event can be read. Restore it from a copy, or start again "
            "with another --name"
        )


def _put_aside(path: Path) -> Path:
    aside = Path(f"{path}{_DAMAGED}")
    count = 1
    while aside.exists():
        count += 1
        aside = Path(f"{path}{_DAMAGED}{count}")
    os.replace(path, aside)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside
