"""A record in PostgreSQL: several searches in one database, which may be away for a while."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa

from tune_noise.errors import StorageError, UserError
from tune_noise.record.events import Row
from tune_noise.record.lock import end, take_lock
from tune_noise.record.place import RecordPlace
from tune_noise.record.server import Server, is_passing, reason_of
from tune_noise.record.table import (
    COLUMNS,
    DELETE,
    EVENTS,
    LAST_NUMBER,
    SELECT,
    select_events,
    select_values,
)

# How long a writer waits for a database that is away, e.g. restarted.
RETRY_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
# How long the server may take to see that the driver before us is dead.
_DEATH_SECONDS = 3.0

# One statement, so all rows or none, and one journey to the server.
_INSERT = sa.text(
    "INSERT INTO events SELECT *"
    " FROM json_populate_recordset(CAST(NULL AS events), CAST(:rows AS json))"
)
_SYNCHRONOUS = sa.text("SELECT set_config('synchronous_commit', :level, false)")
_CHECKSUMS = sa.select(EVENTS.c.number, EVENTS.c.checksum).where(
    EVENTS.c.search == sa.bindparam("search"), EVENTS.c.number >= sa.bindparam("first")
)
Result = TypeVar("Result")


class PostgresDatabase:
    """The rows of one search in PostgreSQL; see `Database`.

    Rows that a crash of the server could still lose are kept in memory until a durable write has
    followed them. After a broken connection the writer takes its lock again, looks which rows the
    server has, and sends the others: none is lost or doubled.

    Args:
        place: of the record.
        writer: take the lock of the one writer, and wait for a server that is away.

    Attributes:
        dropped: None: the server itself recovers whole transactions.
    """

    def __init__(self, place: RecordPlace, *, writer: bool) -> None:
        """Connect, make the table, take the lock."""
        self.dropped: str | None = None
        self._place, self._search, self._is_writer = place, place.search, writer
        self._server = Server(place)
        self._connection: sa.Connection | None = self._server.open()
        self._durable: bool | None = None
        self._pending: list[Row] = []
        self._sent = 0
        try:
            if writer:
                self._lock_first(self._connection)
            self._sent = self._again(self._ask_last_number)
        except BaseException:
            self.close()
            raise

    def last_number(self) -> int:
        """Return the number of the last event; 0 where there is none."""
        if any(row[1] > self._sent for row in self._pending):
            # A write that failed half-way: nobody knew whether the server had it.
            self._again(lambda connection: self._send(connection, durable=True))
        self._sent = self._again(self._ask_last_number)
        return self._sent

    def read(self, *, after: int, limit: int) -> list[Row]:
        """Return the first rows with a number above `after`, in order."""
        values = {"search": self._search, "after": after, "limit": limit}
        rows = self._again(lambda connection: connection.execute(SELECT, values).all())
        return [tuple(row) for row in rows]

    def find(
        self, *, kinds: Sequence[str], trial_id: str | None, first: int, last: int | None
    ) -> list[Row]:
        """Return the rows of some kinds and of one trial, in order."""
        return self._ask(select_events(kinds=kinds, trial_id=trial_id, first=first, last=last))

    def pick(self, kind: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return number, time, trial and the named values of all rows of one kind, in order."""
        return self._ask(select_values(kind, names, _value))

    def write(self, rows: Sequence[Row], *, durable: bool) -> None:
        """Add rows in one transaction, or as soon as the server is back."""
        self._pending += rows
        self._again(lambda connection: self._send(connection, durable=durable))

    def delete(self, *, after: int) -> None:
        """Remove every row with a number above `after`."""
        values = {"search": self._search, "after": after}
        self._again(lambda connection: connection.execute(DELETE, values))
        self._pending, self._sent = [], after

    def close(self) -> None:
        """End the connection, and with it the lock."""
        self._disconnect()
        self._server.close()

    def _again(self, action: Callable[[sa.Connection], Result]) -> Result:
        """Do something on the connection; a writer tries again until the server is back."""
        deadline = time.monotonic() + (RETRY_SECONDS if self._is_writer else 0.0)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                if self._connection is None:
                    self._connection = self._reconnect()
                return action(self._connection)
            except sa.exc.DBAPIError as error:
                self._disconnect()
                if not is_passing(error):
                    # The server has answered: what was not sent before is not recorded.
                    self._pending = [row for row in self._pending if row[1] <= self._sent]
                    raise self._failure(reason_of(error)) from None
                if time.monotonic() >= deadline:
                    raise self._failure(f"it does not answer ({reason_of(error)})") from None
            except BaseException:
                self._disconnect()
                raise
            time.sleep(pause)
            pause = min(2.0 * pause, _LONGEST_PAUSE_SECONDS)

    def _ask(self, query: sa.Select[Any]) -> list[Any]:
        values = {"search": self._search}
        rows = self._again(lambda connection: connection.execute(query, values).all())
        return [tuple(row) for row in rows]

    def _ask_last_number(self, connection: sa.Connection) -> int:
        return int(connection.execute(LAST_NUMBER, {"search": self._search}).scalar_one())

    def _send(self, connection: sa.Connection, *, durable: bool) -> None:
        rows = [row for row in self._pending if row[1] > self._sent]
        if rows:
            if durable != self._durable:
                connection.execute(_SYNCHRONOUS, {"level": "on" if durable else "off"})
                self._durable = durable
            text = json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows])
            connection.execute(_INSERT, {"rows": text})
            self._sent = rows[-1][1]
        if durable:
            # The server's log is written in order: what came before is on its disk, too.
            self._pending.clear()

    def _disconnect(self) -> None:
        connection, self._connection, self._durable = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _reconnect(self) -> sa.Connection:
        connection = self._server.connect()
        try:
            if self._is_writer:
                self._lock_again(connection)
                self._compare(connection)
        except BaseException:
            with suppress(Exception):
                connection.close()
            raise
        return connection

    def _lock_first(self, connection: sa.Connection) -> None:
        deadline = time.monotonic() + _DEATH_SECONDS
        while holder := take_lock(connection, self._search):
            if time.monotonic() >= deadline:
                raise UserError(
                    f"{self._place.shown}: this search is running already ({holder}): wait for its "
                    "end, or choose another --name. If that machine has just died, the server sees "
                    "it within half a minute"
                )
            time.sleep(_FIRST_PAUSE_SECONDS)

    def _lock_again(self, connection: sa.Connection) -> None:
        deadline = time.monotonic() + RETRY_SECONDS
        while holder := take_lock(connection, self._search):
            if holder.application != self._server.application:
                raise self._failure(
                    f"the connection broke, and another driver took over the search ({holder})"
                )
            # Our own connection of before: the server does not know yet that it is broken, and may
            # be busy with what came through it last.
            end(connection, holder)
            if time.monotonic() >= deadline:
                raise self._failure("it does not end a broken connection")
            time.sleep(_FIRST_PAUSE_SECONDS)

    def _compare(self, connection: sa.Connection) -> None:
        """Check which of our rows the server has, and that all rows there are ours."""
        first = self._pending[0][1] if self._pending else self._sent + 1
        values = {"search": self._search, "first": first - 1}
        checksums = {row[0]: row[1] for row in connection.execute(_CHECKSUMS, values)}
        ours = {row[1]: row[6] for row in self._pending}
        if first > 1 and checksums.pop(first - 1, None) is None:
            raise self._failure(f"it has lost what was safe before, event {first - 1}")
        if any(ours.get(number) != checksum for number, checksum in checksums.items()):
            raise self._failure("another driver has written to this search meanwhile")
        self._sent = max(checksums, default=first - 1)

    def _failure(self, reason: str) -> StorageError:
        return StorageError(f"{self._place.shown} cannot be used: {reason}")


def _value(data: sa.ColumnElement[str], name: str) -> sa.ColumnElement[Any]:
    return sa.cast(data, sa.JSON)[name]
