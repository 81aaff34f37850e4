"""What is wrong with a database that MLflow stores in without a server; nothing is changed."""

import os
import re
import socket
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

from tune_noise.tracking.fault import Fault, find_experiment_fault, find_unwritable, says_lasting
from tune_noise.tracking.internals.database import is_left_behind
from tune_noise.tracking.internals.revision import REVISION, is_older
from tune_noise.tracking.uri import SQLITE_PARAMETERS, sqlite_file

# What MLflow can store in without a server, and the port of each.
DATABASE_PORTS = {"sqlite": 0, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
# How a database refuses a login, or says that it is broken. All else may pass: that it is busy.
_REFUSED = re.compile(
    "authentication|no password|denied|login failed|pg_hba|does not exist|malformed|not a database",
    re.IGNORECASE,
)


def find_sqlite_fault(uri: str, experiment: str | None, *, seconds: float) -> Fault | None:
    """Return why MLflow cannot store in the file of a `sqlite:` URI."""
    way_out = "write sqlite:////ABSOLUTE/FILE.db"
    try:
        path = sqlite_file(uri)
        if path is None or str(path) == ":memory:":
            return Fault("there is no file in it", way_out)
        if not parse_qs(urlsplit(uri).query, keep_blank_values=True).keys() <= SQLITE_PARAMETERS:
            return Fault("? begins parameters in it", "write %3F for a ? of the path, %25 for a %")
        fault = _file_fault(path)
        if fault is not None or not path.exists():
            return fault
    except (sa.exc.ArgumentError, ValueError):
        return Fault("it cannot be understood", way_out)
    except OSError as error:
        return Fault(f"{error.strerror}", "choose another file")
    return _find_fault_inside(uri, experiment, {"timeout": seconds})


def _file_fault(path: Path) -> Fault | None:
    if path.exists():
        if not path.is_file() or not os.access(path, os.W_OK):
            return Fault(f"{path} is not a file we may write", "choose another file")
        with path.open("rb") as file:
            if file.read(16) not in (b"", b"SQLite format 3\x00"):
                return Fault(f"{path} is not a SQLite database", "choose another file")
    folder = find_unwritable(path.absolute().parent)
    return Fault(f"we may not write in {folder}", "choose another folder") if folder else None


def find_database_fault(
    uri: str, experiment: str | None, *, default_port: int, seconds: float
) -> Fault | None:
    """Return why MLflow cannot store in a database that has a server."""
    try:
        url = sa.engine.make_url(uri)
        sa.create_engine(url).dispose()
        address = (url.host or "localhost", url.port or default_port)
        socket.create_connection(address, timeout=seconds).close()
    except ImportError as error:
        return Fault(
            f"its database driver is missing ({error.name})",
            "install it with pip, or name one that is installed, e.g. postgresql+psycopg://...",
        )
    except (sa.exc.ArgumentError, OSError, ValueError) as error:
        return Fault(
            f"no database answered ({error})",
            "start it or correct the address",
            may_pass=isinstance(error, OSError),
        )
    is_libpq = url.get_driver_name() in ("psycopg", "psycopg2")
    return _find_fault_inside(
        uri, experiment, {"connect_timeout": int(seconds)} if is_libpq else {}
    )


def _find_fault_inside(
    uri: str, experiment: str | None, connect_args: dict[str, Any]
) -> Fault | None:
    engine = sa.create_engine(uri, poolclass=sa.NullPool, connect_args=connect_args)
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None  # MLflow makes its tables
            fault = _version_fault(connection, uri)
            if fault is not None or experiment is None:
                return fault
            # Without a row it asks for nothing but the right to write; it is never committed.
            connection.execute(sa.text("INSERT INTO runs SELECT * FROM runs WHERE 1 = 0"))
            return _experiment_fault(connection, experiment, uri)
    except sa.exc.DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        if not (says_lasting(reason) or _REFUSED.search(reason)):
            return None
        return Fault(
            f"the database refuses us ({reason})",
            "correct its user, password or name, let this user write, or choose another",
        )


def _version_fault(connection: sa.Connection, uri: str) -> Fault | None:
    revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if revision in (None, REVISION):
        return None
    if is_older(revision):
        return Fault(
            f"its tables are those of an older MLflow ({revision} in place of {REVISION})",
            f"make a copy of it and run `mlflow db upgrade {quote(uri)}`, or choose another",
        )
    return Fault(
        f"its tables are those of a newer MLflow, or of another program ({revision} in place of "
        f"{REVISION})",
        "choose another",
    )


def _experiment_fault(connection: sa.Connection, name: str, uri: str) -> Fault | None:
    query = "SELECT * FROM experiments WHERE name = :name AND workspace = 'default'"
    row = connection.execute(sa.text(query), {"name": name}).mappings().first()
    if row is None:
        return None
    experiment, file = dict(row), sqlite_file(uri)
    if file is not None and is_left_behind(experiment["artifact_location"], file):
        del experiment["artifact_location"]  # it will be that beside the file
    return find_experiment_fault(experiment, uri)
