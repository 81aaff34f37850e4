"""The default objective: what predicted classes tell about noisy labels, whatever the noise.

For noise that depends on the true class alone, predicting the true class carries the most
information that any prediction can have about the noisy label. It is blind to a consistent
renaming of classes, hence `is_renamed`. NumPy and SciPy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

# Added to each cell of the counted transition matrix, so that an unseen pair is not impossible.
PSEUDO_COUNT = 0.5


@dataclass(frozen=True)
class Information:
    """A cross-fitted estimate of I(predicted class; noisy label).

    Attributes:
        nats: the estimate; 0 for predictions that tell nothing, below 0 by chance.
        standard_error: of the mean of the images' log terms, in nats.
    """

    nats: float
    standard_error: float


def count_pairs(
    predicted: NDArray[np.int64], noisy_labels: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """How often each predicted class meets each noisy label.

    Args:
        predicted: int64 [N].
        noisy_labels: int64 [N, copies]; every copy counts.
        num_classes: K.

    Returns:
        int64 [K, K], rows predicted classes.
    """
    cells = predicted[:, None] * num_classes + noisy_labels
    counts = np.bincount(cells.ravel(), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def information(
    predicted: NDArray[np.int64], noisy_labels: NDArray[np.int64], num_classes: int
) -> Information:
    """H(noisy) + the mean over held-out examples of log That[predicted class, noisy label].

    That is counted on the other half of the images (every second one), both halves in turn, so
    that an overfitted That lowers the estimate instead of raising it.

    Args:
        predicted: int64 [N], N at least 2.
        noisy_labels: int64 [N, copies]; under dilution an image lends all its labels.
        num_classes: K.

    Returns:
        Estimate and standard error in nats; the labels of one image count as one observation.

    Reference:
        Xu et al. 2019, arXiv:1909.03388, use a relative of it as a training loss; Chen et al.
        2021, arXiv:2012.04193, show when noisy validation can select at all.
    """
    log_terms = np.empty(len(predicted))
    for half in (0, 1):
        counted = slice(1 - half, None, 2)
        counts = count_pairs(predicted[counted], noisy_labels[counted], num_classes) + PSEUDO_COUNT
        log_matrix = np.log(counts / counts.sum(axis=1, keepdims=True))
        held_out = slice(half, None, 2)
        rows = log_matrix[predicted[held_out, None], noisy_labels[held_out]]
        log_terms[held_out] = rows.mean(axis=1)
    error = log_terms.std(ddof=1) / np.sqrt(len(log_terms))
    return Information(float(entropy(noisy_labels) + log_terms.mean()), float(error))


def entropy(labels: NDArray[np.int64]) -> float:
    """Entropy of the labels' own distribution, in nats.

    Example:
        >>> entropy(np.array([0, 0, 0])) == 0.0
        True
    """
    shares = np.bincount(labels.ravel()) / labels.size
    shares = shares[shares > 0]
    return float(abs(-(shares * np.log(shares)).sum()))


def is_renamed(
    predicted: NDArray[np.int64], noisy_labels: NDArray[np.int64], num_classes: int
) -> bool:
    """Whether some one-to-one renaming of predicted classes matches the noisy labels better.

    Args:
        predicted: int64 [N].
        noisy_labels: int64 [N, copies].
        num_classes: K.
    """
    counts = count_pairs(predicted, noisy_labels, num_classes)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return bool(counts[rows, columns].sum() > np.trace(counts))
