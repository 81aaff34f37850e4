"""What a record needs of the database that holds it."""

from collections.abc import Sequence
from typing import Any, Protocol

from tune_noise.record.events import Row
from tune_noise.record.place import RecordPlace


class Database(Protocol):
    """The rows of one search; `SqliteDatabase` and `PostgresDatabase`.

    Every method raises StorageError where the database fails, and UserError where what it holds
    cannot be a record.
    """

    dropped: str | None

    def last_number(self) -> int:
        """Return the number of the last event; 0 where there is none."""

    def write(self, rows: Sequence[Row], *, durable: bool) -> None:
        """Add rows, all or none; their numbers follow the last one."""

    def read(self, *, after: int, limit: int) -> list[Row]:
        """Return the first rows with a number above `after`, in order."""

    def find(
        self, *, kinds: Sequence[str], trial_id: str | None, first: int, last: int | None
    ) -> list[Row]:
        """Return the rows of some kinds and of one trial, in order; neither named: all."""

    def pick(self, kind: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return number, time, trial and the named values of all rows of one kind, in order."""

    def delete(self, *, after: int) -> None:
        """Remove every row with a number above `after`."""

    def close(self) -> None:
        """End the connection."""


def open_database(place: RecordPlace, *, writer: bool) -> Database:
    """Connect to the database of a place; its table is made if it has none.

    Raises:
        UserError: it cannot be opened or is not a record, or another writer has it.
    """
    if place.path is not None:
        from tune_noise.record.sqlite import SqliteDatabase

        return SqliteDatabase(place, writer=writer)
    # Loaded here: the driver is installed only where someone needs it.
    from tune_noise.record.postgresql import PostgresDatabase

    return PostgresDatabase(place, writer=writer)


def holds_events(place: RecordPlace) -> bool:
    """Return whether a database has an event of a search; no table is made on a server.

    Raises:
        UserError: it cannot be asked.
    """
    if place.path is None:
        from tune_noise.record.server import Server

        return Server(place).holds_events()
    if not place.path.exists():
        return False
    database = open_database(place, writer=False)
    try:
        return database.last_number() > 0
    finally:
        database.close()
