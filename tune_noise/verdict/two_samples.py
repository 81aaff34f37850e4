"""The difference of two configurations that different searches confirmed."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from tune_noise.verdict.comparisons import combined_freedom, jackknife


@dataclass(frozen=True)
class Difference:
    """First minus second, over fresh seeds.

    Attributes:
        is_paired: by seed; else the two are independent samples.
        n: seeds of the first and of the second that count.
        mean: of the difference, in the unit of the values.
        error: standard error of that mean; None where the seeds are too few to tell.
        freedom: degrees of freedom of Student's t; None with `error`.
        label_error: the part of the error that is by the chance of shared validation labels; 0
            where they are not shared, or nothing tells it.
    """

    is_paired: bool
    n: tuple[int, int]
    mean: float
    error: float | None
    freedom: float | None
    label_error: float = 0.0

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the t interval of the difference that errs with probability `level`."""
        if self.error is None:
            return None
        half_width = float(stdtrit(self.freedom, 1.0 - level / 2.0)) * self.error
        return self.mean - half_width, self.mean + half_width

    @property
    def p_value(self) -> float:
        """Two-sided, of no difference; 1 where the first is not ahead, or nothing can be told."""
        if self.error is None or self.mean <= 0.0:
            return 1.0
        t = math.inf if self.error == 0.0 else self.mean / self.error
        return float(2.0 * stdtr(self.freedom, -t))


def difference_of(
    first: Mapping[Hashable, float],
    second: Mapping[Hashable, float],
    *,
    without: tuple[Sequence[float] | None, Sequence[float] | None] = (None, None),
) -> Difference | None:
    """Return the difference, paired where two seeds or more are shared, else by Welch's method.

    Args:
        first: seed -> value; a seed stands for noise, initialisation and order.
        second: seed -> value.
        without: of the first and of the second, the mean over their seeds without each group of
            validation labels, where both were judged by the same ones; see `comparisons.compare`.

    Returns:
        None where one of them has no value.

    Example:
        >>> difference_of({1: 2.0, 2: 4.0}, {1: 1.0, 2: 2.5}).is_paired
        True
        >>> difference_of({1: 2.0, 2: 4.0}, {3: 1.0, 4: 2.5}).is_paired
        False

    Reference:
        Welch 1947, with the degrees of freedom of Satterthwaite 1946.
    """
    if not first or not second:
        return None
    shared = [seed for seed in first if seed in second]
    if len(shared) > 1:
        difference = _paired([first[seed] - second[seed] for seed in shared])
    else:
        difference = _independent(list(first.values()), list(second.values()))
    return _with_labels(difference, *without)


def _with_labels(
    difference: Difference, first: Sequence[float] | None, second: Sequence[float] | None
) -> Difference:
    """Return a difference whose error holds the chance of the labels, where it is known."""
    if difference.error is None or first is None or second is None or len(first) != len(second):
        return difference
    groups = np.subtract(first, second).reshape(1, 1, 1, -1)
    label_error = float(jackknife(groups)[0, 0])
    freedom = combined_freedom(difference.error, difference.freedom, label_error, len(first))
    return replace(
        difference,
        error=math.hypot(difference.error, label_error),
        freedom=float(freedom),
        label_error=label_error,
    )


def _paired(differences: list[float]) -> Difference:
    n = len(differences)
    error = float(np.std(differences, ddof=1)) / math.sqrt(n)
    return Difference(True, (n, n), float(np.mean(differences)), error, n - 1.0)


def _independent(first: list[float], second: list[float]) -> Difference:
    n = (len(first), len(second))
    mean = float(np.mean(first) - np.mean(second))
    if min(n) < 2:
        return Difference(False, n, mean, None, None)
    shares = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    squares = sum(share**2 / (k - 1) for share, k in zip(shares, n, strict=True))
    # Without any spread there is nothing to weigh.
    freedom = sum(shares) ** 2 / squares if squares > 0.0 else float(sum(n) - 2)
    return Difference(False, n, mean, math.sqrt(sum(shares)), freedom)
