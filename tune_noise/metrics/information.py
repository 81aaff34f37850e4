"""The default objective: what predicted classes tell about noisy labels, whatever the noise.

For noise that depends on the true class alone, predicting the true class carries the most
information that any prediction can have about the noisy label. It is blind to a consistent
renaming of classes, hence `is_renamed`. NumPy and SciPy only.

Both estimates are cross-fitted by leaving one image out: the transition matrix That that judges an
image is counted on all others. A table that has not seen a label cannot be fitted to it, so the
expected log-likelihood is at most that of the true conditional distribution, and the estimate at
most the true information, however many cells That has. Leaving one out, not half, costs half as
much: K (K - 1) free cells lose about K (K - 1) / 2 labels in nats.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Floats = NDArray[np.float64]

# Added to each cell of the counted transition matrix, so that an unseen pair is not impossible.
PSEUDO_COUNT = 0.5


@dataclass(frozen=True)
class Information:
    """A cross-fitted estimate of I(predicted class; noisy label).

    Attributes:
        nats: the estimate; 0 for predictions that tell nothing, below 0 by chance.
        standard_error: over new validation sets, in nats; the error of That is in it.
    """

    nats: float
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


def label_counts(noisy_labels: Labels, num_classes: int) -> Floats:
    """Count how often each image bears each label: float64 [N, K] from int64 [N, copies]."""
    images = np.arange(len(noisy_labels))
    return _count(images, noisy_labels, len(images), num_classes).astype(np.float64)


def _count(rows: Labels, labels: Labels, num_rows: int, num_columns: int) -> Labels:
    cells = rows[:, None] * num_columns + labels
    counts = np.bincount(cells.ravel(), minlength=num_rows * num_columns)
    return counts.reshape(num_rows, num_columns)


def information(predicted: Labels, noisy_labels: Labels, num_classes: int) -> Information:
    """Estimate H(noisy) + the mean over images of log That[predicted class, noisy label].

    That is counted on all other images, so that an overfitted That lowers the estimate instead of
    raising it.

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
    copies = noisy_labels.shape[1]
    image_labels = label_counts(noisy_labels, num_classes)
    counts = count_pairs(predicted, noisy_labels, num_classes).astype(np.float64)
    others = counts[predicted] - image_labels + PSEUDO_COUNT
    rows = counts.sum(axis=1)[predicted] - copies + num_classes * PSEUDO_COUNT
    log_terms = (image_labels * np.log(others)).sum(axis=1) / copies - np.log(rows)
    nats = entropy(noisy_labels) + log_terms.mean()
    return Information(float(nats), _standard_error(predicted, image_labels, counts))


def _standard_error(predicted: Labels, image_labels: Floats, counts: Floats) -> float:
    """Return the jackknife error over images, less the part of it that is counted twice.

    Deleting images one by one sees what that does to That; the spread of the log terms alone does
    not, and states two thirds of the error at a hundred images. But the jackknife counts the
    quadratic part of an estimate's variance twice (Efron and Stein 1981). For the information of a
    table of L labels that part is tr(P^2) / 2 L^2, with P the second derivative times the
    multinomial covariance: P is I - rows - columns + all, the projections on a table's margins.

    Args:
        predicted: int64 [N].
        image_labels: float [N, K], labels of each image.
        counts: float [K, K], their sum by predicted class.
    """
    num_images, labels = len(image_labels), counts.sum()
    without = _of_tables_less_one(predicted, image_labels, counts)
    jackknife = (num_images - 1) / num_images * ((without - without.mean()) ** 2).sum()
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    expected = np.outer(rows, columns)
    overlap = (counts**2 / np.where(expected > 0, expected, 1.0)).sum()
    trace = np.count_nonzero(counts) - np.count_nonzero(rows) - np.count_nonzero(columns)
    quadratic = max(0.0, trace - 1 + 2 * overlap) / (2 * labels**2)
    # At most all of the jackknife is quadratic, and that is twice the truth.
    return float(np.sqrt(max(jackknife - quadratic, jackknife / 2)))


def _of_tables_less_one(predicted: Labels, image_labels: Floats, counts: Floats) -> Floats:
    """Return the estimate without each image, [N], from the K x K table.

    Exact where an image has one label. Where it has several, what it takes from a cell when it is
    left out itself is set to the mean over the cell's labels.
    """
    copies, num_classes = image_labels[0].sum(), image_labels.shape[1]
    squares = np.zeros_like(counts)
    np.add.at(squares, predicted, image_labels**2)
    taken = squares / np.maximum(counts, 1.0)
    rows, labels = counts.sum(axis=1), counts.sum()

    def of_cells(cells: Floats, taken: Floats) -> Floats:
        return np.asarray(_times_log(cells, cells - taken + PSEUDO_COUNT).sum(axis=1))

    def of_rows(rows: Floats) -> Floats:
        return _times_log(rows, rows - copies + num_classes * PSEUDO_COUNT)

    before = of_cells(counts, taken) - of_rows(rows)
    after = of_cells(counts[predicted] - image_labels, taken[predicted]) - of_rows(
        rows[predicted] - copies
    )
    totals = before.sum() - before[predicted] + after
    columns = counts.sum(axis=0) - image_labels
    left = labels - copies
    return np.asarray(
        totals / left + np.log(left) - _times_log(columns, columns).sum(axis=1) / left
    )


def _times_log(factor: Floats, value: Floats) -> Floats:
    """Return factor * log(value), 0 where factor is 0; value is at least half a label."""
    return np.asarray(factor * np.log(np.maximum(value, PSEUDO_COUNT)))


def entropy(labels: Labels) -> float:
    """Return the entropy of the distribution of the labels, in nats.

    Example:
        >>> entropy(np.array([0, 0, 0])) == 0.0
        True
    """
    shares = np.bincount(labels.ravel()) / labels.size
    shares = shares[shares > 0]
    return float(abs(-(shares * np.log(shares)).sum()))


def is_renamed(predicted: Labels, noisy_labels: Labels, num_classes: int) -> bool:
    """Return whether a one-to-one renaming of predicted classes matches the labels better.

    Args:
        predicted: int64 [N].
        noisy_labels: int64 [N, copies].
        num_classes: K.
    """
    counts = count_pairs(predicted, noisy_labels, num_classes)
    # No renaming has more than the largest of every row, or of every column.
    if np.trace(counts) >= min(counts.max(axis=0).sum(), counts.max(axis=1).sum()):
        return False
    # Here and not above: it takes half a second, which every process that trains would pay.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(counts, maximize=True)
    return bool(counts[rows, columns].sum() > np.trace(counts))
