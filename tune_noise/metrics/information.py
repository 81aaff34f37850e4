"""The default objective: what predicted classes tell about noisy labels, whatever the noise.

For noise that depends on the true class alone, predicting the true class carries the most
information that any prediction can have about the noisy label. It is blind to a consistent
renaming of classes, hence `is_renamed`. NumPy and SciPy only.

The transition matrix That that judges an image is counted on all others. A table that has not seen
a label cannot be fitted to it, so the expected log-likelihood is at most that of the true
conditional distribution, and the estimate at most the true information, however many cells That
has. Where few labels are counted, its row of predicted class k is drawn towards the guess that all
predictions are right equally often, and that wrong labels are of all classes, as frequent as they
are anyway:

    That[k, j] = (n[k, j] + s * guess[k, j]) / (n[k] + s)
    guess[k, k] = a,    guess[k, j] = (1 - a) * q[j] / (1 - q[k])

with a the share of predictions that agree with their label, and q the shares of the labels. The
strength s, a number of labels, is the one of `STRENGTHS` under which the labels are likeliest. With
few labels it is large, and the estimate follows a, the accuracy on noisy labels; with many it is
small, and the counts say all, for any noise.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Floats = NDArray[np.float64]

# Added to each cell that is counted, so that an unseen pair is not impossible.
PSEUDO_COUNT = 0.5
# Of the guess, in labels for each class. The largest leaves little to the counts.
STRENGTHS = tuple(PSEUDO_COUNT * 4.0**power for power in range(7))
# Images are deleted by so many groups: one by one would cost N times the estimate.
JACKKNIFE_GROUPS = 40
_BLOCK = 2**18  # numbers that are worked on at once


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

    All that judges an image is counted on all other images, so that an overfitted That lowers the
    estimate instead of raising it. The standard error is a jackknife over groups of images.

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
    hits = (noisy_labels == predicted[:, None]).sum(axis=1)[borne.images]
    times = borne.times.astype(np.int64)
    # Images that have the same class and bear the same label equally often are judged alike.
    kind = predicted[borne.images] * num_classes + borne.labels
    kind = (kind * (copies + 1) + times) * (copies + 1) + hits
    kinds, first, kind_of = np.unique(kind, return_index=True, return_inverse=True)
    judged = _Judged(predicted[borne.images[first]], borne.labels[first], times[first], hits[first])
    # Interleaved, so that each group has its part of whatever the images are ordered by.
    num_groups = min(JACKKNIFE_GROUPS, number)
    group_of = borne.images % num_groups
    everything = np.bincount(kind_of).astype(np.float64)
    estimates = [_estimates(everything[None], judged, copies, num_classes)]
    block = max(1, _BLOCK // len(kinds))
    for start in range(0, num_groups, block):
        size = min(block, num_groups - start)
        inside = (group_of >= start) & (group_of < start + size)
        places = (group_of[inside] - start) * len(kinds) + kind_of[inside]
        deleted = np.bincount(places, minlength=size * len(kinds)).reshape(size, len(kinds))
        estimates.append(_estimates(everything - deleted, judged, copies, num_classes))
    (full,), *without = estimates
    error = math.sqrt((num_groups - 1) * float(np.var(np.concatenate(without))))
    return Information(float(full), error)


@dataclass(frozen=True)
class _Judged:
    """Kinds of pairs of image and label that are judged alike; all int64 [kinds].

    Attributes:
        rows: the predicted class.
        columns: the label.
        times: how often the image bears the label.
        hits: how many labels of the image are the predicted class.
    """

    rows: Labels
    columns: Labels
    times: Labels
    hits: Labels


def _estimates(weights: Floats, judged: _Judged, copies: int, num_classes: int) -> Floats:
    """Return the estimate of each of S sets of images, [S].

    Args:
        weights: float64 [S, kinds], how many pairs of a kind the set has.
        judged: the kinds.
        copies: labels of an image.
        num_classes: K.
    """
    rows, columns, present = judged.rows, judged.columns, weights > 0
    labels = weights * judged.times
    # What is counted without the image that is judged; a kind that the set lacks takes nothing.
    times, hits, copies_left_out = (
        present * number for number in (judged.times, judged.hits, copies)
    )
    total = labels.sum(axis=1, keepdims=True)
    of_label = _sums_by_set(columns, labels, num_classes)
    agreeing = labels[:, rows == columns].sum(axis=1, keepdims=True)
    _, cells = np.unique(rows * num_classes + columns, return_inverse=True)
    counts = _sums_by_set(cells, labels, cells.max() + 1)[:, cells] - times
    in_row = _sums_by_set(rows, labels, num_classes)[:, rows] - copies_left_out
    left = total - copies_left_out
    share_right = (agreeing - hits + 1) / (left + 2)
    share = (of_label[:, columns] - times + 0.5) / (left + num_classes / 2)
    share_of_class = (of_label[:, rows] - hits + 0.5) / (left + num_classes / 2)
    wrong = (1 - share_right) * share / (1 - share_of_class)
    guess = np.where(rows == columns, share_right, wrong)
    means = []
    for strength in (num_classes * strength for strength in STRENGTHS):
        logs = np.log((counts + strength * guess) / (in_row + strength))
        means.append((labels * logs).sum(axis=1))
    shares = of_label / total
    entropies = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    return np.asarray(entropies + np.max(means, axis=0) / total[:, 0])


def _sums_by_set(groups: Labels, values: Floats, number: int) -> Floats:
    """Return the sums of the values [S, M] of each of so many groups [M], [S, number]."""
    sets = len(values)
    places = np.arange(sets)[:, None] * number + groups
    return sums(places.ravel(), values.ravel(), sets * number).reshape(sets, number)


def sums(groups: Labels, values: Floats, number: int) -> Floats:
    """Return the sum of the values of each of so many groups."""
    return np.bincount(groups, weights=values, minlength=number).astype(np.float64, copy=False)


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
