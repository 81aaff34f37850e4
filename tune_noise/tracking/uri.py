"""Where MLflow is: the default, and a check before a search starts."""

import os
import socket
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

from tune_noise.errors import UserError
from tune_noise.system.masking import mask_password
from tune_noise.tracking.internals.request import request_experiments

OPTION, VARIABLE = "--tracking-uri", "MLFLOW_TRACKING_URI"
CHECK_SECONDS = 4.0
SERVER_SCHEMES = ("http", "https")
# What MLflow can store in without a server, and the port of each.
DATABASE_PORTS = {"sqlite": 0, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
# What may follow a `?` in the URI of a SQLite file.
SQLITE_PARAMETERS = {
    "cached_statements",
    "check_same_thread",
    "detect_types",
    "isolation_level",
    "timeout",
}

TELEMETRY_OFF = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
# No retries inside MLflow, which repeat a create_run whose answer was lost: the mirror tries again
# itself, after it has looked what arrived.
CHILD_ENVIRONMENT = TELEMETRY_OFF | {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONWARNINGS": "ignore",
}


def default_tracking_uri(output_root: Path) -> str:
    """Return the store beside the searches: a SQLite file in the output root.

    Example:
        >>> default_tracking_uri(Path("/data/runs"))
        'sqlite:////data/runs/mlflow.db'
    """
    return sqlite_uri(output_root.resolve() / "mlflow.db")


def sqlite_uri(file: Path) -> str:
    """Return the URI of a SQLite file, whatever signs its path holds.

    Only `%` and `?` mean something in such a URI. Where they are quoted the URI names its driver:
    MLflow makes the folder of any other one, and takes the quoted path for its name.

    Example:
        >>> sqlite_uri(Path("/data/why?/mlflow.db"))
        'sqlite+pysqlite:////data/why%3F/mlflow.db'
    """
    path = str(file)
    quoted = path.replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{path}" if quoted == path else f"sqlite+pysqlite:///{quoted}"


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a `sqlite:` URI; None for every other URI."""
    if scheme_of(uri) != "sqlite":
        return None
    database = sa.engine.make_url(uri).database
    return Path(database) if database else None


def scheme_of(uri: str) -> str:
    """Return `postgresql` for `postgresql+psycopg2://...`; empty for a plain path."""
    return uri.partition(":")[0].partition("+")[0].lower() if ":" in uri else ""


def check_tracking_uri(uri: str, *, source: str = OPTION) -> None:
    """Find out within about five seconds whether MLflow can be reached at a URI.

    Args:
        uri: `http(s)://...` of an MLflow server, or a database such as `sqlite:///FILE`.
        source: what the message calls it: the option, or `VARIABLE` where it comes from there.

    Raises:
        UserError: the scheme is not supported, nothing answers, the server refuses us, or the
            SQLite file cannot be written.
    """
    fault = _fault(uri)
    if fault is not None:
        overrule = f", or overrule the environment with {OPTION}" if source == VARIABLE else ""
        raise UserError(mask_password(f"{source} {uri}: {fault.reason}; {fault.way_out}{overrule}"))


class Fault(NamedTuple):
    """What is wrong with a URI, and what to do about it."""

    reason: str
    way_out: str


def _fault(uri: str) -> Fault | None:
    scheme = scheme_of(uri)
    if scheme in SERVER_SCHEMES:
        return _server_fault(uri)
    if scheme == "sqlite":
        return _sqlite_fault(uri)
    if scheme in DATABASE_PORTS:
        return _database_fault(uri, default_port=DATABASE_PORTS[scheme])
    return Fault(
        "MLflow no longer stores runs in a plain folder"
        if scheme in ("", "file")
        else f"the scheme {scheme!r} is not supported",
        "use http://HOST:PORT of an MLflow server, or sqlite:////ABSOLUTE/FILE.db",
    )


def _server_fault(uri: str) -> Fault | None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return Fault(
            "its host or port cannot be understood",
            "write http://HOST:PORT; in a password write %2F for /, %3F for ?, %23 for #",
        )
    if not host:
        return Fault("there is no host name in it", "write http://HOST:PORT")
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
    answer = request_experiments(uri, timeout_seconds=CHECK_SECONDS)
    if answer is None:
        return Fault(
            f"no MLflow server answered within {CHECK_SECONDS:g} seconds",
            "start it (mlflow server --host 127.0.0.1 --port 5000) or correct the address",
        )
    return _answer_fault(status=answer.status_code, text=answer.text)


def _answer_fault(*, status: int, text: str) -> Fault | None:
    if status in (401, 403):
        return Fault(
            f"the server refused us with status {status} ({' '.join(text.split())[:120]})",
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or allow this host name "
            "with mlflow server --allowed-hosts",
        )
    if status != 200 or not text.startswith("{"):
        return Fault(
            f"what answered is not a working MLflow server (status {status})",
            "correct the address, or look into the server's log",
        )
    return None


def _sqlite_fault(uri: str) -> Fault | None:
    way_out = "write sqlite:////ABSOLUTE/FILE.db"
    try:
        path = sqlite_file(uri)
        if path is None or str(path) == ":memory:":
            return Fault("there is no file in it", way_out)
        if not parse_qs(urlsplit(uri).query, keep_blank_values=True).keys() <= SQLITE_PARAMETERS:
            return Fault("? begins parameters in it", "write %3F for a ? of the path, %25 for a %")
        return _file_fault(path)
    except (sa.exc.ArgumentError, ValueError):
        return Fault("it cannot be understood", way_out)
    except OSError as error:
        return Fault(f"{error.strerror}", "choose another file")


def _file_fault(path: Path) -> Fault | None:
    if path.exists():
        if not path.is_file() or not os.access(path, os.W_OK):
            return Fault(f"{path} is not a file we may write", "choose another file")
        with path.open("rb") as file:
            if file.read(16) not in (b"", b"SQLite format 3\x00"):
                return Fault(f"{path} is not a SQLite database", "choose another file")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Fault(f"we may not write in {folder}", "choose another folder")
    return None


def _database_fault(uri: str, *, default_port: int) -> Fault | None:
    try:
        url = sa.engine.make_url(uri)
        sa.create_engine(url).dispose()
        address = (url.host or "localhost", url.port or default_port)
        socket.create_connection(address, timeout=CHECK_SECONDS).close()
    except ImportError as error:
        return Fault(
            f"its database driver is missing ({error.name})",
            "install it with pip, or name one that is installed, e.g. postgresql+psycopg://...",
        )
    except (sa.exc.ArgumentError, OSError, ValueError) as error:
        return Fault(f"no database answered ({error})", "start it or correct the address")
    return None
