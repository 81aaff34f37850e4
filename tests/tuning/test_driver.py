"""The adapters between Ray and the session, called as Ray calls them, without a cluster."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import TrialScheduler

from tune_noise.record import Record
from tune_noise.tuning.driver import SessionScheduler, SessionSearcher
from tune_noise.tuning.paths import checkpoint_file
from tune_noise.tuning.session import Session
from tune_noise.tuning.stacks import Stack
from tune_noise.tuning.trainable import REPORT, STACK

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
