"""The rule of the rungs, against a slow derivation and through the session that applies it."""

import math
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.loader import build_search
from tune_noise.config.search import SearchConfig
from tune_noise.record import Event, Record
from tune_noise.tuning.session.rungs import RungLadder, rung_levels
from tune_noise.tuning.session.session import Session

SCORES = st.one_of(st.none(), st.just(math.nan), st.integers(0, 5).map(float))


@pytest.mark.parametrize(
    ("grace", "epochs", "factor", "levels"),
    [
        (1, 243, 3, [1, 3, 9, 27, 81]),  # logarithms in floating point lose the last one
        (1, 244, 3, [1, 3, 9, 27, 81, 243]),
        (1, 125, 5, [1, 5, 25]),  # and give 125 here, the last epoch itself
        (10, 200, 3, [10, 30, 90]),
        (4, 12, 2, [4, 8]),
        (5, 6, 4, [5]),
        (5, 5, 4, []),
    ],
)
def test_rungs_are_exact_powers_below_the_last_epoch(
    grace: int, epochs: int, factor: int, levels: list[int]
) -> None:
    assert rung_levels(grace, epochs, factor) == levels


@given(st.integers(1, 50), st.integers(1, 10_000), st.integers(2, 5))
def test_each_rung_is_the_factor_times_the_one_before(grace: int, epochs: int, factor: int) -> None:
    levels = rung_levels(grace, epochs, factor)
    assert levels[:1] == ([grace] if grace < epochs else [])
    assert all(later == earlier * factor for earlier, later in pairwise(levels))
    if levels:
        assert levels[-1] < epochs <= levels[-1] * factor


def arrivals(scores: list[float | None], *, factor: int) -> list[bool]:
    ladder = RungLadder(factor)
    return [ladder.arrive("all", 1, score) for score in scores]


@given(st.integers(2, 6), SCORES.filter(lambda score: score is not None and score == score))
def test_the_first_arrival_goes_on(factor: int, score: float) -> None:
    assert arrivals([score], factor=factor) == [True]


@given(st.integers(2, 6), st.integers(1, 40))
def test_equal_scores_are_never_told_apart(factor: int, count: int) -> None:
    assert all(arrivals([0.5] * count, factor=factor))


@pytest.mark.parametrize("score", [None, math.nan])
def test_a_score_that_is_missing_stops_and_counts_for_nobody(score: float | None) -> None:
    assert arrivals([score, 0.1, score, 0.2], factor=2) == [False, True, False, True]


def slow_rule(earlier: list[float], score: float, factor: int) -> bool:
    """Rank all arrivals, best first, equals sharing the best rank; the top n // factor go on."""
    ranking = sorted([*earlier, score], reverse=True)
    best_rank = ranking.index(score)
    return best_rank < max(1, math.floor(len(ranking) / factor))


@given(st.lists(SCORES, max_size=40), st.integers(2, 5))
def test_each_decision_is_that_of_ranking_all_arrivals(
    scores: list[float | None], factor: int
) -> None:
    earlier: list[float] = []
    for score, goes_on in zip(scores, arrivals(scores, factor=factor), strict=True):
        if score is None or math.isnan(score):
            assert not goes_on
        else:
            assert goes_on == slow_rule(earlier, score, factor)
            earlier.append(score)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), SCORES), max_size=40))
def test_neither_groups_nor_rungs_are_compared_with_each_other(
    mixed: list[tuple[int, int, float | None]],
) -> None:
    together = RungLadder(3)
    apart = {(group, level): RungLadder(3) for group in range(3) for level in (1, 2)}
    for group, level, score in mixed:
        expected = apart[group, level].arrive("all", 1, score)
        assert together.arrive(group, level, score) == expected


def test_how_many_stop_depends_on_the_order_of_arrival() -> None:
    """A decision knows only who came before.

    Worst first, each arrival is the best so far: nobody stops. Best first, the top n // 4 places
    are always taken by those who came before; only the first one, judged alone, goes on. A random
    order lies between, at about three quarters.
    """
    scores = [float(score) for score in range(64)]
    assert arrivals(scores, factor=4).count(False) == 0
    assert arrivals(scores[::-1], factor=4).count(False) == 63
    random.Random(0).shuffle(scores)
    assert 40 <= arrivals(scores, factor=4).count(False) <= 55


