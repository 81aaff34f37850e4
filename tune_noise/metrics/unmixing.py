"""Clean accuracy and noise rate, estimated from noisy labels: diagnostics, none steers a search.

With J[k, i] the share of images predicted k whose true class is i, noisy labels count C = J T, for
noise that depends on the true class alone. So J = C T^-1, and accuracy is its trace: the mean over
images of T^-1[noisy label, predicted class]. For symmetric noise and dilution that is the affine
map from noisy to clean accuracy.

C does not determine both J and T. Without a known T the more confident half of each predicted
class is taken to be of that class, which gives a T and bounds from above on the noise rate and
the accuracy. With A[k, i] the share of true class i in the confident half of class k, and B in the
other half, the T so found is A T, and the accuracy by it is that of A = I, B A^-1: the noise is not
in it, so it does not matter, and errors that both halves share are not seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tune_noise.metrics.information import Floats, Labels

# Above it rounding, and any fault of T, is magnified beyond use. Pair flips of 45 % of ten classes
# have 10, dilution has 1 + alpha.
MAX_CONDITION = 2000.0
# Classes: the inverse of a larger T takes minutes and gigabytes, in every trial.
MAX_INVERTED = 2000
# Above it, in simulation, the error of a counted T is too large for its inverse to be near normal.
MAX_ERROR = 0.1
# Of the images predicted to be of a class, the part that tells the noise of that class.
CONFIDENT_SHARE = 0.5


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error over new validation sets, both as fractions."""

    value: float
    standard_error: float


def count_pairs(predicted: Labels, noisy_labels: Labels, num_classes: int) -> Labels:
    """Count how often each predicted class meets each noisy label.

    Args:
        predicted: int64 [N].
        noisy_labels: int64 [N, copies]; every copy counts.
        num_classes: K.

    Returns:
        int64 [K, K], rows predicted classes.
    """
    return _count(predicted, noisy_labels, num_classes, num_classes)


def _count(rows: Labels, labels: Labels, num_rows: int, num_columns: int) -> Labels:
    cells = rows[:, None] * num_columns + labels
    counts = np.bincount(cells.ravel(), minlength=num_rows * num_columns)
    return counts.reshape(num_rows, num_columns)


def inverse_of(matrix: Floats) -> Floats | None:
    """Return the inverse of a transition matrix.

    None if its condition number is above 2,000, or it has more than `MAX_INVERTED` rows.
    """
    if len(matrix) > MAX_INVERTED:
        return None
    try:
        inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    # A norm is at most the root of the largest column sum times the largest row sum. That is
    # enough for most matrices, and singular values of a thousand classes take seconds.
    with np.errstate(over="ignore"):  # of a matrix that is all but singular
        norms = [np.linalg.norm(m, order) for m in (matrix, inverse) for order in (1, np.inf)]
        is_conditioned = np.sqrt(np.prod(norms)) <= MAX_CONDITION
    return inverse if is_conditioned or np.linalg.cond(matrix) <= MAX_CONDITION else None


def clean_accuracy(predicted: Labels, noisy_labels: Labels, inverse: Floats) -> Estimate:
    """Estimate the accuracy on clean labels from noisy ones and a known transition matrix.

    Unbiased, whatever the network's errors; so it may lie outside [0, 1].

    Args:
        predicted: int64 [N], N at least 2.
        noisy_labels: int64 [N, copies]; the labels of an image count as one observation.
        inverse: of T, float64 [K, K]: see `inverse_of`.
    """
    weights = inverse[noisy_labels, predicted[:, None]].mean(axis=1)
    return Estimate(float(weights.mean()), float(weights.std(ddof=1) / np.sqrt(len(weights))))


