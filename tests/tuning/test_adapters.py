"""The adapters between Ray and the session, called as Ray calls them, without a cluster."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from tune_noise.errors import StorageError
from tune_noise.record import Record
from tune_noise.record.folder import checkpoint_file
from tune_noise.system.signals import Interrupt
from tune_noise.tuning import adapters, places
from tune_noise.tuning.adapters import SessionScheduler, SessionSearcher, SessionWatch
from tune_noise.tuning.places import Places
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack
from tune_noise.tuning.trainable import FALLBACK, FAULT, REPORT, RESTORED, STACK

from .fake_trainer import FakeTrainer, make_search

TRACEBACK = """Failure # 1 (occurred at noon)
ray::StackTrainable.train()
  File "trial.py", line 1, in train
ValueError: labels must lie in [0, 3), got 0..9
"""


class Place:
    """One of Ray's trials: where one stack after another is trained."""

    def __init__(self, trial_id: str) -> None:
        self.trial_id, self.error_file, self.status = trial_id, None, "RUNNING"
        # What its actor was handed.
        self.handed: list[Stack | None] = []

    def take(self, text: str | None, report_seconds: float) -> None:
        self.handed.append(None if text is None else Stack.from_json(text))

    @property
    def stack(self) -> Stack:
        """What it was handed last, and must have been."""
        stack = self.handed[-1]
        assert stack is not None
        return stack


class Adapters:
    """What Ray holds of one session, and Ray's side of the conversation."""

    def __init__(self, record: Record, output: Path, *, capacity: int = 100, **space: Any) -> None:
        self.session = Session(make_search(**space), record)
        self.interrupt = Interrupt()
        self.capacity = capacity
        self.left_out: dict[str, str] = {}
        self.places = Places(self.session, output, self.interrupt, lambda: self.capacity)
        self.searcher = SessionSearcher(self.session, self.places)
        self.scheduler = SessionScheduler(self.session, self.places, self.interrupt, self.left_out)
        self.watch = SessionWatch(self.scheduler, self.interrupt)
        self.trainer = FakeTrainer(self.session)
        self.count = 0

    def suggest(self) -> tuple[Place, Stack] | str | None:
        """One of Ray's trials with its first stack, or what the searcher answers instead."""
        self.count += 1
        trial = Place(str(self.count))
        answer = self.searcher.suggest(trial.trial_id)
        return (trial, Stack.from_json(answer[STACK])) if isinstance(answer, dict) else answer

    def begin(self) -> tuple[Place, Stack]:
        """A trial and its stack, where there must be one."""
        answer = self.suggest()
        assert isinstance(answer, tuple)
        return answer

    def end(self, trial: Place, stack: Stack) -> str:
        """Train a stack to its end; what the scheduler says to its last report."""
        for report in self.trainer.reports(stack):
            decision = self.result(trial, report)
            if self.session.has_ended(stack):
                break
        return decision

    def wait(self, trial: Place) -> str:
        """What the scheduler says to a place that has waited."""
        return self.scheduler.on_trial_result(None, trial, {REPORT: "{}"})

    def result(self, trial: Place, report: dict[str, Any], **more: Any) -> str:
        return self.scheduler.on_trial_result(None, trial, {REPORT: json.dumps(report), **more})


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with Record(tmp_path / "record.db") as record:
        yield record


