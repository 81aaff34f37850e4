"""A tally that is told of each change equals one that looks through the whole history."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.service.test_progress import OBJECTIVE, SEARCH
from tune_noise.history.live_counts import Tally, paced_of
from tune_noise.history.replay import History
from tune_noise.history.time_left import seconds_left
from tune_noise.record import Event

CONDITIONS = [condition.name for condition in SEARCH.all_conditions]
STATUSES = ("completed", "stopped", "diverged", "failed")


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


def recomputed(history: History) -> dict[str, Any]:
    """By the definitions, from all trials."""
    trials = list(history.trials.values())
    found: dict[str, Any] = {}
    for name in CONDITIONS:
        searched = history.of(condition=name, stage="search")
        scored = [trial for trial in searched if trial.score is not None]
        best = max(scored, key=lambda trial: trial.score or 0.0, default=None)
        found[f"best {name}"] = None if best is None else best.trial_id
        for stage in ("search", "confirm"):
            own = [t for t in trials if t.condition == name and t.stage == stage]
            found[f"ended {name} {stage}"] = sum(t.status is not None for t in own)
            for status in (None, *STATUSES):
                found[f"{status} {name} {stage}"] = sum(t.status == status for t in own)
    return found


def told(tally: Tally) -> dict[str, Any]:
    tally.update()
    found: dict[str, Any] = {}
    for name in CONDITIONS:
        best = tally.best(name)
        found[f"best {name}"] = None if best is None else best.trial_id
        for stage in ("search", "confirm"):
            found[f"ended {name} {stage}"] = tally.ended(stage, condition=name)
            for status in (None, *STATUSES):
                found[f"{status} {name} {stage}"] = tally.count(stage, status, condition=name)
    return found


def is_same_pace(tally: Tally, history: History) -> bool:
    of_all = [paced for trial in history.trials.values() if (paced := paced_of(trial))]
    plan = {"searches": 30, "confirmations": 10, "concurrent": 2}
    ours, expected = tally.pace.seconds_left(**plan), seconds_left(of_all, **plan)
    if ours is None or expected is None:
        return ours is expected
    return abs(ours - expected) <= 1e-9 * max(1.0, expected)


@given(stories(), st.integers(0, 20))
def test_it_equals_the_recomputation_from_the_history_whenever_somebody_looks(
    story: list[Event | None], known_before: int
) -> None:
    history = History()
    for event in story[:known_before]:  # a search that is resumed
        if event is not None:
            history.apply(event)
    tally = Tally(history)
    for event in [*story[known_before:], None]:
        if event is None:
            assert told(tally) == recomputed(history)
            assert is_same_pace(tally, history)
        else:
            history.apply(event)
            tally.note(str(event.trial_id))


def test_a_best_mean_of_last_epochs_that_falls_gives_way() -> None:
    history = History()
    for number in (0, 2):
        history.apply(asked(number, last_epochs=1))
    tally = Tally(history)
    seen = []
    for trial_id, epoch, score in (("0", 1, 0.9), ("2", 1, 0.5), ("0", 2, 0.1)):
        data = {"epoch": epoch, "seconds": 1.0, OBJECTIVE: score}
        history.apply(Event("epoch", trial_id, data))
        tally.note(trial_id)
        tally.update()
        best = tally.best(CONDITIONS[0])
        seen.append(None if best is None else best.trial_id)
    assert seen == ["0", "0", "2"]
