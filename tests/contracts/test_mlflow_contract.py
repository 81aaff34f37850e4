"""What the tracking relies on MLflow for; a new release of it must keep these."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tune_noise.tracking.store import connect

pytestmark = WARNINGS_OF_MLFLOW


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "server"])
def client(request: pytest.FixtureRequest, database: str) -> Any:
    if request.param == "sqlite":
        yield connect(database)
    elif request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        postgres.sql("CREATE DATABASE mlflow")
        yield connect(postgres.url("mlflow").replace("postgresql:", "postgresql+psycopg:"))
    else:
        yield connect(request.getfixturevalue("server").url)


@pytest.fixture
def run_id(client: Any) -> str:
    return str(client.create_run("0", tags={"tune_noise.search_id": "s"}).info.run_id)


def points(steps: range, *, name: str = "val_accuracy_noisy") -> list[Any]:
    from mlflow.entities import Metric

    return [Metric(name, 1.0 / 3.0 + step, 1_700_000_000_000 + step, step) for step in steps]


def test_a_batch_that_is_sent_again_counts_once(client: Any, run_id: str) -> None:
    for steps in (range(1, 11), range(1, 11), range(6, 16)):
        client.log_batch(run_id, points(steps), synchronous=True)
    found = client.get_metric_history(run_id, "val_accuracy_noisy")
    assert Counter(p.step for p in found) == Counter(range(1, 16))
    assert {p.step: p.value for p in found} == {n: 1.0 / 3.0 + n for n in range(1, 16)}
    assert client.get_run(run_id).data.metrics["val_accuracy_noisy"] == 1.0 / 3.0 + 15


def test_another_time_makes_another_point(client: Any, run_id: str) -> None:
    # Why a point's timestamp comes from the record and never from the clock.
    from mlflow.entities import Metric

    for time in (1, 2):
        client.log_batch(run_id, [Metric("loss", 0.5, time, 1)], synchronous=True)
    assert len(client.get_metric_history(run_id, "loss")) == 2


def test_a_batch_arrives_whole_or_not_at_all(client: Any, run_id: str) -> None:
    # So that the last epoch that MLflow holds tells which are missing.
    from mlflow.entities import Metric
    from mlflow.exceptions import MlflowException

    broken = [*points(range(1, 5)), Metric("no/such//name?", math.nan, 0, 5)]
    with pytest.raises(MlflowException):
        client.log_batch(run_id, broken, synchronous=True)
    assert client.get_run(run_id).data.metrics == {}


def test_parameters_and_tags_may_be_sent_again(client: Any, run_id: str) -> None:
    from mlflow.entities import Param, RunTag

    for _ in range(2):
        client.log_batch(run_id, [], [Param("lr", "0.1")], [RunTag("a", "b")], synchronous=True)
    data = client.get_run(run_id).data
    assert data.params == {"lr": "0.1"}
    assert data.tags["a"] == "b"


def test_a_run_appears_together_with_its_tags(client: Any, run_id: str) -> None:
    found = client.search_runs(["0"], "tags.`tune_noise.search_id` = 's'")
    assert run_id in {run.info.run_id for run in found}
    for run in found:
        assert run.data.tags["tune_noise.search_id"] == "s"


def test_an_ended_run_can_run_again_and_end_again(client: Any, run_id: str) -> None:
    client.set_terminated(run_id, status="KILLED", end_time=1)
    client.update_run(run_id, status="RUNNING")
    client.log_batch(run_id, points(range(1, 2)), synchronous=True)
    client.set_terminated(run_id, status="FINISHED", end_time=2)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("FINISHED", 2)


def test_a_deleted_run_is_not_found(client: Any, run_id: str) -> None:
    client.delete_run(run_id)
    found = client.search_runs(["0"], "tags.`tune_noise.search_id` = 's'")
    assert run_id not in {run.info.run_id for run in found}


def test_the_newest_point_is_the_one_of_the_highest_step(client: Any, run_id: str) -> None:
    # Pieces of one trial may be sent again after later ones.
    for steps in (range(5, 9), range(1, 5)):
        client.log_batch(run_id, points(steps), synchronous=True)
    assert client.get_run(run_id).data.metrics["val_accuracy_noisy"] == 1.0 / 3.0 + 8


def test_a_version_appears_together_with_its_tags_and_is_found_by_them(
    client: Any, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    tags = {"tune_noise.search_id": "s", "tune_noise.condition": "noise_rate=0.4,model=mlp1"}
    model = client.create_logged_model("0", name="co_teaching-a=0_4", tags=tags)
    query = " AND ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    [found] = client.search_logged_models(["0"], query)
    assert (found.model_id, str(found.status)) == (model.model_id, "PENDING")
    assert str(client.finalize_logged_model(model.model_id, "READY").status) == "READY"
    name = "digits-symmetric-noise_rate=0.4,model=mlp1"
    client.create_registered_model(name, tags={"tune_noise.task": "t"})
    text = "x" * 9000  # the scores of a hundred seeds
    source = f"models:/{model.model_id}"
    for _ in range(2):
        client.create_model_version(
            name, source, run_id, tags=tags | {"long": text}, model_id=model.model_id
        )
    found = client.search_model_versions("tags.`tune_noise.search_id` = 's'")
    assert sorted(int(version.version) for version in found) == [1, 2]
    assert {version.tags["long"] for version in found} == {text}
    assert client.get_registered_model(name).tags["tune_noise.task"] == "t"
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    aliases = client.get_registered_model(name).aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 2}


def test_a_registered_model_is_made_by_one_of_those_who_try(client: Any) -> None:
    from mlflow.exceptions import MlflowException

    client.create_registered_model("digits-given", tags={"tune_noise.task": "t"})
    with pytest.raises(MlflowException) as caught:
        client.create_registered_model("digits-given", tags={"tune_noise.task": "u"})
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    assert client.get_registered_model("digits-given").tags["tune_noise.task"] == "t"


def test_the_file_of_a_new_store_is_a_write_ahead_log(database: str) -> None:
    assert connect(database).search_experiments(max_results=1)
    header = Path(database.removeprefix("sqlite:///")).read_bytes()[:20]
    assert header[18:20] == b"\x02\x02"
