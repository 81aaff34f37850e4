import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_search import (
    METRIC_NAMES,
    SEARCH,
    SEARCH_ID,
    WARNINGS_OF_MLFLOW,
    Found,
    Script,
)
from tests.support.waiting import PATIENCE_SECONDS
from tune_noise.tracking import TrackingProcess
from tune_noise.tracking.internals import bulk
from tune_noise.tracking.mirror import Mirror

pytestmark = WARNINGS_OF_MLFLOW


def figures(mean: float) -> dict[str, Any]:
    return {"n": 2, "mean": mean, "sd": 0.1, "ci95": [mean - 0.2, mean + 0.2]}


def write_outputs(output: Path, *, verdict: str = "winner") -> None:
    condition = SEARCH.all_conditions[0]
    config = {"method": "co_teaching", "lr": 0.01, "seed": 0}
    metrics = {"val_information_noisy": figures(0.5), "test_accuracy_clean": figures(0.9)}
    finalist = {"config": config, "trial_id": "t1", "metrics": metrics}
    entry = {
        "condition": condition.factors,
        "verdict": verdict,
        "winner": finalist,
        "finalists": [finalist],
        "tied": [],
        "sentence": "At noise_rate 0.2, co_teaching wins.",
    }
    tie = {
        "condition": {"noise_rate": 0.45},
        "verdict": None,
        "winner": None,
        "finalists": [],
        "tied": [],
        "sentence": "At noise_rate 0.45, no verdict.",
    }
    summary = {"search": {}, "conditions": [entry, tie]}
    (output / "summary.json").write_text(json.dumps(summary))
    (output / "report.html").write_text("<html></html>")
    (output / "epochs.csv").write_text("trial_id,epoch\n")
    (output / "winners" / condition.name).mkdir(parents=True, exist_ok=True)
    (output / "winners" / condition.name / "config.json").write_text("{}")


def test_a_search_is_mirrored_once_and_completely(script: Script, uri: str) -> None:
    output = script.output
    process = script.start(uri)
    script.whole_search()
    write_outputs(output)
    script.finish()
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    check_whole_search(script.found(uri), process)
    files = {
        f.relative_to(output.parent / "mlartifacts" / str(process.run_id)).as_posix()
        for f in (output.parent / "mlartifacts").rglob("*")
        if f.is_file()
    }
    assert files == {
        "artifacts/summary.json",
        "artifacts/report.html",
        "artifacts/epochs.csv",
        "artifacts/winners/noise_rate=0.2/config.json",
    }
    # The same again: nothing new, nothing twice.
    again = script.start(uri)
    assert again.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert again.run_id == process.run_id
    check_whole_search(script.found(uri), again)


def check_whole_search(found: Found, process: TrackingProcess) -> None:
    assert set(found.by_name) == {"methods", "t1", "t2", "t3", "c1", ALL_SEEDS}
    assert found.num_runs == 6
    check_finalist(found)
    check_parent(found.by_name["methods"], process)
    statuses = {name: found.status(name) for name in ("t1", "t2", "t3", "c1")}
    expected = {"t1": "FINISHED", "t2": "FINISHED", "t3": "FAILED", "c1": "FINISHED"}
    assert statuses == expected
    for name in METRIC_NAMES:
        assert found.steps("t1", name) == found.steps("c1", name) == [1, 2, 3]
        assert found.steps("t2", name) == found.steps("t3", name) == [1]
    check_trial(found.by_name["t1"], process)
    assert found.by_name["t3"].data.tags["tune_noise.status"] == "diverged"
    assert "tune_noise.finalist" not in found.by_name["t2"].data.tags
    confirmed = found.by_name["c1"].data
    assert confirmed.tags["tune_noise.confirms"] == "t1"
    assert confirmed.tags["tune_noise.winner"] == "true"
    assert confirmed.params["seed"] == "7"
    name = found.by_name["c1"].info.run_name
    assert name == "noise_rate=0.2 · co_teaching mlp1 lr 0.01 · seed 1"


ALL_SEEDS = "noise_rate=0.2 · co_teaching mlp1 lr 0.01 · all seeds"


def check_finalist(found: Found) -> None:
    """The seeds of a finalist are in a run that says their mean, called as that of one trial is."""
    run, seed = found.by_name[ALL_SEEDS], found.by_name["c1"]
    assert seed.data.tags["mlflow.parentRunId"] == run.info.run_id
    parent = found.by_name["methods"].info.run_id
    expected = {
        "mlflow.parentRunId": parent,
        "tune_noise.stage": "finalist",
        "tune_noise.confirms": "t1",
        "tune_noise.standing": "winner",
        "tune_noise.winner": "true",
    }
    assert expected.items() <= run.data.tags.items()
    assert "seed" not in run.data.params
    metrics = run.data.metrics
    assert metrics["seeds"] == 2
    assert metrics["val_information_noisy_selected"] == 0.5
    assert metrics["val_information_noisy_selected_low"] == pytest.approx(0.3)
    assert metrics["test_accuracy_clean_selected_high"] == pytest.approx(1.1)
    assert found.status(ALL_SEEDS) == "FINISHED"


