"""Measures in which each class has the same weight, however many examples it has.

The balanced information is I(predicted class; noisy label) after each label has been weighted by
1 / (K q[label]), q the share of the label, so that all labels are equally frequent. With
r[k, j] = P(predicted k | noisy label j) it is

    (1 / K) sum over j, k of r[k, j] log(r[k, j] / rbar[k])

where rbar[k] is the mean of r[k, j] over j.

Why the weights follow the noisy label: where noise depends on the true class alone, P(noisy j |
input) is T[true class, j]. Weighted by any w[j] it becomes T[i, j] w[j] / sum over l T[i, l] w[l],
which still depends on the true class alone. So no prediction tells more about the weighted label
than the true class does, and the true class maximises the measure, whatever T is. Weights by the
predicted class lack this: a network could raise its own by splitting a class that has few wrong
labels in two and never predicting one that has many. Weights that make the *true* classes equally
frequent would need T.

Each r[., j] is counted on all other images, with half a label in each cell as in `information`.
NumPy only.
"""

import numpy as np

from tune_noise.metrics.information import (
    PSEUDO_COUNT,
    Borne,
    Floats,
    Information,
    Labels,
    Table,
    borne_labels,
    sums,
)


def balanced_information(predicted: Labels, noisy_labels: Labels, num_classes: int) -> Information:
    """Estimate log(r[predicted, label] / rbar[predicted]), averaged over labels, then classes.

    A class without a label has no weight. The largest value is log K.

    Args:
        predicted: int64 [N], N at least 2.
        noisy_labels: int64 [N, copies]; under dilution an image lends all its labels.
        num_classes: K.

    Returns:
        Estimate and standard error in nats; the labels of one image count as one observation.
    """
    borne = borne_labels(noisy_labels, num_classes)
    table = Table(predicted, borne, num_classes)
    frequency = sums(borne.labels, borne.times, num_classes)
    seen = np.count_nonzero(frequency)
    total = frequency + num_classes * PSEUDO_COUNT
    unseen = PSEUDO_COUNT / total
    share = (table.counts + PSEUDO_COUNT) / total[table.columns]
    mean = unseen[frequency > 0].sum() + sums(
        table.rows, share - unseen[table.columns], num_classes
    )
    # Without the image itself: its own cells, and what these do to the mean of its row.
    others = (table.counts[table.cell_of] - borne.times + PSEUDO_COUNT) / (
        total[borne.labels] - borne.times
    )
    change = sums(borne.images, others - share[table.cell_of], len(predicted))
    terms = np.log(seen * others / (mean[predicted] + change)[borne.images])
    nats = float((borne.times / frequency[borne.labels] * terms).sum() / seen)
    return Information(nats, _standard_error(borne, table, frequency, len(predicted)))


def _standard_error(borne: Borne, table: Table, frequency: Floats, num_images: int) -> float:
    """Return a jackknife error over images of the balanced information of the table as it is.

    Without one label of cell (k, j) the column r[., j] changes, and by a little each mean rbar of a
    row in which the column has something. An image with several labels changes the estimate by the
    sum of what each of them does. A class with a single label has no spread to see.
    """
    rows, columns, counts = table.rows, table.columns, table.counts
    number, seen, classes = frequency[columns], np.count_nonzero(frequency), len(frequency)
    less = np.maximum(number - 1, 1)
    # The sum over a column of r log r.
    logs = sums(columns, _times_log(counts), classes)[columns]
    own = (logs - _times_log(counts) + _times_log(counts - 1)) / less - np.log(less)
    own -= logs / number - np.log(number)
    mean = sums(rows, counts / number, classes)[rows] / seen
    raised = mean + (counts / less - counts / number) / seen
    means = sums(columns, _times_log(raised) - _times_log(mean), classes)[columns]
    means += _times_log(raised - 1 / (less * seen)) - _times_log(raised)
    # The mean over n labels without one spreads by 1 / (n - 1), where the mean itself has 1 / n.
    moved = (own / seen - means) * np.sqrt((number - 1) / number)
    of_images = sums(borne.images, borne.times * moved[table.cell_of], num_images)
    return float(np.sqrt(((of_images - of_images.mean()) ** 2).sum()))


def _times_log(values: Floats) -> Floats:
    """Return x log x, 0 where x is 0 or a rounding error below it."""
    return np.asarray(values * np.log(np.where(values > 0, values, 1.0)))


def balanced_accuracy(predicted: Labels, labels: Labels) -> float:
    """Return the share of the labels of a class that are predicted, the mean over classes.

    Args:
        predicted: int64 [N].
        labels: int64 [N, copies]; a class that has none is left out.

    Example:
        >>> balanced_accuracy(np.array([0, 0, 0, 0]), np.array([[0], [0], [0], [1]]))
        0.5
    """
    frequency = np.bincount(labels.ravel())
    agreed = np.bincount(labels[labels == predicted[:, None]], minlength=len(frequency))
    return float((agreed[frequency > 0] / frequency[frequency > 0]).mean())
