"""The promises of docs/statistics.md, on fewer simulated searches than stand there."""

import numpy as np
import pytest

from benchmarks.verdicts import KINDS, LOOKS, MAX_SEEDS, judge, normal, shared_labels
from tune_noise.verdict import looks_of

SEARCHES = 4000
# Four standard errors of a rate of 5 % over so many searches.
MOST = 0.05 + 4 * np.sqrt(0.05 * 0.95 / SEARCHES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 3, 5])
def test_between_equals_a_winner_is_named_in_at_most_5_percent(kind, k):
    scores = KINDS[kind](np.random.default_rng(k), (SEARCHES, k, MAX_SEEDS))
    for looks in (looks_of(3, None), looks_of(5, None), looks_of(10, None), LOOKS):
        outcome = judge(scores, looks)
        assert outcome.has_winner.mean() < MOST
        assert (~outcome.stays).mean(axis=0).max() < MOST


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("k", [2, 5])
def test_labels_that_all_seeds_share_name_no_more_wrong_winners(ratio, k):
    shape = (SEARCHES, k, MAX_SEEDS)
    scores, without = shared_labels(np.random.default_rng(k), shape, ratio)
    for looks in (looks_of(3, None), looks_of(5, None), looks_of(10, None), LOOKS):
        outcome = judge(scores, looks, without)
        assert outcome.has_winner.mean() < MOST
        assert (~outcome.stays).mean(axis=0).max() < MOST


def test_without_the_chance_of_shared_labels_most_winners_would_be_luck():
    scores, _ = shared_labels(np.random.default_rng(0), (SEARCHES, 2, 5), 3.0)
    assert judge(scores, looks_of(5, None)).has_winner.mean() > 0.5


def test_an_equal_of_the_best_is_named_worse_in_at_most_5_percent_among_worse_ones():
    means = np.array([0.0, 0.0, -1.0, -2.0, -3.0])
    scores = means[:, None] + normal(np.random.default_rng(1), (SEARCHES, 5, MAX_SEEDS))
    for looks in (looks_of(10, None), LOOKS):
        outcome = judge(scores, looks)
        assert outcome.has_winner.mean() < MOST
        assert (~outcome.stays[:, :2]).mean(axis=0).max() < MOST


def test_a_winner_ahead_by_one_spread_is_found_by_ten_seeds_with_the_power_of_the_t_test():
    means = np.array([1.0, 0.0])
    scores = means[:, None] + normal(np.random.default_rng(2), (SEARCHES, 2, MAX_SEEDS))
    fixed, looked = judge(scores, looks_of(10, None)), judge(scores, LOOKS)
    # The noncentral t says 0.803.
    assert fixed.has_winner.mean() == pytest.approx(0.803, abs=4 * np.sqrt(0.16 / SEARCHES))
    assert looked.has_winner.mean() > 0.7
    assert looked.seeds.mean() < 9.2
    assert ((looked.leader == 1) & looked.has_winner).mean() < 0.005
