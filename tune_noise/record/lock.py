"""The lock that keeps a second writer from a search whose record is in PostgreSQL.

An advisory lock belongs to a connection: the server frees it as soon as the process that holds it
has died. It needs a connection of one's own, so not one through a pooler in transaction mode.
"""

from dataclasses import dataclass

import sqlalchemy as sa

# Of a database (pg_locks) and, by the key, of a schema and a search in it.
_KEY = "hashtextextended('tune_noise ' || current_schema() || ' ' || :search, 0)"
_TAKE = sa.text(f"SELECT pg_try_advisory_lock({_KEY})")
_HOLDER = sa.text(
    "SELECT pid, application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND (classid::bigint << 32) | objid::bigint = {_KEY}"
)
_END = sa.text("SELECT pg_terminate_backend(:pid)")


@dataclass(frozen=True)
class Holder:
    """The connection that has the lock.

    Attributes:
        pid: of the server's process that serves it.
        application: the name that it gave itself.
    """

    pid: int
    application: str

    def __str__(self) -> str:
        """Return the driver in words."""
        name = self.application.removeprefix("tune_noise ").rpartition(" ")[0]
        return f"process {name}" if name else f"connection {self.pid}"


def take_lock(connection: sa.Connection, search: str) -> Holder | None:
    """Take the lock of a search for a connection.

    Returns:
        None if it is taken, else who has it.
    """
    while not connection.execute(_TAKE, {"search": search}).scalar():
        if holder := holder_of(connection, search):
            return holder
        # It was freed between the two questions.
    return None


def holder_of(connection: sa.Connection, search: str) -> Holder | None:
    """Return who has the lock of a search, without asking for it; None where nobody has it."""
    row = connection.execute(_HOLDER, {"search": search}).first()
    return None if row is None else Holder(*row)


def end(connection: sa.Connection, holder: Holder) -> None:
    """End another connection, and with it its lock."""
    connection.execute(_END, {"pid": holder.pid})
