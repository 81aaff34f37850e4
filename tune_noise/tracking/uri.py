"""Where MLflow is: default, check before a search starts, and passwords kept out of messages."""

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from tune_noise.errors import UserError

CHECK_SECONDS = 4.0
SERVER_SCHEMES = ("http", "https")
# What MLflow can store in without a server, and the port of each.
DATABASE_PORTS = {"sqlite": 0, "postgresql": 5432, "mysql": 3306, "mssql": 1433}

TELEMETRY_OFF = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
# No retries inside MLflow, which repeat a create_run whose answer was lost: the mirror tries again
# itself, after it has looked what arrived.
CHILD_ENVIRONMENT = TELEMETRY_OFF | {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONWARNINGS": "ignore",
}

_USER_INFO = re.compile(r"://[^/\s]*@")
_SECRET_QUERY = re.compile(r"((?:password|passwd|pwd|token)=)[^&\s]+", re.IGNORECASE)


def mask_password(text: str) -> str:
    """The text with user and password of every URI in it replaced.

    Example:
        >>> mask_password("no answer from https://ada:secret@mlflow.example:5000/x")
        'no answer from https://***@mlflow.example:5000/x'
    """
    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub("://***@", text))


def default_tracking_uri(output_root: Path) -> str:
    """The store beside the searches: a SQLite file in the output root.

    Example:
        >>> default_tracking_uri(Path("/data/runs"))
        'sqlite:////data/runs/mlflow.db'
    """
    return f"sqlite:///{output_root.resolve() / 'mlflow.db'}"


def sqlite_file(uri: str) -> Path | None:
    """The file of a `sqlite:` URI; None for every other URI."""
    if scheme_of(uri) != "sqlite":
        return None
    database = sa.engine.make_url(uri).database
    return Path(database) if database else None


def scheme_of(uri: str) -> str:
    """`postgresql` for `postgresql+psycopg2://...`; empty for a plain path."""
    return uri.partition(":")[0].partition("+")[0].lower() if ":" in uri else ""


def check_tracking_uri(uri: str) -> None:
    """Find out within about five seconds whether MLflow can be reached at a URI.

    Args:
        uri: `http(s)://...` of an MLflow server, or a database such as `sqlite:///FILE`.

    Raises:
        UserError: the scheme is not supported, nothing answers, the server refuses us, or the
            SQLite file cannot be written.
    """
    scheme = scheme_of(uri)
    if scheme in SERVER_SCHEMES:
        _check_server(uri)
    elif scheme == "sqlite":
        _check_sqlite(uri)
    elif scheme in DATABASE_PORTS:
        _check_database(uri, default_port=DATABASE_PORTS[scheme])
    else:
        raise _problem(
            uri,
            "MLflow no longer stores runs in a plain folder"
            if scheme in ("", "file")
            else f"the scheme {scheme!r} is not supported",
            "use http://HOST:PORT of an MLflow server, or sqlite:////ABSOLUTE/FILE.db",
        )


def _problem(uri: str, reason: str, way_out: str) -> UserError:
    return UserError(mask_password(f"--tracking-uri {uri}: {reason}; {way_out}"))


def _check_server(uri: str) -> None:
    if not urlsplit(uri).hostname:
        raise _problem(uri, "there is no host name in it", "write http://HOST:PORT")
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
    # Imported here: it costs a second, and only servers need it. MLflow's own request knows the
    # user's MLFLOW_TRACKING_... variables (user, token, certificate).
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(
            get_default_host_creds(uri.rstrip("/")),
            "/api/2.0/mlflow/experiments/search?max_results=1",
            "GET",
            max_retries=0,
            timeout=CHECK_SECONDS,
            raise_on_status=False,
        )
    except MlflowException:
        raise _problem(
            uri,
            f"no MLflow server answered within {CHECK_SECONDS:g} seconds",
            "start it (mlflow server --host 127.0.0.1 --port 5000) or mend the address",
        ) from None
    _check_answer(uri, status=answer.status_code, text=answer.text)


def _check_answer(uri: str, *, status: int, text: str) -> None:
    if status in (401, 403):
        raise _problem(
            uri,
            f"the server refused us with status {status} ({' '.join(text.split())[:120]})",
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or allow this host name "
            "with mlflow server --allowed-hosts",
        )
    if status != 200 or not text.startswith("{"):
        raise _problem(
            uri,
            f"what answered is not a working MLflow server (status {status})",
            "mend the address, or look into the server's log",
        )


def _check_sqlite(uri: str) -> None:
    path = sqlite_file(uri)
    if path is None or str(path) == ":memory:":
        raise _problem(uri, "there is no file in it", "write sqlite:////ABSOLUTE/FILE.db")
    if path.exists():
        if not path.is_file() or not os.access(path, os.W_OK):
            raise _problem(uri, f"{path} is not a file we may write", "choose another file")
        with path.open("rb") as file:
            if file.read(16) not in (b"", b"SQLite format 3\x00"):
                raise _problem(uri, f"{path} is not a SQLite database", "choose another file")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise _problem(uri, f"we may not write in {folder}", "choose another folder")


def _check_database(uri: str, *, default_port: int) -> None:
    try:
        url = sa.engine.make_url(uri)
        sa.create_engine(url).dispose()
        address = (url.host or "localhost", url.port or default_port)
        socket.create_connection(address, timeout=CHECK_SECONDS).close()
    except ImportError as error:
        raise _problem(
            uri, f"its database driver is missing ({error.name})", "install it with pip"
        ) from None
    except (sa.exc.ArgumentError, OSError, ValueError) as error:
        raise _problem(
            uri, f"no database answered ({error})", "start it or mend the address"
        ) from None
