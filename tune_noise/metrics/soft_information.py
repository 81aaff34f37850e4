"""Information from predicted probabilities: as `information`, but an unsure network may say so."""

import math

import numpy as np

from tune_noise.metrics.information import PSEUDO_COUNT, Floats, Labels, borne_labels, entropy

# Images are deleted by groups: one by one would cost N times the estimate.
GROUPS = 20
# Probabilities that are worked on at once.
_BLOCK = 2_000_000


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
    num_classes, copies = probabilities.shape[1], noisy_labels.shape[1]
    borne = borne_labels(noisy_labels, num_classes)
    order = np.argsort(borne.labels, kind="stable")
    firsts = np.flatnonzero(np.diff(borne.labels[order], prepend=-1))
    blocks = np.diff(firsts // max(1, _BLOCK // num_classes), prepend=0)
    rows = copies * probabilities.sum(axis=0) + num_classes * PSEUDO_COUNT
    total = 0.0
    # A label's column of That takes the images that bear it: a block has whole labels.
    for pairs in np.split(order, firsts[blocks > 0]):
        part, times = probabilities[borne.images[pairs]], borne.times[pairs]
        weighted = part * times[:, None]
        starts = np.flatnonzero(np.diff(borne.labels[pairs], prepend=-1))
        columns = np.add.reduceat(weighted, starts, axis=0)
        lengths = np.diff(starts, append=len(pairs))
        others = np.repeat(columns, lengths, axis=0) - weighted + PSEUDO_COUNT
        shares = part / (rows - copies * part)
        # A product of numbers near 0 may round to one just below it.
        likelihood = np.maximum((shares * others).sum(axis=1), np.finfo(np.float64).tiny)
        total += float((times * np.log(likelihood)).sum())
    return entropy(noisy_labels) + total / noisy_labels.size


def soft_information_error(probabilities: Floats, noisy_labels: Labels) -> float:
    """Return the standard error of `soft_information` over new validation sets, in nats.

    A jackknife over groups of images; its own error is 16 %, and it errs towards too large.

    Args:
        probabilities: float64 [N, K].
        noisy_labels: int64 [N, copies].
    """
    num_groups = min(GROUPS, len(noisy_labels))
    # Interleaved, so that each group has its part of whatever the images are ordered by.
    group_of = np.arange(len(noisy_labels)) % num_groups
    without = [
        soft_information(probabilities[group_of != group], noisy_labels[group_of != group])
        for group in range(num_groups)
    ]
    return math.sqrt((num_groups - 1) * float(np.var(without)))
