"""The leader against reference models, and how often a claim about them is wrong."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.verdicts import KINDS
from tune_noise.verdict import compare_references, decide, looks_of

SEARCHES = 1000
# Four standard errors of a rate of 5 % over so many searches.
MOST = 0.05 + 4 * np.sqrt(0.05 * 0.95 / SEARCHES)
VALUES = st.lists(st.floats(-5, 5).map(lambda value: round(value, 3)), min_size=5, max_size=5)


def by_seed(rows):
    return {str(number): dict(enumerate(row)) for number, row in enumerate(rows)}


@given(VALUES, VALUES, VALUES, st.integers(0, 2))
def test_it_agrees_with_scipys_paired_test(best, other, reference, num_tied):
    finalists = sorted((np.array(best), np.array(other)), key=lambda row: -row.mean())
    reference = np.array(reference)
    assume(min(np.std(row - reference) for row in finalists) > 1e-6)
    found = compare_references(
        by_seed(finalists),
        {"knn": by_seed([reference])["0"]},
        leader="0",
        num_tied=num_tied,
        error=0.05,
    )["knn"]
    difference = finalists[0].mean() - reference.mean()
    assume(abs(difference) > 1e-9)
    level = 0.05 / (1 + num_tied) if difference > 0 else 0.05
    p = [stats.ttest_rel(row, reference).pvalue for row in finalists]
    assert found.comparison.level == level
    assert found.comparison.is_separated == (p[0] <= level)
    assert found.is_beaten == (p[0] <= level and difference > 0)
    is_behind = [
        q <= level and row.mean() < reference.mean() for q, row in zip(p, finalists, strict=True)
    ]
    assert found.is_ahead_of_all == all(is_behind)
    low, high = found.comparison.interval
    assert (low > 0 or high < 0) == found.comparison.is_separated


def test_a_model_ahead_of_the_leader_is_not_ahead_of_a_finalist_that_scatters():
    finalists = by_seed([[1.0, 1.1, 0.9, 1.0, 1.1], [0.0, 9.0, 0.1, -5.0, 0.2]])
    reference = {"knn": dict(enumerate([2.0, 2.1, 1.9, 2.1, 2.0]))}
    found = compare_references(finalists, reference, leader="0", num_tied=1, error=0.05)["knn"]
    assert found.comparison.is_separated
    assert not found.is_beaten
    assert not found.is_ahead_of_all
    del finalists["1"]
    found = compare_references(finalists, reference, leader="0", num_tied=0, error=0.05)["knn"]
    assert found.is_ahead_of_all


def test_one_seed_tells_nothing_and_without_models_there_is_nothing():
    assert compare_references({"0": {1: 1.0}}, {}, leader="0", num_tied=0, error=0.05) == {}
    found = compare_references(
        {"0": {1: 1.0}}, {"knn": {1: 9.0}}, leader="0", num_tied=0, error=0.05
    )["knn"]
    assert found.comparison.interval is None
    assert not found.is_ahead_of_all
    assert not found.is_beaten


@pytest.mark.parametrize("kind", ["normal", "heavy tails (t, 3 df)"])
@pytest.mark.parametrize("models_share_labels", [False, True])
@pytest.mark.parametrize(("num_finalists", "num_models"), [(1, 5), (3, 2)])
def test_claims_about_equals_are_wrong_in_at_most_5_percent(
    kind, models_share_labels, num_finalists, num_models
):
    rng = np.random.default_rng(num_finalists)
    scores = KINDS[kind](rng, (SEARCHES, num_finalists + num_models, 5))
    if models_share_labels:  # trained once, with one result on all seeds
        scores[:, num_finalists:] = 0.0
    wrong = 0
    for table in scores:
        finalists = by_seed(table[:num_finalists])
        standing = decide(finalists, range(5), looks_of(5, None))
        found = compare_references(
            finalists,
            by_seed(table[num_finalists:]),
            leader=standing.leader,
            num_tied=len(standing.tied),
            error=0.05,
        ).values()
        wrong += any(one.is_ahead_of_all for one in found) or all(one.is_beaten for one in found)
    assert wrong / SEARCHES < MOST
