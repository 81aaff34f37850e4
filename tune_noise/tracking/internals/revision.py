"""Which version of MLflow the tables of a database are for; nothing of MLflow is imported."""

from importlib.util import find_spec
from pathlib import Path

# The revision of the tables that the installed MLflow reads and writes.
REVISION = "dc11669786a5"


def is_older(revision: str) -> bool:
    """Return whether MLflow can upgrade the tables of another revision; it knows no newer one."""
    spec = find_spec("mlflow")
    assert spec
    assert spec.origin
    versions = Path(spec.origin).parent / "store" / "db_migrations" / "versions"
    return any(versions.glob(f"{revision}_*.py"))
