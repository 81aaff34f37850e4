"""How small a difference in accuracy a validation set of some size can see at all.

Two configurations are judged on the same labels, so their errors are paired: only images on which
they predict differently tell them apart. The worse one is taken to err where the better does, and
on more images: two that err on unrelated images are harder to tell apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Normal quantiles: a two-sided test at 5 %, and 80 % power.
Z_TEST, Z_POWER = 1.959964, 0.841621
# The better of the two configurations; the difference hardly depends on it.
REFERENCE_ACCURACY = 0.95
_STEPS = 14  # of halving: to a ten-thousandth
_LEAST_PROBABILITY = 1e-12  # whose log is finite
_ROUNDING = 1e-12  # of the difference, where there is none
_BLOCK = 2**16  # numbers that are worked on at once


@dataclass(frozen=True)
class Comparison:
    """The information of two configurations about the noisy labels of the same images.

    Attributes:
        difference: in information, nats.
        spread: standard deviation over images of the difference in their log terms.
    """

    difference: float
    spread: float


def compare(matrix: Floats, *, better: float, worse: float, alpha: int | None = None) -> Comparison:
    """Compare two configurations of which the worse errs on the better's images and on more.

    Classes have equal size, and errors go to the other classes evenly.

    Args:
        matrix: T, float64 [K, K]; under dilution that of one label taken at random.
        better: accuracy in (0, 1].
        worse: accuracy in (0, better].
        alpha: of dilution: one label of each image is its true class, alpha are uniform.

    Returns:
        Difference and spread in the limit of a known That.
    """
    # Shares of the images: both right, both wrong alike, and only the better right.
    others = len(matrix) - 1
    shares = np.array([worse, (1.0 - better) / others, (better - worse) / others]) / len(matrix)
    mean, square = (float(shares @ sums) for sums in _sums(matrix, better, worse, alpha))
    return Comparison(mean, float(np.sqrt(max(0.0, square - mean**2))))


def _sums(matrix: Floats, better: float, worse: float, alpha: int | None) -> tuple[Floats, Floats]:
    """Return the sums of an image's mean log ratio and of its square, [3] each: see `_cases`."""
    column = matrix.sum(axis=0)
    # Both logs are taken against this one: only their difference counts, and the large parts that
    # they share would leave their rounding behind.
    reference = np.log(np.maximum(column / len(matrix), _LEAST_PROBABILITY))

    def log_likelihood(rows: Floats, accuracy: float) -> Floats:
        """Log P(noisy label | predicted class) of a classifier that errs evenly."""
        wrong = (1.0 - accuracy) / (len(matrix) - 1)
        likelihood = wrong * column + (accuracy - wrong) * rows
        # A label that cannot be is never met; its log must only be finite.
        return np.asarray(np.log(np.maximum(likelihood, _LEAST_PROBABILITY)) - reference)

    of_labels, of_means, of_spread = _Sums(), _Sums(), _Sums()
    num_rows = max(1, _BLOCK // len(matrix))
    for start in range(0, len(matrix), num_rows):
        rows = matrix[start : start + num_rows]
        first, second = (log_likelihood(rows, accuracy) for accuracy in (better, worse))
        of_labels.add(rows, first, second)
        if alpha is not None:
            # Of an image's 1 + alpha labels one is the true class and the others are uniform: the
            # square is that of their expected mean, and the variance of the uniform ones.
            means = [log.mean(axis=1, keepdims=True) for log in (first, second)]
            expected = [
                (log + alpha * mean) / (1 + alpha)
                for log, mean in zip((first, second), means, strict=True)
            ]
            of_means.add(np.eye(len(rows), len(matrix), start), *expected)
            uniform = np.full(rows.shape, 1.0 / len(matrix))
            of_spread.add(uniform, first - means[0], second - means[1])
    mean, square = of_labels.cases()
    if alpha is not None:
        square = of_means.cases()[1] + alpha / (1 + alpha) ** 2 * of_spread.cases()[1]
    return mean, square


class _Sums:
    """Sums over true classes, predictions and labels of the log ratio of two predictions.

    Taken row by row, so that no [K, K] array is needed beside the matrix.
    """

    def __init__(self) -> None:
        self._totals: list[Any] = [0.0] * 10

    def add(self, chance: Floats, first: Floats, second: Floats) -> None:
        """Add some rows.

        Args:
            chance: P(label | true class), [classes, K].
            first: log likelihood of the labels if the better predicts these classes.
            second: the same of the worse.
        """
        gap, weighted = first - second, chance * first
        rows = [
            np.einsum("cy,cy->", chance, gap),
            np.einsum("cy,cy,cy->", chance, gap, gap),
            weighted.sum(),
            np.einsum("cy,cy->", weighted, first),
            chance.sum(axis=0),
            gap.sum(axis=0),
            np.einsum("cy,cy->y", gap, gap),
            second.sum(axis=0),
            np.einsum("cy,cy->y", second, second),
            weighted.sum(axis=0),
        ]
        self._totals = [a + b for a, b in zip(self._totals, rows, strict=True)]

    def cases(self) -> tuple[Floats, Floats]:
        """Return the sums of the log ratio and of its square for each of three cases, [3] each.

        Over all true classes i: both predict i; both predict another class, the same; the better
        predicts i and the worse another class. A sum over the other classes is that over all
        classes less that of i itself, which is the first case.
        """
        right, right2, first, first2, chance, gap, gap2, second, second2, weighted = self._totals
        only = len(chance) * first - chance @ second
        only2 = len(chance) * first2 - 2.0 * weighted @ second + chance @ second2
        return (
            np.array([right, chance @ gap - right, only - right]),
            np.array([right2, chance @ gap2 - right2, only2 - right2]),
        )


def least_visible_difference(
    matrix: Floats, num_images: int, *, alpha: int | None = None
) -> float | None:
    """Return the smallest accuracy difference that information sees: 80 % power at 5 %, paired.

    Args:
        matrix: T of the noise, float64 [K, K].
        num_images: of the validation set.
        alpha: of dilution.

    Returns:
        A fraction; None where even a classifier at chance cannot be told from a good one.

    Example:
        >>> from tune_noise.noise import symmetric
        >>> round(least_visible_difference(symmetric(10, 0.5), 6000), 3)
        0.004
    """
    best, chance = REFERENCE_ACCURACY, 1.0 / len(matrix)

    def is_seen(worse: float) -> bool:
        comparison = compare(matrix, better=best, worse=worse, alpha=alpha)
        error = max(_ROUNDING, comparison.spread / np.sqrt(num_images))
        return bool(comparison.difference >= (Z_TEST + Z_POWER) * error)

    seen, unseen = chance, best
    if not is_seen(seen):
        return None
    for _ in range(_STEPS):
        middle = (seen + unseen) / 2
        seen, unseen = (middle, unseen) if is_seen(middle) else (seen, middle)
    return best - seen