@pytest.fixture(autouse=True)
def _no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own side of it is tested in test_ray_internals."""
    monkeypatch.setattr(adapters, "hand_over", lambda place, *arguments: place.take(*arguments))
    monkeypatch.setattr(adapters, "forget_pickled_error", lambda place: None)


@pytest.fixture
def ray_side(record: Record, tmp_path: Path) -> Adapters:
    return Adapters(record, tmp_path, trials=2)


def test_ray_is_served_the_session_s_stacks_to_the_end(ray_side: Adapters) -> None:
    served = 0
    while isinstance(answer := ray_side.suggest(), tuple):
        trial, stack = answer
        served += 1
        while ray_side.end(trial, stack) == TrialScheduler.CONTINUE:
            served += 1
            stack = trial.stack
        ray_side.searcher.on_trial_complete(trial.trial_id)
    assert answer == SessionSearcher.FINISHED
    assert ray_side.session.finished
    assert served == 2 * 2 + 2 * 2  # two trials a condition: so two finalists each


def test_a_place_whose_stack_has_ended_is_handed_the_next_one(ray_side: Adapters) -> None:
    trial, first = ray_side.begin()
    assert ray_side.end(trial, first) == TrialScheduler.CONTINUE
    [second] = trial.handed
    assert second != first
    assert ray_side.places.stacks == {trial.trial_id: second}
    assert second is not None
    assert ray_side.end(trial, second) == TrialScheduler.CONTINUE


def test_a_place_for_which_there_is_no_room_ends_and_one_without_a_stack_waits(
    ray_side: Adapters,
) -> None:
    (here, first), other = ray_side.begin(), ray_side.begin()
    ray_side.capacity = 1  # a node was lost, but not this actor
    assert ray_side.end(here, first) == TrialScheduler.STOP
    ray_side.searcher.on_trial_complete(here.trial_id)
    ray_side.capacity = 100
    (there, third), another = ray_side.begin(), ray_side.begin()
    # Both conditions wait for the results of one more trial before they name finalists.
    assert ray_side.end(there, third) == TrialScheduler.CONTINUE
    assert there.handed == [None]
    assert list(ray_side.places.stacks.values()) == [other[1], another[1]]
    assert ray_side.wait(there) == TrialScheduler.CONTINUE
    # With these results the finalists are known: its own place and the one that waits take them.
    assert ray_side.end(*other) == TrialScheduler.CONTINUE
    assert ray_side.wait(there) == TrialScheduler.CONTINUE
    assert {other[0].stack.stage, there.stack.stage} == {"confirm"}
    assert not ray_side.places.waiting


def test_a_place_waits_only_while_something_runs_and_not_for_ever(
    ray_side: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = [ray_side.begin() for _ in range(4)]
    for place in begun[:3]:
        ray_side.end(*place)
    waiting = [place for place, _ in begun[:3] if place.handed[-1] is None]
    assert len(waiting) >= 1
    assert ray_side.suggest() is None
    monkeypatch.setattr(places, "MAX_WAIT_SECONDS", 0.0)
    assert ray_side.wait(waiting[0]) == TrialScheduler.STOP
    assert waiting[0].trial_id not in ray_side.places.waiting
    monkeypatch.undo()
    ray_side.interrupt.requested = True
    for place in waiting[1:]:
        assert ray_side.wait(place) == TrialScheduler.STOP


def test_ray_is_asked_to_wait_where_results_must_come_in_first(ray_side: Adapters) -> None:
    assert [isinstance(ray_side.suggest(), tuple) for _ in range(4)] == [True] * 4
    assert ray_side.suggest() is None


def test_no_more_is_under_way_than_the_cluster_holds_at_the_time(ray_side: Adapters) -> None:
    ray_side.capacity = 1
    first, _ = ray_side.begin()
    assert ray_side.suggest() is None
    ray_side.capacity = 2  # a node was added
    ray_side.begin()
    ray_side.capacity = 1  # and lost
    assert ray_side.suggest() is None
    ray_side.searcher.on_trial_complete(first.trial_id)
    assert ray_side.suggest() is None


# Failures.

KILLED = """Failure # 1 (occurred at noon)
ValueError: what was before
Failure # 2 (occurred at one)
The actor died unexpectedly before finishing this task.
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR
"""


def fail(ray_side: Adapters, tmp_path: Path, text: str = TRACEBACK) -> Stack:
    """The next stack is begun and fails."""
    trial, stack = ray_side.begin()
    (tmp_path / "error.txt").write_text(text)
    trial.error_file = str(tmp_path / "error.txt")
    ray_side.scheduler.on_trial_error(None, trial)
    ray_side.searcher.on_trial_complete(trial.trial_id, error=True)
    return stack


def test_a_stack_that_fails_is_given_to_another_process_and_at_last_given_up(
    ray_side: Adapters, tmp_path: Path
) -> None:
    stacks = [fail(ray_side, tmp_path) for _ in range(4)]
    assert len({stack.stack_id for stack in stacks}) == 1
    trial = ray_side.session.history.trials[stacks[0].trial_ids[0]]
    assert trial.status == "failed"
    assert trial.stop_reason == "failed 4 times: ValueError: labels must lie in [0, 3), got 0..9"
    assert ray_side.session.history.warnings == 3 * [
        f"{trial.stack_id} failed and is given to another process: "
        "ValueError: labels must lie in [0, 3), got 0..9"
    ]
    assert ray_side.begin()[1].stack_id != trial.stack_id


def test_a_node_that_cannot_take_part_costs_a_stack_nothing_and_is_named_once(
    ray_side: Adapters, tmp_path: Path
) -> None:
    node_id = "a1" * 28
    text = f"Failure # 1\nUnfitNodeError: node {node_id} cannot take part: n2 does not see /runs"
    stacks = [fail(ray_side, tmp_path, text) for _ in range(6)]
    assert len({stack.stack_id for stack in stacks}) == 1
    assert ray_side.session.history.trials[stacks[0].trial_ids[0]].status is None
    assert ray_side.left_out == {node_id: "n2 does not see /runs"}
    [warning] = ray_side.session.history.warnings
    assert warning.endswith("cannot take part, and is left out: n2 does not see /runs")


def test_that_the_cpu_serves_for_a_gpu_is_said_once(ray_side: Adapters) -> None:
    for _ in range(2):
        trial, stack = ray_side.begin()
        report = next(iter(ray_side.trainer.reports(stack)))
        ray_side.result(trial, report, **{FALLBACK: "Ray counts GPUs on n2"})
    assert ray_side.session.history.warnings == ["Ray counts GPUs on n2"]


def test_a_lost_process_is_told_from_an_error(ray_side: Adapters, tmp_path: Path) -> None:
    fail(ray_side, tmp_path, KILLED)
    [warning] = ray_side.session.history.warnings
    assert "its process was killed or crashed" in warning


def test_only_failures_without_a_new_epoch_between_them_count(
    ray_side: Adapters, tmp_path: Path
) -> None:
    stack = fail(ray_side, tmp_path)
    for report in list(ray_side.trainer.reports(stack))[:2]:
        for _ in range(2):
            fail(ray_side, tmp_path)
        trial, stack = ray_side.begin()
        ray_side.result(trial, report)
        assert not ray_side.session._failures[stack.stack_id]
        ray_side.scheduler.on_trial_error(None, trial)
        ray_side.searcher.on_trial_complete(trial.trial_id, error=True)
    trial, stack = ray_side.begin()
    ray_side.result(trial, report)  # a restored stack sends again what is known
    assert ray_side.session._failures[stack.stack_id] == 1
    assert ray_side.session.history.trials[stack.trial_ids[0]].status is None


def test_where_a_stack_goes_on_from_is_recorded_and_damage_is_said(ray_side: Adapters) -> None:
    trial, stack = ray_side.begin()
    first, *_ = ray_side.trainer.reports(stack)
    whole = {"epoch": 3, "seconds": 1.5, "damage": []}
    ray_side.result(trial, first, **{RESTORED: json.dumps(whole)})
    assert ray_side.session.history.warnings == []
    damaged = {"epoch": 2, "seconds": 1.0, "damage": ["checkpoint x is truncated"]}
    ray_side.result(trial, first, **{RESTORED: json.dumps(damaged)})
    assert ray_side.session.history.warnings == [
        f"checkpoint x is truncated; {stack.stack_id} goes on from epoch 2"
    ]
    notes = [e.data for e in ray_side.session.record.events() if e.kind == "note"]
    assert [note["restored_epoch"] for note in notes] == [3, 2]


def test_a_folder_that_cannot_be_written_stops_the_search_after_its_report_was_taken(
    ray_side: Adapters,
) -> None:
    trial, stack = ray_side.begin()
    first, *_ = ray_side.trainer.reports(stack)
    ray_side.result(trial, first, **{FAULT: "disk full"})
    with pytest.raises(StorageError, match="disk full"):
        ray_side.watch.on_step_end(1, [trial])
    assert ray_side.session.history.trials[stack.trial_ids[0]].num_epochs == 1


def test_a_record_that_fails_at_a_stack_s_end_stops_the_search_and_not_the_stack(
    ray_side: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Ray ends a trial it takes every error for the trial's own."""

    def full(*events: object, durable: bool = False) -> None:
        raise StorageError("disk full")

    trial, stack = ray_side.begin()
    *_, last = ray_side.trainer.reports(stack)
    monkeypatch.setattr(ray_side.session.record, "append", full)
    ray_side.result(trial, last)
    ray_side.searcher.on_trial_complete(trial.trial_id, error=True)
    with pytest.raises(StorageError, match="disk full"):
        ray_side.watch.on_step_end(1, [trial])


