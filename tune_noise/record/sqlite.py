"""A record in a SQLite file: one writer, and readers that see every committed event at once."""

import os
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tune_noise.errors import StorageError, TuneNoiseError, UserError
from tune_noise.record.damage import damaged
from tune_noise.record.events import Row
from tune_noise.record.place import RecordPlace
from tune_noise.record.table import (
    COLUMNS,
    CREATE,
    DELETE,
    INSERT,
    LAST_NUMBER,
    SELECT,
    select_events,
    select_values,
)
from tune_noise.record.wal import lost_writes

# Another process holds the file only for moments, e.g. while it recovers it.
_LOCK_SECONDS = 30.0
_SMALLEST_PAGE = 512
_CLOSING_MILLISECONDS = 1000
# The driver raises its own error while rows are fetched from its cursor, and a Unicode error where
# damage has turned the name of a column into bytes that are no text.
_DRIVER_ERRORS = (sa.exc.DBAPIError, sqlite3.Error, UnicodeError)
# SQLite's name for what failed, without its details, in words; the system may know better.
_REASONS = {
    "SQLITE_FULL": "No space left on device",
    "SQLITE_READONLY": "it may only be read",
    "SQLITE_IOERR": "the disk reports an input/output error",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_BUSY": "another process keeps it locked",
    "SQLITE_CONSTRAINT": "another driver has written to it meanwhile",
}
# At the start these are about the path and its permissions, not about a disk that failed.
_UNUSABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN")
# The columns of a record that version 0.1.0 of tune_noise wrote.
_FORMER_COLUMNS = ["number", "seconds", "kind", "trial_id", "data"]


