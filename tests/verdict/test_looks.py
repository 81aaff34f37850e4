from itertools import pairwise
from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tune_noise.verdict.comparisons import ERROR, compare
from tune_noise.verdict.looks import (
    HOPELESS_FACTOR,
    POWER,
    Look,
    is_over,
    looks_of,
    more_seeds,
    seeds_to_settle,
)


@pytest.mark.parametrize(
    ("seeds", "max_seeds", "sizes"),
    [
        (5, None, [5]),
        (3, 10, [3, 6, 10]),
        (5, 10, [5, 10]),
        (4, 10, [4, 10]),
        (5, 11, [5, 11]),
        (3, 20, [3, 6, 12, 20]),
        (2, 100, [2, 4, 8, 16, 32, 64, 100]),
        (9, 10, [9, 10]),
    ],
)
def test_seeds_double_from_look_to_look(seeds, max_seeds, sizes):
    assert [look.num_seeds for look in looks_of(seeds, max_seeds)] == sizes


@given(st.integers(2, 99), st.integers(1, 98))
def test_all_looks_together_spend_the_error_once_and_more_of_it_late(seeds, more):
    looks = looks_of(seeds, min(100, seeds + more))
    assert sum(look.error for look in looks) == pytest.approx(ERROR)
    assert all(look.error > 0 for look in looks)
    assert (looks[0].num_seeds, looks[-1].num_seeds) == (seeds, min(100, seeds + more))
    per_seed = [b.error / (b.num_seeds - a.num_seeds) for a, b in pairwise(looks)]
    assert per_seed == sorted(per_seed)


@pytest.mark.parametrize("effect", [0.15, 0.3, 0.5, 1.0, 1.5, 2.0])
def test_the_seeds_to_settle_have_the_power_that_the_noncentral_t_says(effect):
    n = int(np.ceil(seeds_to_settle(effect, 1.0)))

    def power(n):
        quantile = stats.t.ppf(1 - ERROR / 2, n - 1)
        return stats.nct.sf(quantile, n - 1, effect * np.sqrt(n))

    assert power(n + 1) >= POWER
    # One fewer, or two where seeds are few, would not do.
    assert power(n - 2) < POWER


def test_further_seeds_are_at_least_one_and_never_where_there_is_no_difference():
    assert more_seeds(0.5, 1.0, 5) == 29
    assert more_seeds(10.0, 1.0, 5) == 1
    assert more_seeds(0.0, 1.0, 5) == inf
    assert more_seeds(0.0, 0.0, 5) == inf
    assert isnan(seeds_to_settle(1.0, np.nan))


@given(st.floats(0.01, 10), st.floats(0.01, 10), st.floats(0.1, 100))
def test_the_unit_of_the_scores_does_not_matter(mean, sd, factor):
    assert seeds_to_settle(factor * mean, factor * sd) == pytest.approx(seeds_to_settle(mean, sd))
    assert seeds_to_settle(mean, sd) <= seeds_to_settle(mean / 2, sd)


def ends(scores, look, last):
    table = np.asarray(scores, dtype=np.float64)[None]
    found = compare(table, np.ones(table.shape[:2], dtype=bool), error=look.error)
    return bool(is_over(found, look, last)[0])


def test_seeds_are_spent_until_somebody_has_won_or_the_budget_or_hope_is_gone():
    early, last = Look(5, 0.0125), Look(10, 0.0375)
    spread = np.array([1.0, -1.0, 0.5, -0.5, 0.0])
    assert ends([10.0 + spread, -spread], early, last)  # won
    undecided = [1.0 + spread, 0.0 * spread]
    assert not ends(undecided, early, last)
    assert ends(undecided, last, last)  # the budget is spent
    # sd 0.79: with a mean of 0.2 it takes 7.85 * 0.79**2 / 0.2**2 + 1.9 = 125 seeds.
    assert seeds_to_settle(0.2, 0.7906) == pytest.approx(124.6, abs=0.1)
    in_vain = [0.2 + spread, 0.0 * spread]
    assert HOPELESS_FACTOR * last.num_seeds < 125
    assert ends(in_vain, early, last)
    # Three seeds hardly tell the spread: nobody is given up by them.
    assert not ends([row[[0, 1, 4]] for row in np.array(in_vain)], Look(3, 0.0045), last)