def check_parent(run: Any, process: TrackingProcess) -> None:
    assert run.info.run_id == process.run_id
    assert run.info.status == "FINISHED"
    note = run.data.tags["mlflow.note.content"]
    for sentence in ("Which method survives?", "At noise_rate 0.2, co_teaching wins.", "0.45"):
        assert sentence in note
    assert run.data.metrics["noise_rate 0.2/test_accuracy_clean_selected"] == 0.9
    assert run.data.metrics["search_trials"] == 3
    assert run.data.metrics["confirm_trials"] == 1
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    assert run.data.tags["tune_noise.search"] == "methods"
    assert run.data.params["conditions"] == "noise_rate"


def check_trial(run: Any, process: TrackingProcess) -> None:
    data = run.data
    expected = {
        "mlflow.parentRunId": process.run_id,
        "tune_noise.search_id": SEARCH_ID,
        "tune_noise.trial_id": "t1",
        "tune_noise.stage": "search",
        "tune_noise.condition": "noise_rate=0.2",
        "tune_noise.method": "co_teaching",
        "tune_noise.model": "mlp1",
        "tune_noise.dataset": "digits",
        "tune_noise.noise": "symmetric",
        "tune_noise.search": "methods",
        "tune_noise.space": "methods_head_to_head",
        "tune_noise.status": "completed",
        "tune_noise.finalist": "true",
        "tune_noise.winner": "true",
    }
    assert expected.items() <= data.tags.items()
    assert data.params["lr"] == "0.01"
    assert data.params["noise_rate"] == "0.2"
    assert "momentum" not in data.params
    assert "alpha" not in data.params
    assert data.metrics["trained_epochs"] == 3
    assert data.metrics["test_accuracy_clean_last_mean"] == pytest.approx(0.9)
    assert data.metrics["realised_noise_rate"] == pytest.approx(0.21)
    assert data.metrics["val_information_noisy_selected"] == pytest.approx(0.3)
    assert data.metrics["test_accuracy_clean_selected"] == pytest.approx(0.9)
    assert run.info.end_time >= run.info.start_time


def delivered(script: Script, uri: str) -> Found:
    mirror = Mirror(tracking_uri=uri, experiment=script.experiment, output=script.output)
    for event in script.record.events():
        mirror.observe(event)
    mirror.deliver(is_last=True, deadline=math.inf)
    return script.found(uri)


def test_a_winner_that_is_none_any_more_is_told_so(script: Script, uri: str) -> None:
    script.whole_search()
    script.finish()
    for verdict, expected in (("winner", "true"), ("tie", "false"), ("winner", "true")):
        write_outputs(script.output, verdict=verdict)
        found = delivered(script, uri)
        for name in ("t1", "c1", ALL_SEEDS):
            assert found.by_name[name].data.tags["tune_noise.winner"] == expected
    assert "tune_noise.winner" not in found.by_name["t2"].data.tags


def test_a_view_that_a_person_changed_is_kept(script: Script, uri: str) -> None:
    script.whole_search()
    script.finish()
    found = delivered(script, uri)
    experiment = found.client.get_experiment_by_name(script.experiment)
    view = "mlflow.sharedViewState.tune_noise_trials"
    assert view in experiment.tags
    found.client.set_experiment_tag(experiment.experiment_id, view, "mine")
    delivered(script, uri)
    assert found.client.get_experiment(experiment.experiment_id).tags[view] == "mine"


@pytest.mark.parametrize("name", ["create_run", "log_batch", "set_terminated", "write_runs"])
def test_a_request_whose_answer_is_lost_is_not_repeated(
    script: Script, uri: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    if name == "write_runs":
        asked: Any = bulk
        monkeypatch.setattr(bulk, "RUNS_PER_TRANSACTION", 1)
    else:
        asked = MlflowClient
        monkeypatch.setattr("tune_noise.tracking.mirror.database_of", lambda client: None)
    real = getattr(asked, name)
    num_calls = 0

    def lossy(*arguments: Any, **named: Any) -> Any:
        nonlocal num_calls
        num_calls += 1
        answer = real(*arguments, **named)
        if num_calls in lost:
            raise ConnectionError("the answer was lost")
        return answer

    # The second answer is that of another trial.
    lost = (1, 2) if name == "write_runs" else (1, 3)
    monkeypatch.setattr(asked, name, lossy)
    script.search()
    script.trial("t1")
    script.trial("t2")
    script.finish()
    mirror = Mirror(tracking_uri=uri, experiment=script.experiment, output=script.output)
    for event in script.record.events():
        mirror.observe(event)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            mirror.deliver(is_last=True, deadline=math.inf)
    mirror.deliver(is_last=True, deadline=math.inf)
    found = script.found(uri)
    assert found.num_runs == len(found.by_name) == 3
    assert {run.info.status for run in found.by_name.values()} == {"FINISHED"}
    for name in ("t1", "t2"):
        assert found.steps(name, "train_loss_noisy") == [1, 2, 3]
