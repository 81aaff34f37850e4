"""The model registry: a version per winner, judged once, whatever is cut off or done at once."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.mlflow_server import MlflowServer
from tests.support.scripted_search import SEARCH_ID, WARNINGS_OF_MLFLOW, Script
from tests.support.waiting import PATIENCE_SECONDS
from tune_noise.tracking.store import connect

from .winners import AS_GOOD, BEST, BETTER, PLAIN, Searches, entry, leave

pytestmark = WARNINGS_OF_MLFLOW
# Every request that changes something.
WRITES = (
    "create_registered_model",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "create_model_version",
    "set_logged_model_tags",
    "set_registered_model_alias",
    "set_model_version_tag",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture
def searches(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Searches:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    return Searches(connect(database), tmp_path)


@pytest.fixture
def name(tmp_path: Path) -> str:
    """Of a registered model that no other test uses."""
    return f"digits-symmetric-noise_rate=0.2-{tmp_path.name}"


def check_once(searches: Searches, name: str, number: int) -> None:
    versions = searches.versions(name)
    assert len(versions) == len(searches.models()) == number
    assert {str(model.status) for model in searches.models()} == {"READY"}
    assert all("tune_noise.standing" in version.tags for version in versions.values())


def test_the_first_version_is_champion_and_a_better_one_takes_its_place(
    searches: Searches, name: str
) -> None:
    line = searches.deliver(entry(name, "a", PLAIN))
    assert line == f"{name} version 1 @champion: the first version"
    line = searches.deliver(entry(name, "b", BETTER))
    assert line.startswith(f"{name} version 2 @champion: beats version 1: paired difference 0.103")
    assert line.endswith("(95 % interval, n = 5 seeds)")
    assert searches.aliases(name) == {"champion": 2}
    check_once(searches, name, 2)


@pytest.mark.parametrize(
    ("scores", "changes", "reason"),
    [
        (AS_GOOD, {}, "is not clearly better than version 1: paired difference"),
        (PLAIN, {}, "is not clearly better than version 1: paired difference 0 [0, 0]"),
        (BETTER, {"level": 1e-12}, "is not clearly better than version 1"),
        (BETTER, {"is_renamed": True}, "a seed is flagged as renamed"),
        ({7: 0.9}, {}, "too few seeds for an interval"),
        ({seed + 10: score for seed, score in AS_GOOD.items()}, {}, "difference 0.002"),
    ],
)
def test_a_version_that_is_not_clearly_better_is_the_challenger(
    searches: Searches, name: str, scores: dict[int, float], changes: Any, reason: str
) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    line = searches.deliver(entry(name, "b", scores, **changes))
    assert line.startswith(f"{name} version 2 @challenger: ")
    assert reason in line
    assert searches.aliases(name) == {"champion": 1, "challenger": 2}


def test_on_other_seeds_a_version_is_compared_without_pairs(searches: Searches, name: str) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    line = searches.deliver(entry(name, "b", {seed + 10: s for seed, s in BEST.items()}))
    assert "beats version 1: difference 0.197" in line
    assert "n = 5 and 5 seeds" in line
    assert searches.aliases(name) == {"champion": 2}


def test_a_redelivered_search_changes_nothing_and_takes_no_alias_back(
    searches: Searches, name: str
) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    searches.deliver(entry(name, "b", BEST))
    searches.deliver(entry(name, "c", BETTER))
    before = {n: dict(v.tags) for n, v in searches.versions(name).items()}
    assert searches.aliases(name) == {"champion": 2, "challenger": 3}
    for search in ("a", "c", "b", "a"):
        searches.again(search)
        assert searches.aliases(name) == {"champion": 2, "challenger": 3}
    assert {n: dict(v.tags) for n, v in searches.versions(name).items()} == before
    assert searches.again("a").startswith(f"{name} version 1: the first version")
    check_once(searches, name, 3)


def test_what_a_user_has_chosen_by_hand_stays_and_is_what_the_next_must_beat(
    searches: Searches, name: str
) -> None:
    for search, scores in (("a", PLAIN), ("b", BEST)):
        searches.deliver(entry(name, search, scores))
    searches.client.set_registered_model_alias(name, "champion", "1")
    for search in ("a", "b"):
        searches.again(search)
    assert searches.aliases(name)["champion"] == 1
    line = searches.deliver(entry(name, "c", BETTER))
    assert "version 3 @champion: beats version 1" in line


def test_a_version_that_a_user_made_is_not_replaced(searches: Searches, name: str) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    [model] = searches.models()
    source = f"models:/{model.model_id}"
    searches.client.create_model_version(name, source, tags={"mine": "yes"})
    searches.client.set_registered_model_alias(name, "champion", "2")
    line = searches.deliver(entry(name, "b", BEST))
    assert "@challenger: version 2 has no scores that it can be compared with" in line
    assert searches.aliases(name) == {"champion": 2, "challenger": 3}
    assert "tune_noise.standing" not in searches.versions(name)[2].tags


def test_a_version_that_a_user_deleted_is_not_made_again(searches: Searches, name: str) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    searches.client.delete_model_version(name, "1")
    assert "was deleted in MLflow" in searches.again("a")
    assert searches.versions(name) == {}


def test_a_copy_under_another_name_is_left_alone(searches: Searches, name: str) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    searches.client.copy_model_version(f"models:/{name}/1", f"{name}-mine")
    searches.again("a")
    assert len(searches.versions(name)) == len(searches.versions(f"{name}-mine")) == 1


def test_another_task_in_the_same_words_is_another_model(searches: Searches, name: str) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    line = searches.deliver(entry(name, "b", BEST, task="07e2" * 4))
    assert line == f"{name}-07e207e2 version 1 @champion: the first version"
    assert searches.aliases(name) == {"champion": 1}
    assert searches.again("b") == line


def test_a_search_that_has_grown_says_what_it_has_found_since(
    searches: Searches, name: str
) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    searches.deliver(entry(name, "a", PLAIN, tags={"tune_noise.verdict": "tie"}), card="# New\n")
    [version] = searches.versions(name).values()
    assert version.tags["tune_noise.verdict"] == "tie"
    assert version.description == "# New\n"
    # Another leader is another version, and has to beat the one before.
    searches.deliver(entry(name, "a", BETTER, trial_id="c2"))
    assert searches.aliases(name) == {"champion": 2}
    check_once(searches, name, 2)


@pytest.mark.parametrize("is_served", [True, False], ids=["answer lost", "not served"])
@pytest.mark.parametrize("request_name", WRITES)
def test_a_delivery_that_is_cut_off_anywhere_is_completed_once(
    searches: Searches,
    name: str,
    request_name: str,
    is_served: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow import MlflowClient

    real = getattr(MlflowClient, request_name)
    num_calls = 0

    def lossy(*arguments: Any, **named: Any) -> Any:
        nonlocal num_calls
        num_calls += 1
        fails = num_calls in (1, 3)
        answer = real(*arguments, **named) if is_served or not fails else None
        if fails:
            raise ConnectionError("the answer was lost")
        return answer

    monkeypatch.setattr(MlflowClient, request_name, lossy)
    for search, scores in (("a", PLAIN), ("b", BETTER)):
        for _ in range(3):
            try:
                line = searches.deliver(entry(name, search, scores))
                break
            except ConnectionError:
                continue
        else:
            pytest.fail("it was never delivered")
        searches.again(search)
    assert "@champion: beats version 1" in line
    assert searches.aliases(name) == {"champion": 2}
    check_once(searches, name, 2)


def test_a_version_that_was_created_late_a_second_time_is_removed(
    searches: Searches, name: str
) -> None:
    searches.deliver(entry(name, "a", PLAIN))
    [first] = searches.versions(name).values()
    tags = {k: v for k, v in first.tags.items() if k not in ("tune_noise.standing",)}
    searches.client.create_model_version(name, first.source, tags=tags)
    searches.again("a")
    assert list(searches.versions(name)) == [1]


@pytest.mark.parametrize("request_name", ["set_registered_model_alias", "create_model_version"])
def test_searches_that_deliver_at_once_end_as_if_one_after_the_other(
    searches: Searches, name: str, request_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    real = getattr(MlflowClient, request_name)
    has_come_between = False

    def interrupted(*arguments: Any, **named: Any) -> Any:
        nonlocal has_come_between
        if not has_come_between:
            has_come_between = True
            searches.deliver(entry(name, "b", BEST))
        return real(*arguments, **named)

    searches.deliver(entry(name, "0", PLAIN))
    monkeypatch.setattr(MlflowClient, request_name, interrupted)
    searches.deliver(entry(name, "a", BETTER))
    assert has_come_between
    found = {v.tags["tune_noise.search_id"][-1]: n for n, v in searches.versions(name).items()}
    assert searches.aliases(name)["champion"] == found["b"]
    check_once(searches, name, 3)


def test_a_registry_that_refuses_costs_a_line(
    searches: Searches, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    def refuse(*arguments: Any, **named: Any) -> None:
        raise MlflowException("Permission denied", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "create_registered_model", refuse)
    line = searches.deliver(entry(name, "a", PLAIN))
    assert line == f"{name} was not registered: MLflow refused it (Permission denied)"


def test_folders_without_a_whole_entry_are_not_registered(searches: Searches, name: str) -> None:
    output = searches.output("a")
    assert searches.registry().deliver(output, {}) == []
    searches.deliver(entry(name, "a", PLAIN))
    (output / "winners" / "noise_rate=0.2" / "registration.json").write_text('{"name": "x"')
    assert searches.registry().deliver(output, {}) == []


def test_all_of_it_holds_on_a_server_with_proxied_artifacts(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MlflowServer(tmp_path / "server") as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        searches = Searches(connect(server.url), tmp_path)
        searches.deliver(entry(name, "a", PLAIN), card="# Card\n" + "x" * 9000)
        searches.deliver(entry(name, "b", BETTER))
        searches.deliver(entry(name, "c", AS_GOOD))
        searches.again("a")
        assert searches.aliases(name) == {"champion": 2, "challenger": 3}
        check_once(searches, name, 3)
        assert len(searches.versions(name)[1].description) == 4900
        files = [path.name for path in (tmp_path / "server" / "artifacts").rglob("network/*")]
        assert sorted(set(files)) == ["config.json", "model_card.md", "weights.safetensors"]


def test_only_a_finished_search_registers_and_its_driver_hears_how(
    script: Script, uri: str, name: str
) -> None:
    script.search()
    script.trial("c1")
    leave(script.output, entry(name, SEARCH_ID, PLAIN))
    process = script.start(uri)
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert process.models == []
    assert connect(uri).search_registered_models() == []
    script.finish()
    for _ in range(2):
        process = script.start(uri)
        assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
        assert process.models == [f"{name} version 1 @champion: the first version"]
    [version] = connect(uri).search_model_versions()
    assert version.run_id == script.found(uri).by_name["c1"].info.run_id
    script.audit(script.output.parent / "mlflow.db")
