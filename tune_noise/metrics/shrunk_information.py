"""Information where few labels judge: counts that are drawn towards one accuracy for all classes.

As `information`, this is a cross-fitted estimate of I(predicted class; noisy label), of which
accuracy and information are the two ends. The row of That for predicted class k is drawn towards
the guess that all predictions are right equally often and that wrong labels are of all classes, as
frequent as they are anyway:

    That[k, j] = (n[k, j] + s * guess[k, j]) / (n[k] + s)
    guess[k, k] = a,    guess[k, j] = (1 - a) * q[j] / (1 - q[k])

with a the share of predictions that agree with their label, and q the shares of the labels. The
strength s, a number of labels, is the one of `STRENGTHS` under which labels that That has not seen
are likeliest. With few labels it is large, and the estimate follows a, the accuracy on noisy
labels; with many it is small, and the estimate is that of `information`, for any noise.
"""

import math

import numpy as np

from tune_noise.metrics.information import Labels, borne_labels, entropy

# For each class. The largest leaves little to the counts, the smallest is that of `information`.
STRENGTHS = tuple(0.5 * 4.0**power for power in range(7))
# Images are deleted by groups: one by one would cost N times the estimate.
GROUPS = 20


def shrunk_information(predicted: Labels, noisy_labels: Labels, num_classes: int) -> float:
    """Estimate H(noisy) + the mean over images of log That[predicted class, noisy label], in nats.

    All that judges an image is counted on all other images.

    Args:
        predicted: int64 [N], N at least 2.
        noisy_labels: int64 [N, copies].
        num_classes: K.
    """
    number, copies = noisy_labels.shape
    borne = borne_labels(noisy_labels, num_classes)
    agreeing = (noisy_labels == predicted[:, None]).sum(axis=1)
    rows, columns, times = predicted[borne.images], borne.labels, borne.times.astype(np.int64)
    hits = agreeing[borne.images]
    # Images that have the same class and bear the same label equally often are judged alike.
    key = ((rows * num_classes + columns) * (copies + 1) + times) * (copies + 1) + hits
    _, first, weights = np.unique(key, return_index=True, return_counts=True)
    rows, columns, times, hits = rows[first], columns[first], times[first], hits[first]
    cells, cell_of = np.unique(rows * num_classes + columns, return_inverse=True)
    counts = np.bincount(cell_of, weights=weights * times, minlength=len(cells))[cell_of] - times
    in_row = copies * (np.bincount(predicted, minlength=num_classes)[rows] - 1)
    left = copies * (number - 1)
    share_right = (agreeing.sum() - hits + 1) / (left + 2)
    of_label = np.bincount(noisy_labels.ravel(), minlength=num_classes)
    share = (of_label[columns] - times + 0.5) / (left + num_classes / 2)
    share_of_class = (of_label[rows] - hits + 0.5) / (left + num_classes / 2)
    wrong = (1 - share_right) * share / (1 - share_of_class)
    guess = np.where(rows == columns, share_right, wrong)
    strengths = num_classes * np.array(STRENGTHS)[:, None]
    logs = np.log((counts + strengths * guess) / (in_row + strengths))
    return entropy(noisy_labels) + float((logs @ (weights * times)).max()) / noisy_labels.size


def shrunk_information_error(predicted: Labels, noisy_labels: Labels, num_classes: int) -> float:
    """Return the standard error of `shrunk_information` over new validation sets, in nats.

    A jackknife over groups of images; its own error is 16 %.

    Args:
        predicted: int64 [N].
        noisy_labels: int64 [N, copies].
        num_classes: K.
    """
    num_groups = min(GROUPS, len(predicted))
    # Interleaved, so that each group has its part of whatever the images are ordered by.
    group_of = np.arange(len(predicted)) % num_groups
    without = [
        shrunk_information(predicted[group_of != g], noisy_labels[group_of != g], num_classes)
        for g in range(num_groups)
    ]
    return math.sqrt((num_groups - 1) * float(np.var(without)))
