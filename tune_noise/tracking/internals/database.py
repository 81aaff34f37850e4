"""MLflow's own access to a database, where no server stands before it."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tune_noise.tracking.uri import sqlite_uri

ARTIFACTS = "mlartifacts"
# Where MLflow writes down whole paths of files: table -> column.
_PLACES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
_log = logging.getLogger(__name__)


def database_of(client: Any) -> Any | None:
    """Return the store through which a client writes to a database; None if it asks a server."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = client._tracking_client.store
    return store if isinstance(store, SqlAlchemyStore) else None


def make_tables(file: Path, *, artifacts: str) -> None:
    """Make the tables of a SQLite store, and leave no connection to it open.

    Args:
        file: the database; empty.
        artifacts: URI of the folder for the artifacts of its first experiment.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(file), artifacts).engine.dispose()


def follow_artifacts(file: Path) -> None:
    """Point a SQLite store at the files beside it, if both were moved or copied to this folder.

    Args:
        file: the database, with all its tables.
    """
    beside = file.absolute().with_name(ARTIFACTS)
    with closing(sqlite3.connect(file)) as connection, connection:
        for (root,) in connection.execute("SELECT DISTINCT artifact_location FROM experiments"):
            if not is_left_behind(root, file):
                continue
            for table, column in _PLACES.items():
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (beside.as_uri(), len(root) + 1, root, len(root) + 1, f"{root}/"),
                )
            _log.warning("%s named files in %s: it names those in %s now", file, root, beside)


def is_left_behind(root: str, file: Path) -> bool:
    """Return whether the files that a store names in a folder of artifacts lie beside it now.

    The folder is gone, or belongs to the store that was copied.
    """
    if not root.endswith(f"/{ARTIFACTS}") or not file.absolute().with_name(ARTIFACTS).is_dir():
        return False
    folder = Path(unquote(root.removeprefix("file://")))
    former = folder.with_name(file.name)
    if not os.path.exists(folder):  # Path.exists raises where a folder is another user's
        return True
    return os.path.exists(former) and not former.samefile(file)
