"""Means over seeds with 95 % intervals, paired differences of two finalists, and shares."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tune_noise.verdict import Comparison

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
# The 97.5 % quantile of the normal distribution.
Z = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and how far it can be trusted.

    Attributes:
        n: number of values, at least 1.
        mean: their mean, in the unit of the values.
        sd: sample standard deviation (n - 1 in the denominator); None for one value.
        ci95: lower and upper end of the 95 % t interval of the mean; None for one value.
    """

    n: int
    mean: float
    sd: float | None
    ci95: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return the four figures of `summary.json`; None where one value cannot tell."""
        ci95 = None if self.ci95 is None else list(self.ci95)
        return {"n": self.n, "mean": self.mean, "sd": self.sd, "ci95": ci95}


def t_quantile(n: int) -> float:
    """Return the 97.5 % quantile of Student's t with n - 1 degrees of freedom.

    Example:
        >>> round(t_quantile(5), 3)
        2.776
    """
    return float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean, sample standard deviation and 95 % t interval, mean +- t * sd / sqrt(n).

    Args:
        values: one finite number per seed, in any unit; at least one.

    Raises:
        ValueError: there are no values, or one is not finite.

    Example:
        >>> estimate([1.0, 2.0, 3.0]).sd
        1.0
    """
    if not values:
        raise ValueError("an estimate needs at least one value")
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"an estimate needs finite values, got {list(values)}")
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return Estimate(n=1, mean=mean, sd=None, ci95=None)
    sd = float(np.std(values, ddof=1))
    half_width = t_quantile(n) * sd / math.sqrt(n)
    return Estimate(n=n, mean=mean, sd=sd, ci95=(mean - half_width, mean + half_width))


def with_errors(
    values: Sequence[float], errors: Sequence[float], *, share_labels: bool
) -> Estimate:
    """Return the mean over seeds of a count on noisy labels, whose interval includes their chance.

    Where each seed draws its labels afresh, the spread of the seeds includes that chance, and the
    interval is that of `estimate`. Where all seeds share their labels it does not: the error of one
    measurement, which no further seed makes smaller, is added in squares. The same holds for a
    single seed.

    Args:
        values: one finite number per seed; at least one.
        errors: the standard error of each, over draws of the labels.
        share_labels: whether the seeds differ only in their training.

    Example:
        >>> low, high = with_errors([0.5], [0.1], share_labels=False).ci95
        >>> round(low, 3), round(high, 3)
        (0.304, 0.696)
    """
    seeds = estimate(values)
    if seeds.ci95 is not None and not share_labels:
        return seeds
    seeds_half_width = 0.0 if seeds.ci95 is None else seeds.ci95[1] - seeds.mean
    half_width = math.hypot(Z * float(np.sqrt(np.mean(np.square(errors)))), seeds_half_width)
    return replace(seeds, ci95=(seeds.mean - half_width, seeds.mean + half_width))


def share_interval(shares: Floats, numbers: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper end of Wilson's 95 % interval of shares.

    `scipy.stats.binomtest` gives the same for one whole count; these are arrays of shares, and the
    numbers of observations are effective ones, which are not whole.

    Args:
        shares: in [0, 1], of any shape; NaN where there is none.
        numbers: observations behind each share, at least 1, not necessarily whole.

    Example:
        >>> low, high = share_interval(np.array([0.0]), np.array([10.0]))
        >>> print(low.round(3), high.round(3))
        [0.] [0.278]

    Reference:
        Wilson 1927; it holds near shares of 0 and 1, too, where the normal one has no width.
    """
    centre = (shares + Z**2 / (2 * numbers)) / (1 + Z**2 / numbers)
    spread = np.sqrt(shares * (1 - shares) / numbers + Z**2 / (4 * numbers**2))
    half_width = Z * spread / (1 + Z**2 / numbers)
    return np.maximum(centre - half_width, 0.0), np.minimum(centre + half_width, 1.0)


def judged(comparison: Comparison) -> Estimate:
    """Return a finalist's difference from the leader with the interval by which it was judged."""
    return Estimate(comparison.n, comparison.mean, comparison.sd, comparison.interval)


def paired_difference(
    first: Mapping[Hashable, float], second: Mapping[Hashable, float]
) -> Estimate | None:
    """Return first minus second, pair by pair; a seed that only one of them has is left out.

    Args:
        first: seed -> value.
        second: seed -> value.

    Returns:
        The estimate of the difference; None where no seed is shared.
    """
    differences = [first[seed] - second[seed] for seed in first if seed in second]
    return estimate(differences) if differences else None