def most_confident(probabilities: Floats, share: float = CONFIDENT_SHARE) -> NDArray[np.bool_]:
    """Return which images are the more confident part of their predicted class, bool [N].

    Args:
        probabilities: float64 [N, K].
        share: of each predicted class, in (0, 1]; rounded up to whole images.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    order = np.lexsort((-confidence, predicted))
    sizes = np.bincount(predicted, minlength=probabilities.shape[1])
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # 1e-9: 0.1 * 30 is 3.0000000000000004, and its ceiling would take one more.
    taken = np.ceil(share * sizes - 1e-9)
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[place < np.repeat(taken, sizes)]] = True
    return chosen


def confident_transition(
    probabilities: Floats,
    noisy_labels: Labels,
    num_classes: int,
    *,
    share: float = CONFIDENT_SHARE,
) -> tuple[Floats, Floats]:
    """Estimate T from the most confident of the images predicted to be of each class.

    They are right more often than the rest, so they show the noise with fewer of the network's
    errors in it; what errors they have make T look noisier than it is.

    Args:
        probabilities: float64 [N, K].
        noisy_labels: int64 [N, copies].
        num_classes: K.
        share: of the images predicted to be of a class, how many are taken, in (0, 1]; rounded up.

    Returns:
        T, float64 [K, K], where nothing is predicted a row of the identity; and the number of
        images behind each row, [K].
    """
    chosen = most_confident(probabilities, share)
    predicted = probabilities.argmax(axis=1)
    counts = count_pairs(predicted[chosen], noisy_labels[chosen], num_classes).astype(np.float64)
    images = np.bincount(predicted[chosen], minlength=num_classes).astype(np.float64)
    counts[images == 0] = np.eye(num_classes)[images == 0]
    return counts / counts.sum(axis=1, keepdims=True), images


def noise_rate(probabilities: Floats, noisy_labels: Labels, num_classes: int) -> Estimate:
    """Estimate the share of wrong labels.

    It is 1 - the diagonal of `confident_transition`, weighted by class, without its other cells.

    An estimate from above: it counts the errors of confident predictions as noise. Its standard
    error takes the labels of an image as one observation, and knows no bias.
    """
    predicted, chosen = probabilities.argmax(axis=1), most_confident(probabilities)
    shares = np.bincount(predicted, minlength=num_classes) / len(noisy_labels)
    agreement = (noisy_labels == predicted[:, None]).mean(axis=1)
    images = np.bincount(predicted[chosen], minlength=num_classes)
    agreed = np.bincount(predicted[chosen], weights=agreement[chosen], minlength=num_classes)
    right = np.where(images > 0, agreed / np.maximum(images, 1), 1.0)
    squares = np.where(chosen, (agreement - right[predicted]) ** 2, 0.0)
    seen = images > 0
    counted = np.maximum(images, 1.0)
    spread = np.bincount(predicted, weights=squares, minlength=num_classes) / counted
    # Half a label, so that a row of a single image is not certain.
    variance = np.maximum(spread, 0.5 / (counted * noisy_labels.shape[1])) / counted
    error = np.sqrt((shares[seen] ** 2 * variance[seen]).sum())
    return Estimate(float(1.0 - shares @ right), float(error))


def accuracy_bound(
    probabilities: Floats, noisy_labels: Labels, num_classes: int
) -> Estimate | None:
    """Estimate the clean accuracy from above, as if confident predictions were all right.

    The more confident half counts as right, and the rest is unmixed by the T that this half shows.
    So it says how far the rest falls behind, whatever the noise; a network whose confident errors
    are as frequent as its others is taken for a perfect one. It may lie above 1.

    Args:
        probabilities: float64 [N, K], N at least 2.
        noisy_labels: int64 [N, copies]; the labels of an image count as one observation.
        num_classes: K.

    Returns:
        The estimate, with the error of T in its standard error; None where a class is never
        predicted, too few images bear on T for its inverse to say anything, or there are more
        than `MAX_INVERTED` classes.
    """
    if num_classes > MAX_INVERTED:
        return None
    matrix, images = confident_transition(probabilities, noisy_labels, num_classes)
    inverse = inverse_of(matrix) if images.all() else None
    if inverse is None:
        return None
    predicted, chosen = probabilities.argmax(axis=1), most_confident(probabilities)
    number, copies = noisy_labels.shape
    shares = _count(np.arange(number), noisy_labels, number, num_classes) / copies
    weights = np.where(chosen, 1.0, (shares * inverse.T[predicted]).sum(axis=1))
    value = weights.mean()
    # What an image adds is its own weight and, in the confident half, what it does to T: the
    # derivative of the inverse is -inverse dT inverse.
    rest = np.zeros_like(matrix)
    np.add.at(rest, predicted[~chosen], shares[~chosen])
    slope = (inverse @ rest @ inverse).T[predicted] / images[predicted, None]
    moved = ((shares - matrix[predicted]) * slope).sum(axis=1)
    influence = weights - value - np.where(chosen, moved, 0.0)
    error = float(np.sqrt((influence**2).sum()) / number)
    return Estimate(float(value), error) if error <= MAX_ERROR else None
