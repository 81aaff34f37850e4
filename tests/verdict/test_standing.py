from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.verdicts import judge
from tune_noise.verdict import decide, looks_of

SEEDS = list(range(101, 111))
LOOKS = looks_of(3, 10)
whole = st.integers(0, 60).map(float)
rows = st.lists(whole | st.none(), min_size=10, max_size=10)
races = st.lists(rows, min_size=1, max_size=4)


def known(races, counts):
    """The first results of each finalist: name -> seed -> score."""
    return {
        f"t{i}": dict(zip(SEEDS[:count], row, strict=False))
        for i, (row, count) in enumerate(zip(races, counts, strict=True))
    }


def all_known(races):
    return known(races, [10] * len(races))


CLEAR = [[9.0, 9.2, 9.1, 9.0, 9.2, 9.1, 9.1, 9.0, 9.2, 9.1], [1.0, 1.1, 0.9] + [1.0] * 7]
STAGGERED = [
    [9.0, 9.5, 9.2, 9.6, 9.1, 9.4, 9.2, 9.3, 9.5, 9.0],
    [9.1, 9.2, 9.4, 9.2, 9.5, 9.0, 9.3, 9.2, 9.1, 9.6],
    [1.0, 1.1, 0.9, 1.0, 1.1, 0.9, 1.0, 1.1, 0.9, 1.0],
]


def test_with_nothing_known_every_finalist_needs_its_first_seeds():
    found = decide({"a": {}, "b": {}}, SEEDS, LOOKS)
    assert found.missing == {"a": SEEDS[:3], "b": SEEDS[:3]}
    assert (found.leader, found.tied, found.comparisons, found.is_over) == (None, (), {}, False)


def test_a_clear_winner_is_one_at_the_first_look():
    found = decide(known(CLEAR, [3, 3]), SEEDS, LOOKS)
    assert (found.leader, found.tied, found.is_over) == ("t0", (), True)
    comparison = found.comparisons["t1"]
    assert (comparison.n, comparison.level, comparison.is_separated) == (3, LOOKS[0].error, True)
    assert comparison.interval is not None
    assert comparison.interval[0] > 0
    assert comparison.more_seeds is None


def test_further_seeds_go_to_the_undecided_alone():
    found = decide(known(STAGGERED, [3, 3, 3]), SEEDS, LOOKS)
    assert found.missing == {"t0": SEEDS[3:6], "t1": SEEDS[3:6]}
    assert found.comparisons["t2"].is_separated
    assert not found.is_over
    waiting = decide(known(STAGGERED, [6, 5, 3]), SEEDS, LOOKS)
    assert waiting.missing == {"t1": SEEDS[5:6]}


def test_a_tie_names_all_that_are_not_separated_and_what_would_settle_it():
    found = decide(all_known(STAGGERED), SEEDS, looks_of(10, None))
    assert (found.leader, found.tied) == ("t0", ("t1",))
    comparison = found.comparisons["t1"]
    assert comparison.interval is not None
    low, high = comparison.interval
    assert low < 0 < high
    assert comparison.more_seeds is not None
    assert comparison.more_seeds > 100
    assert comparison.to_json()["more_seeds"] == comparison.more_seeds


def test_seeds_that_all_failed_leave_a_finalist_out_of_the_race():
    found = decide(known([[1.0] * 3, [None] * 3, [nan] * 3], [3] * 3), SEEDS, LOOKS)
    assert (found.leader, found.tied, found.is_over) == ("t0", (), True)
    assert found.comparisons == {}
    nobody = decide(known([[None] * 3, [None] * 3], [3] * 2), SEEDS, LOOKS)
    assert (nobody.leader, nobody.is_over, nobody.missing) == (None, True, {})
    assert decide({}, [], LOOKS, no_more=True).leader is None


def test_where_nothing_more_will_come_it_is_judged_by_what_there_is():
    scores = known(STAGGERED, [5, 4, 3])
    assert not decide(scores, SEEDS, LOOKS).is_over
    found = decide(scores, SEEDS, LOOKS, no_more=True)
    assert found.is_over
    assert found.missing == {}
    assert found.comparisons["t1"].n == 4
    at_first = decide(known(STAGGERED, [3, 3, 3]), SEEDS, LOOKS, no_more=True)
    assert {found.level for found in at_first.comparisons.values()} <= {0.0045, 0.00225}


@given(races, st.data())
@settings(max_examples=60)
def test_what_was_decided_stays_decided_whatever_comes_in_later(races, data):
    """A driver that dies anywhere and folds again spends the same seeds."""
    scores = {f"t{i}": {} for i in range(len(races))}
    while not (found := decide(scores, SEEDS, LOOKS)).is_over:
        assert found.missing
        due = [(name, seed) for name, seeds in found.missing.items() for seed in seeds]
        for name, seed in data.draw(st.permutations(due)):
            again = decide(scores, SEEDS, LOOKS)
            assert not again.is_over
            assert (name, seed) in [(n, s) for n, ss in again.missing.items() for s in ss]
            scores[name][seed] = races[int(name[1:])][SEEDS.index(seed)]
    # With all seeds known the verdict is the same: later ones of those decided are not used.
    assert decide(all_known(races), SEEDS, LOOKS) == found


def test_the_simulation_judges_as_a_search_is_judged():
    rng = np.random.default_rng(5)
    means = rng.choice([0.0, 1.0, 2.0, 4.0], size=(300, 4, 1))
    scores = means + rng.standard_normal((300, 4, 10))
    for looks in (LOOKS, looks_of(10, None), looks_of(2, 9)):
        outcome = judge(scores[:, :, : looks[-1].num_seeds], looks)
        for i, table in enumerate(scores):
            found = decide(all_known(table.tolist()), SEEDS, looks)
            assert found.leader == f"t{outcome.leader[i]}"
            stays = {found.leader, *found.tied}
            assert stays == {f"t{j}" for j in np.flatnonzero(outcome.stays[i])}
    assert set(outcome.seeds.ravel()) <= {look.num_seeds for look in looks}


@pytest.mark.parametrize("name", ["t0", "t1"])
def test_the_leader_has_no_comparison_with_itself(name):
    scores = STAGGERED if name == "t0" else [STAGGERED[1], STAGGERED[0], STAGGERED[2]]
    found = decide(all_known(scores), SEEDS, LOOKS)
    assert found.leader == name
    assert name not in found.comparisons