def test_a_stack_that_has_ended_leaves_no_checkpoint_behind(
    ray_side: Adapters, tmp_path: Path
) -> None:
    trial, stack = ray_side.begin()
    path = checkpoint_file(tmp_path, stack.stack_id)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    ray_side.end(trial, stack)
    assert not path.exists()
    for has_ended in (True, False):
        trial, stack = ray_side.begin()
        path = checkpoint_file(tmp_path, stack.stack_id)
        path.touch()
        if has_ended:
            ray_side.session.fail(stack, "by hand")
        ray_side.searcher.on_trial_complete(trial.trial_id)
        assert path.exists() != has_ended


# Ctrl-C.


def test_once_interrupted_nothing_begins_and_what_runs_is_paused(ray_side: Adapters) -> None:
    trial, stack = ray_side.begin()
    first, *_ = ray_side.trainer.reports(stack)
    ray_side.watch.on_step_end(1, [trial])
    ray_side.interrupt.requested = True
    assert ray_side.suggest() is None
    assert ray_side.scheduler.choose_trial_to_run(None) is None
    assert ray_side.result(trial, first) == TrialScheduler.PAUSE
    ray_side.watch.on_step_end(2, [trial])
    trial.status = "PAUSED"
    with pytest.raises(KeyboardInterrupt):
        ray_side.watch.on_step_end(3, [trial])


def test_once_interrupted_a_place_whose_stack_has_ended_gets_no_other(ray_side: Adapters) -> None:
    trial, stack = ray_side.begin()
    ray_side.interrupt.requested = True
    *_, last = ray_side.trainer.reports(stack)
    assert ray_side.result(trial, last) == TrialScheduler.STOP
    assert not trial.handed


def test_an_epoch_that_takes_too_long_is_not_waited_for(
    ray_side: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.tuning.adapters.STOP_SECONDS", -1.0)
    ray_side.interrupt.requested = True
    with pytest.raises(KeyboardInterrupt):
        ray_side.watch.on_step_end(1, [SimpleNamespace(status="RUNNING")])
