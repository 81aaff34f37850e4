from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.history.replay import History, TrialHistory, num_last_epochs
from tune_noise.record import Event

OBJECTIVE = "val_information_noisy"


def ask(trial_id: str = "t1", **changes: Any) -> Event:
    data = {"stack_id": trial_id, "stage": "search", "condition": "all", "config": {}, **changes}
    return Event("ask", trial_id, data, seconds=5.0)


def epoch(number: int, trial_id: str = "t1", **metrics: float | None) -> Event:
    return Event("epoch", trial_id, {"epoch": number, "seconds": float(number), **metrics})


def scored(*scores: float | None, objective: str = OBJECTIVE) -> TrialHistory:
    events = [epoch(n, **{objective: score}) for n, score in enumerate(scores, 1)]
    history = History.replay([ask(config={"objective": objective}), *events])
    return history.trials["t1"]


def test_a_trial_is_what_its_events_say() -> None:
    history = History.replay(
        [
            Event("search", None, {"config": {"name": "mine", "trials": 1}}, number=1),
            ask(finalist="t0", stage="confirm", config={"lr": 0.1}),
            Event("start", "t1", {"realised_noise_rate": 0.3}),
            epoch(1, val_information_noisy=0.5),
            Event("rung", "t1", {"epoch": 1, "score": 0.5, "goes_on": True}),
            Event("end", "t1", {"status": "stopped", "stop_reason": "rung 1"}, seconds=9.0),
            Event("finish", number=7),
        ]
    )
    trial = history.trials["t1"]
    assert (trial.stage, trial.finalist, trial.config.lr) == ("confirm", "t0", 0.1)
    assert trial.facts == {"realised_noise_rate": 0.3}
    assert trial.rungs == {1: True}
    assert (trial.status, trial.stop_reason) == ("stopped", "rung 1")
    assert (trial.asked_seconds, trial.ended_seconds) == (5.0, 9.0)
    assert history.finished
    assert history.last_number == 7
    assert history.config.name == "mine"


def test_a_record_that_has_just_begun_is_an_empty_history() -> None:
    history = History.replay([])
    assert (history.search, history.trials, history.finished) == ({}, {}, False)


def test_an_epoch_that_is_reported_twice_counts_once() -> None:
    events = [ask(), *(epoch(n, val_information_noisy=float(n)) for n in (1, 2, 1, 2, 3, 3))]
    trial = History.replay(events).trials["t1"]
    assert [e["epoch"] for e in trial.epochs] == [1, 2, 3]
    assert trial.num_epochs == 3


def test_an_epoch_never_leaves_a_gap() -> None:
    trial = History.replay([ask(), epoch(2)]).trials["t1"]
    assert trial.epochs == []


def test_events_of_trials_that_nobody_asked_for_are_ignored() -> None:
    history = History.replay([epoch(1, "ghost"), Event("end", "ghost", {"status": "failed"})])
    assert history.trials == {}


def test_a_metric_that_could_not_be_measured_is_absent() -> None:
    trial = History.replay([ask(), epoch(1, test_accuracy_clean=None)]).trials["t1"]
    assert trial.epochs == [{"epoch": 1, "seconds": 1.0}]


def test_the_selected_epoch_has_the_best_objective_and_is_the_earliest_of_equals() -> None:
    trial = scored(0.1, 0.7, 0.3, 0.7)
    assert trial.selected is not None
    assert trial.selected["epoch"] == 2
    assert trial.score == 0.7


def test_an_objective_that_is_minimised_selects_its_smallest_value() -> None:
    trial = scored(3.0, 1.0, 2.0, 1.0, objective="val_loss_noisy")
    assert trial.selected is not None
    assert trial.selected["epoch"] == 2
    assert trial.score == -1.0


def test_epochs_without_the_objective_are_never_selected() -> None:
    trial = scored(None, 0.2, None)
    assert trial.selected is not None
    assert trial.selected["epoch"] == 2
    assert scored(None).selected is None
    assert scored().score is None


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60))
def test_the_mean_of_the_last_epochs_is_that_of_ten_or_of_a_third(scores: list[float]) -> None:
    count = min(10, max(1, len(scores) // 3))
    assert num_last_epochs(len(scores)) == count
    expected = sum(scores[-count:]) / count
    assert scored(*scores).last_mean(OBJECTIVE) == pytest.approx(expected)


def test_the_mean_of_what_was_never_measured_is_none() -> None:
    assert scored(0.5).last_mean("test_accuracy_clean") is None
    assert scored().last_mean(OBJECTIVE) is None
    assert scored(0.5, 0.5, 0.5, None, 0.9, None).last_mean(OBJECTIVE) == 0.9


def test_trials_are_found_by_condition_and_stage_in_the_order_of_asking() -> None:
    events = [
        ask("t2", condition="a"),
        ask("t1", condition="a"),
        ask("t3", condition="b"),
        ask("f1", condition="a", stage="confirm", finalist="t1"),
    ]
    history = History.replay(events)
    assert [t.trial_id for t in history.of(condition="a", stage="search")] == ["t2", "t1"]
    assert [t.trial_id for t in history.of(condition="a", stage="confirm")] == ["f1"]
    assert history.of(condition="c", stage="search") == []


@given(st.permutations(range(6)), st.integers(0, 6))
def test_replaying_in_two_parts_is_replaying_at_once(order: list[int], cut: int) -> None:
    pool = [ask(), epoch(1), epoch(2), epoch(2), Event("rung", "t1", {"epoch": 1, "goes_on": True})]
    pool.append(Event("end", "t1", {"status": "completed", "stop_reason": ""}))
    events = [pool[i] for i in order]
    parts = History.replay(events[:cut])
    for event in events[cut:]:
        parts.apply(event)
    assert parts == History.replay(events)
