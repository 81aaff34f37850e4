"""Means over a population from a stratified sample, helped by guesses: estimate and interval.

The difference estimator: the mean of the guesses over the population, plus the mean of what they
miss over the sample, each label weighted by 1 / its probability. It is unbiased whatever the
guesses are, and the better they are the less it scatters (Särndal, Swensson and Wretman 1992,
chapter 6; prediction-powered inference, Angelopoulos et al. 2023, is the same idea).
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
# The spread that the networks expect in a stratum counts like so many labels of it.
EXPECTED_LABELS = 2.0
# The misses, beyond those seen, by which the expected spread of all strata is scaled.
MORE_MISSES = 0.5
# Of a share whose two sums are estimated, in so many times that: found by simulation.
OF_RATIO = 2.0
_LEAST_CHECKED = 2


@dataclass(frozen=True)
class Estimated:
    """A figure and its interval.

    Attributes:
        value: the figure.
        low: lower end of the interval.
        high: upper end.
        n: number of checked labels that tell of it.
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2.0

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as `summary.json` holds them."""
        return {"value": self.value, "ci95": [self.low, self.high], "n": self.n}


@dataclass(frozen=True)
class Guess:
    """What networks say of a quantity of each label of the population, before anyone looks.

    Attributes:
        mean: float64 [N], what is expected.
        variance: float64 [N], how much it is expected to scatter.
        miss: the square of what one label misses where the guess was sure and wrong.
    """

    mean: np.ndarray
    variance: np.ndarray
    miss: float = 1.0


class Estimator:
    """Estimates from the checked labels of one sample.

    Args:
        strata: int64 [N], the stratum of each label of the population.
        rows: int64 [n], the labels that were checked: of each stratum a simple random sample.
        least_misses: a mean scatters at least as much as if so much of one label were missed.
    """

    def __init__(
        self, strata: np.ndarray, rows: np.ndarray, *, least_misses: float = MORE_MISSES
    ) -> None:
        self._rows, self._least_misses = rows, least_misses
        self._strata = _joined(strata, rows)
        self._sizes = np.bincount(self._strata)
        self._drawn = np.bincount(self._strata[rows], minlength=len(self._sizes))

    @property
    def size(self) -> int:
        """Number of labels of the population."""
        return len(self._strata)

    @cached_property
    def weights(self) -> np.ndarray:
        """How many labels of the population each checked one stands for, float64 [n]."""
        weights = self._sizes / self._drawn
        return np.asarray(weights[self._strata[self._rows]])

    def total(self, values: np.ndarray, guesses: np.ndarray) -> float:
        """Return the sum of a quantity over the population.

        Args:
            values: float64 [n], of the checked labels.
            guesses: float64 [N], of all labels.
        """
        return float(guesses.sum() + (self.weights * (values - guesses[self._rows])).sum())

    def scale(self, misses: np.ndarray, expected: np.ndarray, miss: float = 1.0) -> float:
        """Return how often networks miss beside how often they expect to: 1 where they know.

        Each checked label counts like those that it stands for: where networks are too sure of the
        many labels that they agree with, few of which are checked, that must be seen.

        Args:
            misses: float64 [n], value - guess of the checked labels.
            expected: float64 [N], the variance that is expected of each label.
            miss: the square of one whole miss.
        """
        # Some more misses than were seen: that none was seen says little.
        seen = (self.weights * misses**2).sum() + MORE_MISSES * miss * self.weights.mean()
        return float(seen) / max(float(expected.sum()), 1e-12)

    def variance(
        self, misses: np.ndarray, expected: np.ndarray, miss: float = 1.0
    ) -> tuple[float, float]:
        """Return the variance of an estimated sum, and its degrees of freedom.

        A stratum of few labels shows hardly any miss, and its own variance would often be 0. So it
        is mixed with what the networks expect there, scaled as the misses of all strata say.
        """
        strata, drawn = self._strata[self._rows], self._drawn
        means = np.bincount(strata, misses, len(drawn)) / drawn
        squares = np.bincount(strata, (misses - means[strata]) ** 2, len(drawn))
        prior = self.scale(misses, expected, miss) * self._means(expected)
        degrees = drawn - 1 + EXPECTED_LABELS
        spread = (squares + EXPECTED_LABELS * prior) / degrees
        return variance_of_sum(self._sizes, drawn, spread, degrees)

    def _means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of values by stratum."""
        return np.asarray(np.bincount(self._strata, values, len(self._sizes)) / self._sizes)

    def among(self, part: np.ndarray) -> "Estimator | None":
        """Return the same for a part of the population, bool [N]; None if none of it was checked.

        Of each stratum the checked labels of the part are a random sample of those that belong to
        it, and how many these are is known.
        """
        inside = part[self._rows]
        if not inside.any():
            return None
        place = np.cumsum(part) - 1
        # Of few labels intervals are wide already.
        return Estimator(self._strata[part], place[self._rows[inside]], least_misses=0.0)

    def mean(
        self, values: np.ndarray, guess: Guess, *, confidence: float = CONFIDENCE
    ) -> Estimated:
        """Return the mean of a quantity in [0, 1] over the population.

        Args:
            values: float64 [n], of the checked labels.
            guess: of all labels.
            confidence: of the interval.
        """
        value = self.total(values, guess.mean) / self.size
        misses = values - guess.mean[self._rows]
        variance, degrees = self.variance(misses, guess.variance, guess.miss)
        least = least_variance(self.size, len(values), self._least_misses * guess.miss)
        variance = max(variance, least)
        error = math.sqrt(variance) / self.size
        share = share_estimate(value, error, degrees, n=len(values), confidence=confidence)
        # What no checked label contradicts may be true of all.
        low = 0.0 if (values == 0.0).all() and self.size > len(values) else share.low
        high = 1.0 if (values == 1.0).all() and self.size > len(values) else share.high
        return replace(share, low=low, high=high)

    def ratio(
        self,
        values: np.ndarray,
        guess: Guess,
        *,
        among: np.ndarray,
        confidence: float = CONFIDENCE,
    ) -> Estimated | None:
        """Return which share of a quantity in [0, 1] belongs to a part of the population.

        Both sums are estimated, and the interval is that of the linearised ratio.

        Args:
            values: float64 [n], of the checked labels, e.g. whether its true class is 3.
            guess: of all labels.
            among: float64 or bool [N], the part, e.g. the labels that are given as 5.
            confidence: of the interval.

        Returns:
            None where the quantity does not seem to occur.
        """
        part = among.astype(np.float64)
        whole = self.total(values, guess.mean)
        if whole <= 0.0 or not values.any():
            return None
        inside = part[self._rows]
        share = min(max(self.total(values * inside, guess.mean * part) / whole, 0.0), 1.0)
        misses = (inside - share) * (values - guess.mean[self._rows])
        expected = (part - share) ** 2 * guess.variance
        miss = OF_RATIO * max(share, 1.0 - share) ** 2
        variance, degrees = self.variance(misses, expected, miss)
        n = int((values > 0.0).sum())
        result = share_estimate(
            share, math.sqrt(variance) / whole, degrees, n=n, confidence=confidence
        )
        low = 0.0 if not (values * inside).any() else result.low
        high = 1.0 if not (values * (1.0 - inside)).any() else result.high
        return replace(result, low=low, high=high)


