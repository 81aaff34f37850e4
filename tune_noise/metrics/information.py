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


@dataclass(frozen=True)
class Borne:
    """The labels that images bear: each image and label once. Of many classes few pairs occur.

    Attributes:
        images: int64 [M], sorted.
        labels: int64 [M].
        times: float64 [M], how often the image bears the label.
    """

    images: Labels
    labels: Labels
    times: Floats


def borne_labels(noisy_labels: Labels, num_classes: int) -> Borne:
    """Count how often each image bears each label, from int64 [N, copies]."""
    images = np.arange(len(noisy_labels))
    if noisy_labels.shape[1] == 1:
        return Borne(images, noisy_labels[:, 0], np.ones(len(images)))
    pairs, times = np.unique(images[:, None] * num_classes + noisy_labels, return_counts=True)
    return Borne(pairs // num_classes, pairs % num_classes, times.astype(np.float64))


class Table:
    """Predicted classes against noisy labels, without the cells in which nothing is.

    Attributes:
        rows: int64 [cells], the predicted class.
        columns: int64 [cells], the noisy label.
        counts: float64 [cells].
        cell_of: int64 [M], the cell of each pair of image and label.
    """

    def __init__(self, predicted: Labels, borne: Borne, num_classes: int) -> None:
        pairs = predicted[borne.images] * num_classes + borne.labels
        cells, self.cell_of = np.unique(pairs, return_inverse=True)
        self.rows, self.columns = cells // num_classes, cells % num_classes
        self.counts = sums(self.cell_of, borne.times, len(cells))


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
    number, copies = noisy_labels.shape
    borne = borne_labels(noisy_labels, num_classes)
    table = Table(predicted, borne, num_classes)
    others = table.counts[table.cell_of] - borne.times + PSEUDO_COUNT
    rows = copies * np.bincount(predicted)[predicted] - copies + num_classes * PSEUDO_COUNT
    logs = sums(borne.images, borne.times * np.log(others), number)
    log_terms = logs / copies - np.log(rows)
    nats = entropy(noisy_labels) + log_terms.mean()
    error = _standard_error(predicted, borne, table, copies=copies, num_classes=num_classes)
    return Information(float(nats), error)


def _standard_error(
    predicted: Labels, borne: Borne, table: Table, *, copies: int, num_classes: int
) -> float:
    """Return the jackknife error over images, less the part of it that is counted twice.

    Deleting images one by one sees what that does to That; the spread of the log terms alone does
    not, and states two thirds of the error at a hundred images. But the jackknife counts the
    quadratic part of an estimate's variance twice (Efron and Stein 1981). For the information of a
    table of L labels that part is tr(P^2) / 2 L^2, with P the second derivative times the
    multinomial covariance: P is I - rows - columns + all, the projections on a table's margins.
    """
    number = len(predicted)
    rows = copies * np.bincount(predicted, minlength=num_classes).astype(np.float64)
    columns = sums(borne.labels, borne.times, num_classes)
    without = _of_tables_less_one(predicted, borne, table, rows, columns, copies)
    jackknife = (number - 1) / number * ((without - without.mean()) ** 2).sum()
    overlap = (table.counts**2 / (rows[table.rows] * columns[table.columns])).sum()
    trace = len(table.counts) - np.count_nonzero(rows) - np.count_nonzero(columns)
    quadratic = max(0.0, trace - 1 + 2 * overlap) / (2 * (number * copies) ** 2)
    # At most all of the jackknife is quadratic, and that is twice the truth.
    return float(np.sqrt(max(jackknife - quadratic, jackknife / 2)))


def _of_tables_less_one(
    predicted: Labels, borne: Borne, table: Table, rows: Floats, columns: Floats, copies: int
) -> Floats:
    """Return the estimate without each image, [N].

    Exact where an image has one label. Where it has several, what it takes from a cell when it is
    left out itself is set to the mean over the cell's labels.
    """
    num_classes, cell = len(rows), table.cell_of
    taken = sums(cell, borne.times**2, len(table.counts)) / table.counts

    def of_cells(cells: Floats, taken: Floats) -> Floats:
        return _times_log(cells, cells - taken + PSEUDO_COUNT)

    def of_rows(rows: Floats) -> Floats:
        return _times_log(rows, rows - copies + num_classes * PSEUDO_COUNT)

    def of_columns(columns: Floats) -> Floats:
        return _times_log(columns, columns)

    def of_images(values: Floats) -> Floats:
        return sums(borne.images, values, len(predicted))

    full, column = of_cells(table.counts, taken), columns[borne.labels]
    # An image moves its own cells and columns alone.
    cells = full.sum() + of_images(
        of_cells(table.counts[cell] - borne.times, taken[cell]) - full[cell]
    )
    change = of_rows(rows[predicted] - copies) - of_rows(rows)[predicted]
    totals = cells - of_rows(rows).sum() - change
    margins = of_columns(columns).sum() + of_images(
        of_columns(column - borne.times) - of_columns(column)
    )
    left = rows.sum() - copies
    return np.asarray((totals - margins) / left + np.log(left))


def sums(groups: Labels, values: Floats, number: int) -> Floats:
    """Return the sum of the values of each of so many groups."""
    return np.bincount(groups, weights=values, minlength=number).astype(np.float64, copy=False)


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
    table = Table(predicted, borne_labels(noisy_labels, num_classes), num_classes)
    counts, cells = table.counts, (table.rows, table.columns)
    unchanged = counts[table.rows == table.columns].sum()
    # No renaming has more than the largest of every row, or of every column.
    largest = np.zeros((2, num_classes))
    for of, cell in zip(largest, cells, strict=True):
        np.maximum.at(of, cell, counts)
    if unchanged >= largest.sum(axis=1).min():
        return False
    # Here and not above: it takes half a second, which every process that trains would pay.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    # A class that no renaming should match has a column of its own, which holds nothing. As every
    # row is matched once, one more in each cell changes no order, and a cell of 0 would be none.
    all_rows = np.arange(num_classes)
    weights = np.concatenate([counts, np.zeros(num_classes)]) + 1.0
    rows = np.concatenate([table.rows, all_rows])
    columns = np.concatenate([table.columns, num_classes + all_rows])
    graph = coo_array((weights, (rows, columns)), shape=(num_classes, 2 * num_classes)).tocsr()
    matched = min_weight_full_bipartite_matching(graph, maximize=True)
    best = graph[matched].sum() - num_classes
    return bool(best > unchanged)
