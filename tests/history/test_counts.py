"""Counts that are kept up to date equal counts of the whole history."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.test_progress import OBJECTIVE, SEARCH
from tune_noise.history.counts import ConditionCounts, Counts
from tune_noise.history.replay import STATUSES, History
from tune_noise.history.time_left import Pace
from tune_noise.record import Event

CONDITIONS = [condition.name for condition in SEARCH.all_conditions]


def asked(number: int, last_epochs: int | None) -> Event:
    """Every fourth trial confirms, two of them in one stack; the others take turns."""
    condition = SEARCH.all_conditions[number % 2]
    config = SEARCH.trial_config(condition, {}).model_copy(update={"last_epochs": last_epochs})
    is_confirmation = number % 4 == 3
    data = {
        "stack_id": str(number // 8) if is_confirmation else f"t{number}",
        "stage": "confirm" if is_confirmation else "search",
        "condition": condition.name,
        "config": config.model_dump(exclude_none=True),
    }
    return Event("ask", str(number), data)


@st.composite
def stories(draw: st.DrawFn) -> list[Event | None]:
    """Events in an order in which they may happen; None where somebody looks at the display."""
    last_epochs = draw(st.sampled_from([None, 2]))
    steps = st.lists(st.sampled_from(["ask", "epoch", "epoch", "end", "look"]), max_size=80)
    number, epochs = 0, {}
    story: list[Event | None] = []
    for what in draw(steps):
        running = sorted(epochs)
        if what == "look":
            story.append(None)
        elif what == "ask":
            story.append(asked(number, last_epochs))
            epochs[str(number)], number = 0, number + 1
        elif running:
            trial_id = draw(st.sampled_from(running))
            if what == "end":
                del epochs[trial_id]
                data = {"status": draw(st.sampled_from(STATUSES)), "stop_reason": ""}
                story.append(Event("end", trial_id, data))
            else:
                epochs[trial_id] += 1
                story.append(Event("epoch", trial_id, draw(measured(epochs[trial_id]))))
    return story


def measured(epoch: int) -> st.SearchStrategy[dict[str, Any]]:
    # Few scores, so that some are equal; now and then there is none.
    score = st.sampled_from([None, 0.25, 0.5, 0.75])
    return score.map(lambda s: {"epoch": epoch, "seconds": 1.5 * epoch, OBJECTIVE: s})


def best_of(history: History, condition: str) -> str | None:
    """By the definition: the best score, of equals the first asked, and never a lost trial."""
    scored = [
        trial
        for trial in history.of(condition=condition, stage="search")
        if trial.score is not None and trial.status not in ("diverged", "failed")
    ]
    best = max(scored, key=lambda trial: trial.score or 0.0, default=None)
    return None if best is None else best.trial_id


def check_counts(counts: dict[str, ConditionCounts], history: History) -> None:
    """Compare with what the definitions say of all trials."""
    for name in CONDITIONS:
        searching = history.of(condition=name, stage="search")
        confirming = history.of(condition=name, stage="confirm")
        best = counts[name].best
        assert (None if best is None else best.trial_id) == best_of(history, name)
        assert counts[name].ended == sum(t.status is not None for t in searching)
        assert counts[name].statuses == {
            status: sum(t.state == status for t in searching) for status in ("running", *STATUSES)
        }
        assert counts[name].confirmations_done == sum(t.status is not None for t in confirming)
        assert counts[name].confirmations_planned == max(2, len(confirming))


def seconds_left(history: History) -> float | None:
    """Computed from all trials."""
    pace = Pace()
    trials = list(history.trials.values())
    for trial in trials:
        if trial.status is not None:
            pace.add(trial)
    confirmations = sum(
        max(2, len(history.of(condition=name, stage="confirm"))) for name in CONDITIONS
    )
    running = [trial for trial in trials if trial.status is None]
    searches = SEARCH.trials * len(CONDITIONS)
    return pace.seconds_left(running, searches=searches, confirmations=confirmations, concurrent=2)


@given(stories(), st.integers(0, 20))
def test_they_equal_the_recomputation_from_the_history_whenever_somebody_looks(
    story: list[Event | None], known_before: int
) -> None:
    history = History()
    for event in story[:known_before]:  # a search that is resumed
        if event is not None:
            history.apply(event)
    counts = Counts(history, SEARCH)
    for event in [*story[known_before:], None]:
        if event is not None:
            history.apply(event)
            continue
        conditions = counts.conditions()
        check_counts(conditions, history)
        left = counts.seconds_left(conditions, concurrent=2)
        assert left == pytest.approx(seconds_left(history))


def test_a_best_mean_of_last_epochs_that_falls_gives_way() -> None:
    history = History()
    for number in (0, 2):
        history.apply(asked(number, last_epochs=1))
    counts = Counts(history, SEARCH)
    seen = []
    for trial_id, epoch, score in (("0", 1, 0.9), ("2", 1, 0.5), ("0", 2, 0.1)):
        data = {"epoch": epoch, "seconds": 1.0, OBJECTIVE: score}
        history.apply(Event("epoch", trial_id, data))
        best = counts.conditions()[CONDITIONS[0]].best
        seen.append(None if best is None else best.trial_id)
    assert seen == ["0", "0", "2"]


def confirmed(history: History, trial_id: str, score: float, status: str) -> None:
    condition = SEARCH.all_conditions[0]
    config = SEARCH.trial_config(condition, {}).model_dump(exclude_none=True)
    ask = {"stack_id": trial_id, "stage": "confirm", "condition": condition.name}
    history.apply(Event("ask", trial_id, {**ask, "config": config, "finalist": "t"}))
    history.apply(Event("epoch", trial_id, {"epoch": 1, "seconds": 1.0, OBJECTIVE: score}))
    history.apply(Event("end", trial_id, {"status": status, "stop_reason": ""}))


def test_a_finalist_has_the_mean_of_the_seeds_that_its_verdict_counts() -> None:
    history = History()
    for trial_id, score, status in (
        ("a", 0.2, "completed"),
        ("b", 0.4, "stopped"),  # by its own patience
        ("c", 9.0, "diverged"),
    ):
        confirmed(history, trial_id, score, status)
    [finalist] = Counts(history, SEARCH).conditions()[CONDITIONS[0]].finalists
    assert (finalist.seeds_done, finalist.seeds_asked) == (3, 3)
    assert finalist.objective == pytest.approx(0.3)