def variance_of_sum(
    sizes: np.ndarray, drawn: np.ndarray, spread: np.ndarray, degrees: np.ndarray
) -> tuple[float, float]:
    """Return the variance of a sum that is estimated from strata, and its degrees of freedom.

    Args:
        sizes: of the strata, in labels.
        drawn: how many labels of each were drawn, at least 1.
        spread: the variance within each.
        degrees: the degrees of freedom behind it.

    Reference:
        Satterthwaite 1946 for the degrees of freedom.
    """
    parts = sizes * (sizes - drawn) * spread / drawn
    whole = float(parts.sum())
    if whole <= 0.0:
        return 0.0, float(degrees.sum())
    return whole, whole**2 / float((parts**2 / degrees).sum())


def least_variance(size: int, labels: int, misses: float = MORE_MISSES) -> float:
    """Return the variance of a sum if only a part of one label was missed.

    Networks that seem to miss nothing would make an interval much shorter than that of a simple
    random sample which shows nothing, although the strata that they are sure of hold most labels.

    Args:
        size: of the population.
        labels: how many of it were checked.
        misses: the part, squared.
    """
    return misses * (size / labels) ** 2 * (1.0 - labels / size)


def share_estimate(
    value: float, error: float, degrees: float, *, n: int, confidence: float
) -> Estimated:
    """Return a share with Wilson's interval for the number of labels that its error amounts to."""
    quantile = float(stdtrit(max(degrees, 1.0), 0.5 + confidence / 2))
    value = min(max(value, 0.0), 1.0)
    if error == 0.0:
        return Estimated(value, value, value, n)
    # Near 0 and 1 the spread is that of a share which would show half a label among them.
    least = 0.5 / max(n, 1)
    moderate = min(max(value, least), 1.0 - least)
    labels = moderate * (1.0 - moderate) / error**2
    squared = quantile**2
    centre = (value + squared / (2 * labels)) / (1 + squared / labels)
    spread = math.sqrt(value * (1 - value) / labels + squared / (4 * labels**2))
    half = quantile * spread / (1 + squared / labels)
    return Estimated(value, max(centre - half, 0.0), min(centre + half, 1.0), n)


def _joined(strata: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return strata of which each has two checked labels, or one alone: neighbours are joined.

    One checked label that stands for a whole stratum would scatter more than the join is biased.
    """
    checked = np.bincount(strata[rows], minlength=strata.max() + 1)
    group_of, group, number = [], 0, 0
    for count in checked.tolist():
        group_of.append(group)
        number += count
        if number >= _LEAST_CHECKED:
            group, number = group + 1, 0
    # The last ones, of too few, join the group before.
    last = max(0, group - 1)
    _, joined = np.unique(np.minimum(group_of, last)[strata], return_inverse=True)
    return joined
