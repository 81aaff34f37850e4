import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tune_noise.verdict.comparisons import ERROR, compare, still_in_race

whole = st.integers(-1000, 1000)
tables = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6).flatmap(
    lambda shape: hnp.arrays(np.int64, shape, elements=whole, unique=True)
)


def judged(scores, *, error=ERROR):
    table = np.asarray(scores, dtype=np.float64)[None]
    found = compare(table, np.ones(table.shape[:2], dtype=bool), error=error)
    return {name: value[0] for name, value in vars(found).items()}


def leads_clearly(scores):
    """Whether one mean is above all others: else who leads is a matter of order."""
    first, second = sorted(np.mean(scores, axis=1), reverse=True)[:2]
    return first - second > 1e-6


def by_the_book(scores, error):
    """Who is separated from the leader: SciPy's paired t test, then Holm as he wrote it down."""
    leader = int(np.mean(scores, axis=1).argmax())
    p = {
        i: stats.ttest_rel(scores[leader], scores[i]).pvalue
        for i in range(len(scores))
        if i != leader
    }
    if all(value <= error for value in p.values()):
        return set(p)
    separated = set()
    while p:
        smallest = min(p, key=p.get)
        if p[smallest] > error / len(p):
            break
        separated.add(smallest)
        del p[smallest]
    return separated


@given(tables, st.sampled_from([0.01, 0.05, 0.2]))
def test_it_agrees_with_scipys_test_and_holms_rule(scores, error):
    assume(leads_clearly(scores))
    leader = np.mean(scores, axis=1).argmax()
    # Without a spread SciPy gives no p value.
    assume(all(np.ptp(scores[leader] - row) > 0 for i, row in enumerate(scores) if i != leader))
    found = judged(scores, error=error)
    assert found["leader"] == leader
    expected = by_the_book(scores.astype(np.float64), error)
    assert set(np.flatnonzero(found["is_separated"])) == expected


@given(tables)
def test_the_interval_at_its_level_excludes_zero_exactly_if_separated(scores):
    assume(leads_clearly(scores))
    found = judged(scores)
    n = scores.shape[1]
    half_width = stats.t.ppf(1 - found["level"] / 2, n - 1) * found["sd"] / np.sqrt(n)
    excludes = found["mean"] - half_width > 0
    assert (excludes == found["is_separated"])[found["is_rival"]].all()


@given(tables, whole, st.integers(1, 50), st.randoms(use_true_random=False))
def test_shift_scale_and_order_change_nothing(scores, shift, factor, random):
    assume(leads_clearly(scores))
    found = judged(scores)
    k, n = scores.shape
    finalists, seeds = random.sample(range(k), k), random.sample(range(n), n)
    luck = np.array([random.randint(-1000, 1000) for _ in range(n)])  # of a seed, shared by all
    other = judged((factor * scores + shift + luck)[np.ix_(finalists, seeds)])
    assert finalists[other["leader"]] == found["leader"]
    assert (other["is_separated"] == found["is_separated"][finalists]).all()
    np.testing.assert_allclose(other["level"], found["level"][finalists])
    np.testing.assert_allclose(other["mean"], factor * found["mean"][finalists], atol=1e-6)


def test_two_finalists_are_judged_by_the_plain_paired_test():
    # Differences 1, 2, 3: mean 2, sd 1, t = 2 sqrt(3) = 3.46 with 2 degrees of freedom, p = 0.074.
    found = judged([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    assert (found["n"][1], found["mean"][1], found["sd"][1]) == (3, 2.0, 1.0)
    assert not found["is_separated"].any()
    assert judged([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], error=0.08)["is_separated"].any()
    assert found["level"][1] == ERROR


def test_who_beats_everyone_needs_no_correction_and_who_does_not_does():
    # t = 3.46 against both: p = 0.074, above 0.1 / 2.
    scores = [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [0.1, 0.1, 0.1]]
    won = judged(scores, error=0.1)
    assert list(won["is_separated"]) == [False, True, True]
    assert list(won["level"]) == [0.1, 0.1, 0.1]
    # A third rival cannot be told from the leader: the correction is for all three.
    tied = judged([*scores, [0.9, 2.1, 2.9]], error=0.1)
    assert not tied["is_separated"].any()
    np.testing.assert_allclose(tied["level"][1:], 0.1 / 3)


def test_holm_goes_on_from_the_clearest_to_the_next():
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal((4, 6))
    scores = np.array([[3.0], [1.0], [2.0], [3.0]]) + noise
    found = judged(scores)
    assert set(np.flatnonzero(found["is_separated"])) == {1, 2}
    assert sorted(found["level"][found["is_rival"]]) == pytest.approx([ERROR / 3, ERROR / 2, ERROR])


def test_seeds_that_gave_no_result_are_left_out_pair_by_pair():
    nan = np.nan
    found = judged([[5.0, nan, 7.0, 6.0], [1.0, 1.0, nan, 2.1], [nan, nan, nan, nan]])
    assert (found["n"][1], found["mean"][1]) == (2, pytest.approx(3.95))
    assert list(found["is_rival"]) == [False, True, False]
    alone = judged([[5.0, nan], [nan, 1.0]])
    assert (alone["n"][1], alone["is_separated"][1]) == (0, False)


def test_equal_scores_are_not_separated_and_constant_differences_are():
    assert not judged([[1.0, 2.0], [1.0, 2.0]])["is_separated"].any()
    assert judged([[1.5, 2.5], [1.0, 2.0]])["is_separated"][1]


def test_one_seed_separates_nobody():
    assert not judged([[2.0], [1.0]])["is_separated"].any()


def test_a_search_is_judged_as_it_would_be_alone():
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((30, 4, 5)) + np.array([2.0, 0.0, -1.0, 1.5])[:, None]
    in_race = rng.random((30, 4)) < 0.8
    in_race[:, 0] = True
    together = compare(scores, in_race, error=ERROR)
    for i in range(30):
        alone = compare(scores[i : i + 1], in_race[i : i + 1], error=ERROR)
        for name in vars(together):
            np.testing.assert_array_equal(getattr(together, name)[i], getattr(alone, name)[0])
    assert not still_in_race(together)[~in_race].any()
    assert still_in_race(together)[np.arange(30), together.leader].all()
