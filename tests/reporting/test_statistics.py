import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tune_noise.reporting.statistics import (
    Estimate,
    estimate,
    paired_difference,
    t_quantile,
)

values = st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 6))
runs = st.lists(values, min_size=2, max_size=12)
by_seed = st.dictionaries(st.integers(0, 20), values, max_size=12)


@pytest.mark.parametrize(("n", "expected"), [(2, 12.706), (3, 4.303), (5, 2.776), (10, 2.262)])
def test_t_quantile_is_that_of_the_printed_tables(n: int, expected: float) -> None:
    assert t_quantile(n) == pytest.approx(expected, abs=5e-4)


def test_estimate_by_hand() -> None:
    # Mean 3, squared deviations 4 + 1 + 0 + 1 + 4 = 10, variance 10 / 4, t(4) = 2.776445.
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    half_width = 2.776445 * math.sqrt(2.5) / math.sqrt(5.0)
    assert (found.n, found.mean, found.sd) == (5, 3.0, pytest.approx(math.sqrt(2.5)))
    assert found.ci95 == pytest.approx((3.0 - half_width, 3.0 + half_width), abs=1e-5)


@given(runs)
def test_estimate_agrees_with_scipy(sample: list[float]) -> None:
    assume(np.std(sample) > 1e-6)
    found = estimate(sample)
    expected = stats.t.interval(0.95, len(sample) - 1, loc=np.mean(sample), scale=stats.sem(sample))
    assert found.ci95 == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(runs)
def test_interval_holds_the_mean_and_is_symmetric(sample: list[float]) -> None:
    found = estimate(sample)
    assert found.ci95 is not None
    low, high = found.ci95
    assert low <= found.mean <= high
    assert found.mean - low == pytest.approx(high - found.mean, abs=1e-9)


def test_one_value_has_neither_spread_nor_interval() -> None:
    assert estimate([0.5]) == Estimate(n=1, mean=0.5, sd=None, ci95=None)


@pytest.mark.parametrize("sample", [[], [1.0, math.nan], [math.inf]])
def test_estimate_refuses_nothing_and_the_not_finite(sample: list[float]) -> None:
    with pytest.raises(ValueError, match="an estimate needs"):
        estimate(sample)


@given(by_seed, by_seed)
def test_paired_difference_is_antisymmetric(
    first: dict[int, float], second: dict[int, float]
) -> None:
    there, back = paired_difference(first, second), paired_difference(second, first)
    if there is None or back is None:
        assert there is back
        assert not set(first) & set(second)
        return
    assert there.n == back.n == len(set(first) & set(second))
    assert there.mean == pytest.approx(-back.mean, abs=1e-9)
    assert (there.sd is None) == (there.n == 1)
    if there.ci95 is not None and back.ci95 is not None:
        assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]), abs=1e-9)


def test_pairing_sees_what_the_seeds_share() -> None:
    # The seeds differ by far more than the finalists do; only pairs show that.
    first = {1: 1.00, 2: 2.00, 3: 3.00}
    second = {1: 0.89, 2: 1.90, 3: 2.91}
    difference = paired_difference(first, second)
    assert difference is not None
    assert difference.mean == pytest.approx(0.10)
    assert difference.ci95 is not None
    assert difference.ci95[0] > 0.0
