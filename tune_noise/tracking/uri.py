"""Where MLflow is: the default, what a URI means, and the settings of MLflow itself."""

from pathlib import Path

import sqlalchemy as sa

OPTION, VARIABLE = "--tracking-uri", "MLFLOW_TRACKING_URI"
SERVER_SCHEMES = ("http", "https")
# What may follow a `?` in the URI of a SQLite file.
SQLITE_PARAMETERS = {
    "cached_statements",
    "check_same_thread",
    "detect_types",
    "isolation_level",
    "timeout",
}
# Tells MLflow's pages that an experiment holds training runs, not traces of language models.
EXPERIMENT_KIND = {"mlflow.experimentKind": "custom_model_development"}

TELEMETRY_OFF = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
# No retries inside MLflow, which repeat a create_run whose answer was lost: the mirror tries again
# itself, after it has looked what arrived.
CHILD_ENVIRONMENT = TELEMETRY_OFF | {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
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
