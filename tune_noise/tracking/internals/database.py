"""MLflow's own access to a database, where no server stands before it."""

from pathlib import Path
from typing import Any


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

    SqlAlchemyStore(f"sqlite:///{file}", artifacts).engine.dispose()