class SqliteDatabase:
    """The rows of one search in a SQLite file; see `Database`.

    Args:
        place: of the file; it is made if it does not exist.
        writer: look for an unfinished last write and for damage.
    """

    def __init__(self, place: RecordPlace, *, writer: bool) -> None:
        """Open the file, recover it after a crash, and see that it is a record."""
        assert place.path is not None
        self._place, self._path, self._key = place, place.path, place.search
        self._log = Path(f"{self._path}-wal")
        # SQLite empties the log when its last user leaves; but what a crash left in it is for the
        # next writer to see, so a reader opens the file in a way that leaves the log alone.
        self._is_writer = writer
        self._is_reader = not writer and self._log_is_used()
        self._durable: bool | None = None
        self.dropped: str | None = None
        self._engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=sa.NullPool, hide_parameters=True
        )
        try:
            self._connection = self._open()
            self._identity = _identity(self._path)
        except _DRIVER_ERRORS as error:
            self._engine.dispose()
            raise self._failure(error, opening=True) from None

    def last_number(self) -> int:
        """Return the number of the last event; 0 where there is none."""
        [[number]] = self._read(LAST_NUMBER, search=self._key)
        return int(number)

    def read(self, *, after: int, limit: int) -> list[Row]:
        """Return the first rows with a number above `after`, in order."""
        return self._read(SELECT, raw=True, search=self._key, after=after, limit=limit)

    def find(
        self, *, kinds: Sequence[str], trial_id: str | None, first: int, last: int | None
    ) -> list[Row]:
        """Return the rows of some kinds and of one trial, in order."""
        query = select_events(kinds=kinds, trial_id=trial_id, first=first, last=last)
        return self._read(query, raw=True, search=self._key)

    def pick(self, kind: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return number, time, trial and the named values of all rows of one kind, in order."""
        return self._read(select_values(kind, names, _value), raw=True, search=self._key)

    def write(self, rows: Sequence[Row], *, durable: bool) -> None:
        """Add rows in one transaction."""
        self._change(INSERT, [dict(zip(COLUMNS, row, strict=True)) for row in rows], durable)

    def delete(self, *, after: int) -> None:
        """Remove every row with a number above `after`."""
        self._change(DELETE, [{"search": self._key, "after": after}], durable=True)

    def close(self) -> None:
        """Close the file, with all events in it and none left in its log."""
        if self._durable is not None and not self._connection.closed:
            self._roll_back()  # what Ctrl-C has interrupted
            with suppress(sa.exc.DBAPIError):
                # A reader in another process may keep SQLite from doing so by itself.
                _pragma(self._connection, f"busy_timeout={_CLOSING_MILLISECONDS}")
                _pragma(self._connection, "wal_checkpoint(TRUNCATE)")
        with suppress(sa.exc.DBAPIError):
            self._connection.close()
        self._engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode={'ro' if self._is_reader else 'rwc'}"
        connection = sqlite3.connect(uri, uri=True, timeout=_LOCK_SECONDS, check_same_thread=False)
        connection.text_factory = _decode
        return connection

    def _open(self) -> sa.Connection:
        size = self._path.stat().st_size if self._path.is_file() else 0
        if 0 < size < _SMALLEST_PAGE or (size == 0 and self._log_is_used()):
            # SQLite would take it for a new file, and remove the log.
            raise damaged(self._place, f"the file is cut off after {size} bytes")
        connection = self._engine.connect()
        try:
            columns = _columns(connection)
            if columns and columns != list(COLUMNS):
                raise self._foreign(columns)
            if self._is_writer:
                self._check(connection)
            if not self._is_reader:
                # A write-ahead log lets the tracking process read while the driver writes.
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                # On macOS to wait for the disk takes more than fsync.
                connection.exec_driver_sql("PRAGMA fullfsync=ON")
                connection.execute(CREATE)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _log_is_used(self) -> bool:
        return self._log.is_file() and self._log.stat().st_size > 0

    def _foreign(self, columns: list[str]) -> UserError:
        if columns == _FORMER_COLUMNS:
            return UserError(
                f"{self._path} was written by an earlier version of tune_noise: go on with that "
                "version, or start again with another --name"
            )
        return damaged(self._place, "not a record of a search, or a damaged one")

    def _check(self, connection: sa.Connection) -> None:
        """Check what a crash left, and that the file's pages are sound."""
        [_, num_valid, _] = _pragma(connection, "wal_checkpoint(PASSIVE)")[0]
        if lost := lost_writes(self._log, num_valid=max(0, num_valid)):
            self.dropped = _unfinished(self._path, lost)
            # Else what is left of it could be taken for another unfinished write.
            _pragma(connection, "wal_checkpoint(TRUNCATE)")
        # A change that is not kept: finds out before anything is trained that none can be made.
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("PRAGMA user_version=1")
        connection.rollback()
        [finding] = _pragma(connection, "quick_check(1)")[0]
        if finding != "ok":
            raise damaged(self._place, f"the file is damaged ({' '.join(finding.split())})")

    def _read(self, query: sa.Select[Any], *, raw: bool = False, **values: object) -> list[Any]:
        try:
            if self._is_reader and not _columns(self._connection):
                return [(0,)] if query is LAST_NUMBER else []
            result = self._connection.execute(query, values)
            # The driver's own rows: of a hundred thousand it is half the time.
            rows = list(result.cursor.fetchall() if raw and result.cursor else result.all())
            self._connection.commit()
        except _DRIVER_ERRORS as error:
            self._roll_back()
            raise self._failure(error) from None
        return rows if raw else [tuple(row) for row in rows]

    def _change(self, statement: sa.Executable, rows: list[dict[str, Any]], durable: bool) -> None:
        if self._is_reader:
            self._is_reader = False
            self._connection.close()
            self._connection = self._open()
        if _identity(self._path) != self._identity:
            raise StorageError(f"{self._path} cannot be written: it was removed or replaced")
        try:
            if durable != self._durable:
                _pragma(self._connection, f"synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._connection.execute(statement, rows)
            self._connection.commit()
        except sa.exc.DBAPIError as error:
            self._roll_back()
            raise self._failure(error) from None
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with suppress(sa.exc.DBAPIError):
            self._connection.rollback()

    def _failure(self, error: Exception, *, opening: bool = False) -> TuneNoiseError:
        """Return what a failure means for the user."""
        reason = getattr(error, "orig", error)
        name = getattr(reason, "sqlite_errorname", "")
        kind = "_".join(name.split("_")[:2])
        if kind not in _REASONS:
            return damaged(self._place, f"not a readable record of a search ({reason})")
        words = f"{_system_reason(self._path.parent) or _REASONS[kind]} ({name})"
        if opening and kind in _UNUSABLE:
            return UserError(f"{self._path} cannot be opened as a record: {words}")
        return StorageError(f"{self._path} cannot be used: {words}")


def _pragma(connection: sa.Connection, pragma: str) -> list[Any]:
    result = connection.exec_driver_sql(f"PRAGMA {pragma}")
    rows = list(result.all()) if result.returns_rows else []
    connection.commit()
    return rows


def _columns(connection: sa.Connection) -> list[str]:
    return [row[1] for row in _pragma(connection, "table_info(events)")]


def _value(data: sa.ColumnElement[str], name: str) -> sa.ColumnElement[Any]:
    return sa.func.json_extract(data, f'$."{name}"')


def _decode(text: bytes) -> str:
    # Damaged text is for the checksum to find.
    return text.decode(errors="surrogateescape")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file a path names now: an open file outlives its name."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _system_reason(folder: Path) -> str | None:
    """Return why nothing can be written to a folder, in the system's words; None where it can.

    SQLite keeps them to itself, and to say `disk I/O error` of a full quota leads astray.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror
    return None


def _unfinished(path: Path, writes: int) -> str:
    if writes == 1:
        return f"{path}: an unfinished last write was found and left out"
    return f"{path}: the last {writes} writes were not whole on the disk and were left out"