# Through the session: who is compared with whom, and what a restart remembers.


def search(**changes: object) -> SearchConfig:
    raw = {
        "name": "mine",
        "conditions": {"noise_rate": [0.2, 0.45]},
        "search": {
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"uniform": [0.01, 0.1]},
        },
        "fixed": {"ramp_epochs": 1},
        "compare": "method",
        "trials": 12,
        "epochs": 9,
        "early_stopping": {"grace_epochs": 1, "reduction_factor": 3},
    }
    return build_search({**raw, **changes}, source="mine.yaml")


def reach(session: Session, epoch: int, score: float) -> tuple[str, bool]:
    """Ask for a trial and report one score up to an epoch; its name and whether it goes on."""
    stack = session.next_stack()
    assert stack is not None
    [trial_id] = stack.trial_ids
    epochs = [
        {"epoch": e, "seconds": 1.0, "val_information_noisy": score} for e in range(1, epoch + 1)
    ]
    news = {"facts": {"n": 1.0}, "epochs": epochs, "status": None, "stop_reason": ""}
    return trial_id, session.report({trial_id: news})


def test_a_trial_is_judged_only_against_its_own_condition_and_level(tmp_path: Path) -> None:
    with Record(tmp_path / "record.db") as record:
        session = Session(search(), record)
        seen = {}
        # Each later trial is far worse: the first of each group goes on all the same.
        for place in range(12):
            trial_id, goes_on = reach(session, 1, 1.0 - place / 100)
            trial = session.history.trials[trial_id]
            group = (trial.condition, trial.config.method)
            assert goes_on == (group not in seen)
            seen[group] = trial_id
        assert len(seen) == 4


def test_a_stopped_trial_says_at_which_rung(tmp_path: Path) -> None:
    with Record(tmp_path / "record.db") as record:
        session = Session(search(compare=None, conditions={}), record)
        reach(session, 1, 1.0)
        trial_id, goes_on = reach(session, 1, 0.5)
        trial = session.history.trials[trial_id]
        assert not goes_on
        assert (trial.status, trial.stop_reason) == ("stopped", "rung 1: not among the best")
        assert trial.rungs == {1: False}


def test_a_trial_between_rungs_is_not_judged(tmp_path: Path) -> None:
    with Record(tmp_path / "record.db") as record:
        session = Session(search(compare=None, conditions={}), record)
        reach(session, 1, 1.0)
        trial_id, goes_on = reach(session, 2, 0.0)
        assert goes_on
        assert session.history.trials[trial_id].rungs == {}


@given(st.lists(st.integers(0, 9), min_size=2, max_size=12), st.integers(1, 11))
def test_a_restart_changes_no_decision(
    tmp_path_factory: pytest.TempPathFactory, scores: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("restart")
    decisions = []
    for name, restart in (("whole", None), ("cut", cut)):
        with Record(folder / f"{name}.db") as record:
            session = Session(search(trials=24), record)
            found = []
            for place, score in enumerate(scores):
                if place == restart:
                    # Trials that still run would be handed out again: end them first.
                    end_all(session, record)
                    session = Session(search(trials=24), record)
                found.append(reach(session, 1, float(score)))
            decisions.append(found)
    assert decisions[0] == decisions[1]


def end_all(session: Session, record: Record) -> None:
    for trial in session.history.trials.values():
        if trial.status is None:
            data = {"status": "completed", "stop_reason": ""}
            record.append(Event("end", trial.trial_id, data))


def test_a_decision_that_was_due_at_a_kill_is_made_at_the_restart(tmp_path: Path) -> None:
    with Record(tmp_path / "record.db") as record:
        session = Session(search(compare=None, conditions={}), record)
        reach(session, 1, 1.0)
        trial_id, _ = reach(session, 1, 0.5)
        events = list(record.events())
    kinds = [event.kind for event in events]
    assert kinds[-3:] == ["epoch", "rung", "end"]
    for lost in (1, 2):  # the end, or the decision as well
        with Record(tmp_path / f"lost{lost}.db") as record:
            record.append(*events[:-lost])
            session = Session(search(compare=None, conditions={}), record)
            trial = session.history.trials[trial_id]
            assert (trial.status, trial.rungs) == ("stopped", {1: False})
