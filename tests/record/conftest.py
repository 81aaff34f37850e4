import uuid
from pathlib import Path

import pytest

from tests.support.postgres_server import PostgresServer
from tune_noise.record import RecordPlace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture
def shared(postgres: PostgresServer) -> RecordPlace:
    """A new search in a database that other searches are in, too."""
    return RecordPlace.of_url(postgres.url(), f"search {uuid.uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> RecordPlace:
    """Where a new search may be, in each kind of database."""
    if request.param == "sqlite":
        return RecordPlace.of_file(request.getfixturevalue("path"))
    found: RecordPlace = request.getfixturevalue("shared")
    return found
