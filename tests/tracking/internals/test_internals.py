"""The one place that uses MLflow's internals, checked against the MLflow that is installed."""

import re
import tomllib
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

import tune_noise
from tests.support.mlflow_server import MlflowServer
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tune_noise.tracking import internals
from tune_noise.tracking.internals.database import database_of, make_tables
from tune_noise.tracking.internals.request import request
from tune_noise.tracking.internals.revision import REVISION, is_older
from tune_noise.tracking.internals.views import TAG_PREFIX

pytestmark = WARNINGS_OF_MLFLOW
PACKAGE = Path(tune_noise.__file__).parent
PRIVATE = re.compile(r"mlflow\.(store|utils|protos|server)\b|\b_tracking_client\b|SqlAlchemyStore")


def test_they_were_checked_with_the_version_that_is_pinned_and_installed() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert f"mlflow=={internals.CHECKED_WITH}" in project["dependencies"]
    assert mlflow.__version__ == internals.CHECKED_WITH


def test_nothing_else_uses_them() -> None:
    users = {
        path.relative_to(PACKAGE).parent.as_posix()
        for path in PACKAGE.rglob("*.py")
        if PRIVATE.search(path.read_text())
    }
    assert users == {"tracking/internals"}


def test_a_client_of_a_database_writes_to_it_itself(tmp_path: Path) -> None:
    make_tables(tmp_path / "mlflow.db", artifacts=(tmp_path / "artifacts").as_uri())
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    database = database_of(client)
    assert database is not None
    assert database.get_experiment("0").name == "Default"
    assert database_of(MlflowClient("http://127.0.0.1:9")) is None


def test_a_request_reaches_a_server_and_gives_up_on_none(tmp_path: Path) -> None:
    with MlflowServer(tmp_path / "server") as server:
        answer = request(server.url, "experiments/search?max_results=1", 10.0)
        assert answer is not None
        assert answer.status_code == 200
    assert request(server.url, "experiments/search?max_results=1", 1.0) is None


def test_the_revision_of_the_tables_is_that_of_the_installed_mlflow() -> None:
    from mlflow.store.db.utils import _get_latest_schema_revision

    assert _get_latest_schema_revision() == REVISION
    assert is_older("75868b020152")
    assert not is_older("ffffffffffff")


@pytest.mark.parametrize("word", [TAG_PREFIX, "selectedColumns", "compareRunCharts", "deflate;"])
def test_the_pages_of_mlflow_know_saved_views(word: str) -> None:
    pages = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    assert any(word in path.read_text() for path in pages.glob("**/*.js"))
