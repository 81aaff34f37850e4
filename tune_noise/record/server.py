"""A PostgreSQL server: connect to it, see that it can hold a record, and say why not."""

import os
import secrets
import socket

import sqlalchemy as sa

from tune_noise.errors import UserError
from tune_noise.record.lock import holder_of
from tune_noise.record.place import RecordPlace
from tune_noise.record.table import COLUMNS, CREATE, LAST_NUMBER
from tune_noise.record.url import EXAMPLE, parse
from tune_noise.system.masking import mask_password

# Both ends notice within half a minute that the other one is gone: so a dead driver does not keep
# its search locked, and a dead server no driver waiting. Here the URL may say otherwise.
_CLIENT = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SERVER = sa.text(
    "SELECT set_config('tcp_keepalives_idle', '10', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false),"
    # Keepalives alone do not tell while an answer is on its way.
    " set_config('tcp_user_timeout', '25000', false),"
    # As long as a writer waits for a server that is away, e.g. for someone who locked the table.
    " set_config('statement_timeout', '60s', false)"
)
_COLUMNS = sa.text(
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('events')"
    " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
_RIGHTS = sa.text(
    "SELECT current_setting('transaction_read_only') = 'on' AS read_only,"
    " CASE WHEN to_regclass('events') IS NULL THEN"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
    " ELSE has_table_privilege('events', 'SELECT') AND has_table_privilege('events', 'INSERT')"
    " END AS may_write"
)
# What an unlucky moment brings about, not a mistake: no connection (class 08), the server stops,
# starts or has crashed (57P), or has too many connections.
_PASSING = ("08", "57P", "53300")
# Another process made the table, or the type of its rows, at the same moment.
_MADE_TWICE = ("23505", "42P07", "42710")


class Server:
    """The server that holds a record.

    Args:
        place: of the record.

    Attributes:
        application: how the server's own lists name this process's connections.

    Raises:
        UserError: the driver is not installed.
    """

    def __init__(self, place: RecordPlace) -> None:
        self._place = place
        host = socket.gethostname()[:30]
        self.application = f"tune_noise {os.getpid()} on {host} {secrets.token_hex(3)}"
        url = parse(place.url)
        settings = {**_CLIENT, "application_name": self.application}
        try:
            self._engine = sa.create_engine(
                url.update_query_dict({k: v for k, v in settings.items() if k not in url.query}),
                poolclass=sa.NullPool,
                # One statement is one transaction and one journey to the server.
                isolation_level="AUTOCOMMIT",
                hide_parameters=True,
            )
        except ImportError as error:
            raise UserError(
                f"{place.shown}: the driver for PostgreSQL is missing ({error.name}): install it "
                "with pip install 'tune-noise[postgres]'"
            ) from None

    def connect(self) -> sa.Connection:
        """Return a new connection; each statement on it is a transaction.

        Raises:
            sqlalchemy.exc.DBAPIError: the server does not answer or refuses us.
        """
        connection = self._engine.connect()
        connection.execute(_SERVER)
        return connection

    def open(self) -> sa.Connection:
        """Return the first connection, to a database that has the table of events.

        Raises:
            UserError: it cannot be reached, or cannot hold a record.
        """
        connection = self._reach()
        try:
            if not self._has_table(connection):
                self._make_table(connection)
        except sa.exc.DBAPIError as error:
            connection.close()
            raise self._unusable(reason_of(error)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def check(self) -> None:
        """Check that the database can be reached and written; nothing is changed.

        Raises:
            UserError: it cannot.
        """
        with self._reach() as connection:
            read_only, may_write = connection.execute(_RIGHTS).one()
        self.close()
        if read_only:
            raise self._unusable("it may only be read, as a standby server")
        if not may_write:
            raise self._unusable("this user may not make or write the table `events` in it")

    def holds_events(self) -> bool:
        """Return whether there is an event of this search; nothing is changed.

        Raises:
            UserError: it cannot be reached or read, or what is there is no record.
        """
        with self._reach() as connection:
            try:
                if not self._has_table(connection):
                    return False
                number = connection.execute(
                    LAST_NUMBER, {"search": self._place.search}
                ).scalar_one()
            except sa.exc.DBAPIError as error:
                raise self._unusable(reason_of(error)) from None
        self.close()
        return bool(number)

    def holder(self) -> str | None:
        """Return which driver writes this search now; None where none does. Nothing is changed.

        Raises:
            UserError: it cannot be reached.
        """
        with self._reach() as connection:
            driver = holder_of(connection, self._place.search)
        self.close()
        return None if driver is None else str(driver)

    def close(self) -> None:
        """Forget the server."""
        self._engine.dispose()

    def _reach(self) -> sa.Connection:
        try:
            return self.connect()
        except (sa.exc.DBAPIError, OSError, UnicodeError) as error:
            raise self._unreachable(error) from None

    def _has_table(self, connection: sa.Connection) -> bool:
        columns = list(connection.execute(_COLUMNS).scalars())
        if columns and columns != list(COLUMNS):
            raise self._unusable("it has a table `events` of something else")
        return bool(columns)

    def _make_table(self, connection: sa.Connection) -> None:
        try:
            connection.execute(CREATE)
        except sa.exc.DBAPIError as error:
            if state_of(error) not in _MADE_TWICE:
                raise

    def _unreachable(self, error: Exception) -> UserError:
        return UserError(
            f"{self._place.shown} cannot be reached ({reason_of(error)}): start the server, or "
            f"correct the URL ({EXAMPLE}; without PASSWORD, PGPASSWORD or ~/.pgpass is asked)"
        )

    def _unusable(self, reason: str) -> UserError:
        return UserError(
            f"{self._place.shown} cannot hold a record ({reason}): make a database for it, e.g. "
            "with createdb tune_noise"
        )


def state_of(error: BaseException) -> str | None:
    """Return the five characters by which PostgreSQL names an error; None if it gave no answer."""
    return getattr(getattr(error, "orig", error), "sqlstate", None)


def is_passing(error: sa.exc.DBAPIError) -> bool:
    """Return whether the same may work a moment later."""
    state = state_of(error)
    if state is None:
        # The driver's own words: the connection failed or broke.
        return isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
    return state.startswith(_PASSING)


def reason_of(error: BaseException) -> str:
    """Return an error's own words, in one line and without passwords."""
    return mask_password(" ".join(str(getattr(error, "orig", error)).split()))
