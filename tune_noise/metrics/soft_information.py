"""Information from predicted probabilities: as `information`, but an unsure network may say so."""

import math

import numpy as np

from tune_noise.metrics.information import (
    PSEUDO_COUNT,
    Floats,
    Labels,
    label_counts,
)

# Images are deleted by groups: one by one would cost N times the estimate.
GROUPS = 20


def soft_information(probabilities: Floats, noisy_labels: Labels) -> float:
    """Estimate H(noisy) + the mean over images of log sum_k p[k] That[k, noisy label], in nats.

    That[k, j] is the share of label j in the probability that all other images give to class k.
    Whatever That is, sum_k p[k] That[k, .] is a distribution over labels that has not seen the
    image's own: the estimate is at most the true information on average, as that of hard
    predictions is.

    Args:
        probabilities: float64 [N, K], rows sum to 1; N at least 2.
        noisy_labels: int64 [N, copies].
    """
    image_labels = label_counts(noisy_labels, probabilities.shape[1])
    return _estimate(probabilities, noisy_labels, image_labels, probabilities.T @ image_labels)


def soft_information_error(probabilities: Floats, noisy_labels: Labels) -> float:
    """Return the standard error of `soft_information` over new validation sets, in nats.

    A jackknife over groups of images; its own error is 16 %, and it errs towards too large.

    Args:
        probabilities: float64 [N, K].
        noisy_labels: int64 [N, copies].
    """
    image_labels = label_counts(noisy_labels, probabilities.shape[1])
    num_groups = min(GROUPS, len(image_labels))
    # Interleaved, so that each group has its part of whatever the images are ordered by.
    group_of = np.arange(len(image_labels)) % num_groups
    table = probabilities.T @ image_labels
    without: list[float] = []
    for group in range(num_groups):
        kept, gone = group_of != group, group_of == group
        rest = table - probabilities[gone].T @ image_labels[gone]
        without.append(_estimate(probabilities[kept], noisy_labels[kept], image_labels[kept], rest))
    return math.sqrt((num_groups - 1) * float(np.var(without)))


def _estimate(
    probabilities: Floats, noisy_labels: Labels, image_labels: Floats, table: Floats
) -> float:
    """Return H + the mean log-likelihood of images whose soft counts [K, K] the table holds."""
    num_classes, copies = table.shape[0], noisy_labels.shape[1]
    rows = table.sum(axis=1) - copies * probabilities + num_classes * PSEUDO_COUNT
    shares = probabilities / rows
    total = 0.0
    images = np.arange(len(image_labels))
    # One pass per label of an image, or per class where it has more labels than there are classes.
    if copies <= num_classes:
        passes = [(labels, np.ones(len(image_labels))) for labels in noisy_labels.T]
    else:
        passes = [(np.full(len(image_labels), j), image_labels[:, j]) for j in range(num_classes)]
    for labels, weights in passes:
        others = (
            table.T[labels] - probabilities * image_labels[images, labels][:, None] + PSEUDO_COUNT
        )
        # A product of numbers near 0 may round to one just below it.
        likelihood = np.maximum((shares * others).sum(axis=1), np.finfo(np.float64).tiny)
        total += float((weights * np.log(likelihood)).sum())
    counts = image_labels.sum(axis=0)
    counts = counts[counts > 0]
    q = counts / counts.sum()
    return float(total / image_labels.sum() - (q * np.log(q)).sum())
