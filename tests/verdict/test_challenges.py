import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tune_noise.verdict import Look, challenge, challenge_level, decide, looks_of

SCORES = st.floats(min_value=-5.0, max_value=5.0).map(lambda value: round(value, 3))


def by_seed(values, first=0):
    return dict(enumerate(values, first))


@given(st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=10))
def test_over_shared_seeds_it_is_the_paired_t_interval(pairs):
    ours, theirs = (np.array(values) for values in zip(*pairs, strict=True))
    assume(np.std(ours - theirs) > 1e-6)
    found = challenge(by_seed(ours), by_seed(theirs), level=0.05)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    np.testing.assert_allclose(found.interval, expected, atol=1e-9)
    assert found.is_paired
    assert found.is_won == (expected.low > 0.0)
    assert (found.num_challenger, found.num_champion) == (len(pairs), len(pairs))


@given(st.lists(SCORES, min_size=2, max_size=10), st.lists(SCORES, min_size=2, max_size=10))
def test_without_shared_seeds_it_is_welchs_interval(ours, theirs):
    assume(np.std(ours) > 1e-6 and np.std(theirs) > 1e-6)
    found = challenge(by_seed(ours), by_seed(theirs, first=100), level=0.02)
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.98)
    np.testing.assert_allclose(found.interval, expected, rtol=1e-6, atol=1e-6)
    assert not found.is_paired
    assert found.is_won == (found.interval[0] > 0.0)


@given(
    st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=8),
    st.sampled_from([0.0045, 0.05]),
)
def test_a_challenge_among_two_is_the_verdict_of_a_search_that_had_both_as_finalists(pairs, error):
    ours, theirs = (by_seed(values) for values in zip(*pairs, strict=True))
    found = challenge(ours, theirs, level=error)
    standing = decide({"new": ours, "old": theirs}, list(ours), [Look(len(pairs), error)])
    wins = standing.leader == "new" and standing.comparisons["old"].is_separated
    assert found.is_won == wins


@given(
    st.integers(2, 6),
    st.floats(0.01, 10.0),
    st.integers(0, 2**32 - 1),
)
def test_the_chance_of_shared_labels_is_judged_as_among_finalists(num_seeds, ratio, seed):
    random = np.random.default_rng(seed)
    groups = random.normal(size=(2, num_seeds, 1)) + ratio * random.normal(size=(2, 1, 20))
    scores = [by_seed(row) for row in groups.mean(axis=2)]
    without = (20 * groups.mean(axis=2)[..., None] - groups) / 19
    found = challenge(*scores, level=0.05, without=tuple(without.mean(axis=1).tolist()))
    names = ("new", "old")
    standing = decide(
        dict(zip(names, scores, strict=True)),
        range(num_seeds),
        [Look(num_seeds, 0.05)],
        without={n: by_seed(rows.tolist()) for n, rows in zip(names, without, strict=True)},
    )
    other = "old" if standing.leader == "new" else "new"
    comparison = standing.comparisons[other]
    assert found.label_error == pytest.approx(comparison.label_error)
    low, high = found.interval
    ends = (low, high) if other == "old" else (-high, -low)
    np.testing.assert_allclose(ends, comparison.interval, rtol=1e-6, atol=1e-9)
    # A record of an earlier version tells nothing of the labels.
    alone = challenge(*scores, level=0.05, without=(without[0, 0].tolist(), None))
    assert alone == challenge(*scores, level=0.05)


def test_only_shared_seeds_are_paired():
    ours, theirs = {1: 1.0, 2: 1.1, 3: 9.0}, {1: 0.9, 2: 1.01, 7: -9.0}
    found = challenge(ours, theirs, level=0.05)
    assert found.is_paired
    assert found.num_challenger == 2
    assert found.mean == pytest.approx(0.095)


def test_equals_do_not_replace_each_other():
    same = {1: 0.5, 2: 0.7, 3: 0.6}
    found = challenge(same, same, level=0.05)
    assert not found.is_won
    assert found.interval == (0.0, 0.0)


def test_one_seed_tells_nothing():
    found = challenge({1: 9.0}, {1: 0.0}, level=0.05)
    assert found.interval is None
    assert not found.is_won
    assert not challenge({1: 9.0}, {2: 0.0, 3: 0.1}, level=0.05).is_won


def test_without_any_spread_the_better_one_wins():
    assert challenge({1: 2.0, 2: 2.0}, {1: 1.0, 2: 1.0}, level=0.05).is_won
    assert challenge({1: 2.0, 2: 2.0}, {8: 1.0, 9: 1.0}, level=0.05).is_won
    assert not challenge({1: 2.0, 2: 2.0}, {8: 2.0, 9: 2.0}, level=0.05).is_won


def test_the_level_is_that_of_the_look_that_decided_shared_among_the_tied():
    plain, spent = looks_of(5, None), looks_of(3, 10)
    assert challenge_level(0, 5, plain) == 0.05
    assert challenge_level(4, 5, plain) == pytest.approx(0.01)
    assert [challenge_level(0, n, spent) for n in (3, 6, 10)] == [look.error for look in spent]
    # A seed that gave no result, or one more than was planned for.
    assert challenge_level(0, 2, spent) == spent[0].error
    assert challenge_level(0, 11, spent) == spent[-1].error


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("num_tied", [0, 2])
def test_an_equal_takes_the_place_in_at_most_2_5_percent_of_searches(is_paired, num_tied):
    """The error is two-sided; the leader of a tie was sent for being the luckiest of them."""
    random = np.random.default_rng(20260)
    count, searches = 0, 4000
    level = challenge_level(num_tied, 5, looks_of(5, None))
    for _ in range(searches):
        shared = random.normal(size=5)
        finalists = shared + random.normal(size=(1 + num_tied, 5))
        ours = finalists[finalists.mean(axis=1).argmax()]
        theirs = (shared if is_paired else random.normal(size=5)) + random.normal(size=5)
        first = 0 if is_paired else 100
        count += challenge(by_seed(ours), by_seed(theirs, first), level=level).is_won
    # Three standard errors above.
    assert count / searches <= 0.025 + 3.0 * np.sqrt(0.025 * 0.975 / searches)
