"""Noise that depends on what an image shows, not on its class alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_SD = 0.1
# Pixels projected at once: bounds the floats made of bytes, and the projection of many classes.
_BLOCK = 1024

Labels = NDArray[np.int64]


def instance_probabilities(
    clean_labels: Labels,
    inputs: NDArray[Any],
    *,
    num_classes: int,
    noise_rate: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the distribution of each image's noisy label: its flip rate, shared out by its pixels.

    An image of class y flips with a probability q drawn from a normal distribution (mean
    noise_rate, standard deviation 0.1) truncated to [0, 1]; where to is q * softmax(x W_y) over the
    wrong classes, with W_y one standard normal projection [pixels, K] for each class. Images that
    look alike so share their wrong labels.

    Args:
        clean_labels: int64 [N], in [0, K).
        inputs: uint8 [N, ...], x is an image's pixels / 255; or float32 [N, D], x is a row of
            features of which each has mean 0 and standard deviation 1.
        num_classes: K, at least 2.
        noise_rate: in [0, 1), the mean flip rate before truncation, which moves it up where it is
            small (0.1 becomes 0.129, 0.2 becomes 0.206); 0 is no noise at all.
        generator: of rates, then of projections; neither depends on the labels.

    Returns:
        float64 [N, K], rows sum to 1.

    Reference:
        Xia et al. 2020, "Part-dependent Label Noise", arXiv:2006.07836, algorithm 2. Its code
        feeds pixels 0..255, where the softmax is all but one class; and loops over the images.
    """
    rates = _truncated_normal(noise_rate, len(clean_labels), generator)
    values = inputs.reshape(len(inputs), int(np.prod(inputs.shape[1:])))
    probabilities = np.zeros((len(clean_labels), num_classes))
    for true_class in range(num_classes):
        members = np.flatnonzero(clean_labels == true_class)
        scores = np.zeros((len(members), num_classes))
        for start in range(0, values.shape[1], _BLOCK):
            block = _comparable(values[:, start : start + _BLOCK], members)
            scores += block @ generator.standard_normal((block.shape[1], num_classes))
        scores[:, true_class] = -np.inf
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = weights / weights.sum(axis=1, keepdims=True)
        probabilities[members] = rates[members, None] * shares
        probabilities[members, true_class] = 1.0 - rates[members]
    return probabilities


def _comparable(columns: NDArray[Any], members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rows of some examples in units that suit a standard normal projection."""
    if columns.dtype == np.uint8:
        return columns[members] / 255.0
    mean, std = columns.mean(axis=0, dtype=np.float64), columns.std(axis=0, dtype=np.float64)
    return np.asarray((columns[members] - mean) / np.where(std > 0.0, std, 1.0))


def _truncated_normal(
    mean: float, size: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    if mean == 0.0:
        return np.zeros(size)
    values = generator.normal(mean, RATE_SD, size)
    while len(outside := np.flatnonzero((values < 0.0) | (values > 1.0))):
        values[outside] = generator.normal(mean, RATE_SD, len(outside))
    return values
