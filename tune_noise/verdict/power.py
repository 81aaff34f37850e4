"""How small a difference in accuracy a validation set of some size can see at all.

Two configurations are judged on the same labels, so their errors are paired: only images on which
they predict differently tell them apart. The worse one is taken to err where the better does, and
on more images: two that err on unrelated images are harder to tell apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Normal quantiles: a two-sided test at 5 %, and 80 % power.
Z_TEST, Z_POWER = 1.959964, 0.841621
# The better of the two configurations; the difference hardly depends on it.
REFERENCE_ACCURACY = 0.95
_STEPS = 14  # of halving: to a ten-thousandth


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
    num_classes = len(matrix)
    first, second = (_log_likelihood(matrix, accuracy) for accuracy in (better, worse))
    # log_ratio[a, b, y]: of predictions a and b, for label y.
    other = (1.0 - np.eye(num_classes)) / (num_classes - 1)
    classes = np.arange(num_classes)
    cases = (
        # Share of the images, and the log ratio [true class, case, label]: both right, both wrong
        # alike, and only the better right.
        (worse, (first - second)[:, None]),
        (1.0 - better, np.broadcast_to(first - second, (num_classes,) * 3)),
        (better - worse, first[classes, None] - second[None]),
    )
    mean = square = 0.0
    for number, (share, ratio) in enumerate(cases):
        weights = np.ones((num_classes, 1)) if number == 0 else other
        centre, scatter = _of_images(ratio, matrix, alpha)
        mean += share * float((weights * centre).sum()) / num_classes
        square += share * float((weights * (centre**2 + scatter)).sum()) / num_classes
    return Comparison(mean, float(np.sqrt(max(0.0, square - mean**2))))


def _log_likelihood(matrix: Floats, accuracy: float) -> Floats:
    """Log P(noisy label | predicted class), [K, K], of a classifier that errs evenly."""
    num_classes = len(matrix)
    confusion = np.full((num_classes, num_classes), (1.0 - accuracy) / (num_classes - 1))
    np.fill_diagonal(confusion, accuracy)
    # A label that cannot be is never met; its log must only be finite.
    return np.asarray(np.log(np.maximum(confusion @ matrix, 1e-12)))


def _of_images(ratio: Floats, matrix: Floats, alpha: int | None) -> tuple[Floats, Floats]:
    """Return the mean and variance of an image's mean log ratio, [true class, case] each.

    Args:
        ratio: [true class, case, label].
        matrix: T.
        alpha: see `compare`.
    """
    if alpha is None:
        mean = np.einsum("icy,iy->ic", ratio, matrix)
        return mean, np.einsum("icy,iy->ic", ratio**2, matrix) - mean**2
    certain = np.einsum("ici->ic", ratio)
    mean, copies = ratio.mean(axis=2), 1 + alpha
    return (certain + alpha * mean) / copies, alpha * ratio.var(axis=2) / copies**2


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
    num_labels = num_images * (1 + (alpha or 0))
    # Counting That: the variance of a table's information that is left where classes and labels
    # are nearly independent. Two tables share it but for the images on which they differ.
    counting = (len(matrix) - 1) ** 2 / (2 * num_labels**2)

    def is_seen(worse: float) -> bool:
        comparison = compare(matrix, better=best, worse=worse, alpha=alpha)
        variance = comparison.spread**2 / num_images + 2 * counting * min(1.0, 2 * (best - worse))
        return bool(comparison.difference >= (Z_TEST + Z_POWER) * np.sqrt(variance))

    seen, unseen = chance, best
    if not is_seen(seen):
        return None
    for _ in range(_STEPS):
        middle = (seen + unseen) / 2
        seen, unseen = (middle, unseen) if is_seen(middle) else (seen, middle)
    return best - seen
