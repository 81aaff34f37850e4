"""Mean, sample standard deviation, 95 % t interval, and the paired difference of two finalists."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


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
        """The four figures as `summary.json` holds them; what one value cannot tell is None."""
        ci95 = None if self.ci95 is None else list(self.ci95)
        return {"n": self.n, "mean": self.mean, "sd": self.sd, "ci95": ci95}


def t_quantile(n: int) -> float:
    """The 97.5 % quantile of Student's t with n - 1 degrees of freedom.

    Example:
        >>> round(t_quantile(5), 3)
        2.776
    """
    return float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, sample standard deviation and 95 % t interval, mean +- t * sd / sqrt(n).

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


def paired_difference(
    first: Mapping[Hashable, float], second: Mapping[Hashable, float]
) -> Estimate | None:
    """First minus second, pair by pair; a seed that only one of them has is left out.

    Args:
        first: seed -> value.
        second: seed -> value.

    Returns:
        The estimate of the difference; None where no seed is shared.
    """
    differences = [first[seed] - second[seed] for seed in first if seed in second]
    return estimate(differences) if differences else None
