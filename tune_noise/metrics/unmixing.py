"""Clean accuracy and noise rate, estimated from noisy labels: diagnostics, none steers a search.

With J[k, i] the share of images predicted k whose true class is i, noisy labels count C = J T, for
noise that depends on the true class alone. So J = C T^-1, and accuracy is its trace: the mean over
images of T^-1[noisy label, predicted class]. For symmetric noise and dilution that is the affine
map from noisy to clean accuracy. Both J and T cannot be had from C: without a known T there is an
estimate of the noise rate, from above, and none of accuracy.
"""

from dataclasses import dataclass

import numpy as np

from tune_noise.metrics.information import Floats, Labels, count_pairs

# Above it rounding, and any fault of T, is magnified beyond use. Pair flips of 45 % of ten classes
# have 10, dilution has 1 + alpha.
MAX_CONDITION = 2000.0
# Of the images predicted to be of a class, the part that tells the noise of that class.
CONFIDENT_SHARE = 0.5


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error over new validation sets, both as fractions."""

    value: float
    standard_error: float


def is_invertible(matrix: Floats) -> bool:
    """Whether a transition matrix can be unmixed: its condition number is at most 2,000."""
    return bool(np.linalg.cond(matrix) <= MAX_CONDITION)


def clean_accuracy(predicted: Labels, noisy_labels: Labels, matrix: Floats) -> Estimate | None:
    """Accuracy on clean labels, from noisy ones and a transition matrix that is known.

    Unbiased, whatever the network's errors; so it may lie outside [0, 1].

    Args:
        predicted: int64 [N], N at least 2.
        noisy_labels: int64 [N, copies]; the labels of an image count as one observation.
        matrix: T, float64 [K, K].

    Returns:
        The estimate; None where T is too ill-conditioned to say anything.
    """
    if not is_invertible(matrix):
        return None
    weights = np.linalg.inv(matrix)[noisy_labels, predicted[:, None]].mean(axis=1)
    return Estimate(float(weights.mean()), float(weights.std(ddof=1) / np.sqrt(len(weights))))


def confident_transition(
    probabilities: Floats,
    noisy_labels: Labels,
    num_classes: int,
    *,
    share: float = CONFIDENT_SHARE,
) -> tuple[Floats, Floats]:
    """T estimated from the most confident of the images predicted to be of each class.

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
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    order = np.lexsort((-confidence, predicted))
    sizes = np.bincount(predicted, minlength=num_classes)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # 1e-9: 0.1 * 30 is 3.0000000000000004, and its ceiling would take one more.
    taken = np.ceil(share * sizes - 1e-9)
    chosen = order[place < np.repeat(taken, sizes)]
    counts = count_pairs(predicted[chosen], noisy_labels[chosen], num_classes).astype(np.float64)
    images = np.bincount(predicted[chosen], minlength=num_classes).astype(np.float64)
    counts[images == 0] = np.eye(num_classes)[images == 0]
    return counts / counts.sum(axis=1, keepdims=True), images


def noise_rate(probabilities: Floats, noisy_labels: Labels, num_classes: int) -> Estimate:
    """Share of wrong labels: 1 - the diagonal of `confident_transition`, weighted by class.

    An estimate from above: it counts the errors of confident predictions as noise. Its standard
    error is that of the counted labels (under dilution, of independent ones) and knows no bias.
    """
    matrix, images = confident_transition(probabilities, noisy_labels, num_classes)
    shares = np.bincount(probabilities.argmax(axis=1), minlength=num_classes) / len(noisy_labels)
    right = np.diag(matrix)
    # Half a label, so that a row of a single image is not certain.
    labels = np.maximum(images * noisy_labels.shape[1], 1.0)
    variance = np.maximum(right * (1 - right), 0.5 / labels) / labels
    seen = images > 0
    error = np.sqrt((shares[seen] ** 2 * variance[seen]).sum())
    return Estimate(float(1.0 - shares @ right), float(error))
