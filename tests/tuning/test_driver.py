"""The adapters between Ray and the session, called as Ray calls them, without a cluster."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from tune_noise.data import Dataset, load_dataset
from tune_noise.record import Record
from tune_noise.tuning.driver import SessionScheduler, SessionSearcher
from tune_noise.tuning.paths import checkpoint_file, weights_file
from tune_noise.tuning.session import Session
from tune_noise.tuning.stacks import Stack
from tune_noise.tuning.trainable import REPORT, STACK, StackTrainable, choose_device

from .fake_trainer import FakeTrainer, make_search

TRACEBACK = """Failure # 1 (occurred at noon)
ray::StackTrainable.train()
  File "trial.py", line 1, in train
ValueError: labels must lie in [0, 3), got 0..9
"""


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "record.db")


def test_ray_is_served_the_session_s_stacks_to_the_end(tmp_path: Path, record: Record) -> None:
    with record:
        session = Session(make_search(trials=2), record)
        trainer = FakeTrainer(session)
        searcher = SessionSearcher(session, tmp_path, {})
        scheduler = SessionScheduler(session, {})
        decisions = set()
        for number in range(100):
            ray_trial = SimpleNamespace(trial_id=str(number))
            suggestion = searcher.suggest(ray_trial.trial_id)
            if not isinstance(suggestion, dict):
                break
            stack = Stack.from_json(suggestion[STACK])
            reports = list(trainer.reports(stack))
            for place, report in enumerate(reports, 1):
                result = {REPORT: json.dumps(report)}
                if place == len(reports):
                    scheduler.on_trial_complete(None, ray_trial, result)
                elif scheduler.on_trial_result(None, ray_trial, result) == TrialScheduler.STOP:
                    decisions.add("stopped")
                    break
            searcher.on_trial_complete(ray_trial.trial_id)
        assert suggestion == SessionSearcher.FINISHED
        assert session.finished
        assert number == 2 * 2 + 2 * 3 - 2  # two conditions have two trials, so two finalists each


def test_ray_is_asked_to_wait_where_results_must_come_in_first(
    tmp_path: Path, record: Record
) -> None:
    with record:
        searcher = SessionSearcher(Session(make_search(trials=2), record), tmp_path, {})
        assert [isinstance(searcher.suggest(str(n)), dict) for n in range(4)] == [True] * 4
        assert searcher.suggest("early") is None


def test_a_stack_that_ray_gives_up_fails_with_the_last_line_of_its_error(
    tmp_path: Path, record: Record
) -> None:
    with record:
        session = Session(make_search(trials=2), record)
        errors: dict[str, str] = {}
        searcher = SessionSearcher(session, tmp_path, errors)
        scheduler = SessionScheduler(session, errors)
        (tmp_path / "error.txt").write_text(TRACEBACK)
        for ray_id, file in (("a", str(tmp_path / "error.txt")), ("b", None)):
            searcher.suggest(ray_id)
            scheduler.on_trial_error(None, SimpleNamespace(trial_id=ray_id, error_file=file))
            searcher.on_trial_complete(ray_id, error=True)
        first, second = list(session.history.trials.values())[:2]
    assert (first.status, second.status) == ("failed", "failed")
    assert first.stop_reason == ("failed 4 times: ValueError: labels must lie in [0, 3), got 0..9")
    assert second.stop_reason == "failed 4 times: see the Ray logs"


def test_a_stack_leaves_no_checkpoint_behind(tmp_path: Path, record: Record) -> None:
    with record:
        searcher = SessionSearcher(Session(make_search(), record), tmp_path, {})
        suggestion = searcher.suggest("a")
        assert isinstance(suggestion, dict)
        path = checkpoint_file(tmp_path, Stack.from_json(suggestion[STACK]).stack_id)
        path.parent.mkdir()
        path.touch()
        searcher.on_trial_complete("a")
        assert not path.exists()


# The actor.


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def actor(stack: Stack, digits: Dataset, output: Path, rungs: list[int]) -> StackTrainable:
    """An actor as Ray would make it; Ray's own constructor wants a cluster."""
    made = StackTrainable.__new__(StackTrainable)
    made.setup({STACK: stack.to_json()}, digits, str(output), rungs, cpus=1.0, gpus=0.0)
    return made


def stack_of(*trial_ids: str, stage: Any = "search", epochs: int = 5) -> Stack:
    search = make_search(
        conditions=None,
        early_stopping=None,
        epochs=epochs,
        fixed={"model": "perceptron", "ramp_epochs": 1},
    )
    [condition] = search.all_conditions
    configs = tuple(
        search.trial_config(condition, {"method": "standard"}, seed=seed, noise_seed=seed)
        for seed in range(len(trial_ids))
    )
    return Stack(trial_ids[0], stage, condition.name, trial_ids, configs)


def epochs_of(result: dict[str, Any], trial_id: str) -> list[int]:
    return [epoch["epoch"] for epoch in json.loads(result[REPORT])[trial_id]["epochs"]]


def test_a_stack_survives_the_way_to_its_actor() -> None:
    stack = stack_of("t1", "t2", stage="confirm")
    assert Stack.from_json(stack.to_json()) == stack


def test_a_step_ends_at_each_rung_and_reports_what_is_new(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.tuning.trainable.REPORT_SECONDS", 60.0)
    made = actor(stack_of("t"), digits, tmp_path, [1, 3])
    results = [made.step() for _ in range(3)]
    assert [epochs_of(result, "t") for result in results] == [[1], [2, 3], [4, 5]]
    assert [result["done"] for result in results] == [False, False, True]
    last = json.loads(results[-1][REPORT])["t"]
    assert (last["status"], last["stop_reason"]) == ("completed", "")
    assert last["facts"]["train_examples"] > 0


def test_what_a_checkpoint_holds_is_reported_before_training_goes_on(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.tuning.trainable.REPORT_SECONDS", 60.0)
    monkeypatch.setattr("tune_noise.tuning.trainable.CHECKPOINT_SECONDS", -1.0)
    lost = actor(stack_of("t"), digits, tmp_path, [2])
    told = json.loads(lost.step()[REPORT])["t"]["epochs"]  # and never heard of
    again = actor(stack_of("t"), digits, tmp_path, [2])
    first = again.step()
    # The rung at epoch 2 is judged now; had training gone on it would have been passed by.
    assert json.loads(first[REPORT])["t"]["epochs"] == told
    assert not first["done"]
    assert epochs_of(again.step(), "t") == [3, 4, 5]


def test_an_actor_takes_up_another_stack_afresh(tmp_path: Path, digits: Dataset) -> None:
    made = actor(stack_of("t", epochs=1), digits, tmp_path, [])
    assert made.step()["done"]
    assert made.reset_config({STACK: stack_of("u", "v", epochs=1).to_json()})
    result = made.step()
    assert set(json.loads(result[REPORT])) == {"u", "v"}
    assert epochs_of(result, "u") == [1]


def test_only_a_confirmation_leaves_its_weights(tmp_path: Path, digits: Dataset) -> None:
    for stage in ("search", "confirm"):
        stack = stack_of(f"{stage}1", f"{stage}2", stage=stage, epochs=1)
        actor(stack, digits, tmp_path, []).step()
        assert weights_file(tmp_path, f"{stage}1").exists() == (stage == "confirm")


def test_without_a_gpu_of_ray_s_a_trial_trains_on_the_cpu() -> None:
    assert choose_device(0.0) == "cpu"
