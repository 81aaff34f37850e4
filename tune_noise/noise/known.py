"""The transition matrix of a named noise, as far as its parameters say it."""

import numpy as np
from numpy.typing import NDArray

from tune_noise.noise.transition import pair_flip, symmetric


def known_transition(
    noise: str, *, num_classes: int, alpha: int | None = None, noise_rate: float | None = None
) -> NDArray[np.float64] | None:
    """T, float64 [K, K], of `dilution`, `symmetric` and `pair_flip`; None of any other noise.

    Under dilution T is that of a label taken at random from an image's 1 + alpha.

    Example:
        >>> known_transition("dilution", num_classes=2, alpha=1)
        array([[0.75, 0.25],
               [0.25, 0.75]])
    """
    if noise == "dilution" and alpha is not None:
        uniform = np.full((num_classes, num_classes), 1.0 / num_classes)
        return np.asarray((np.eye(num_classes) + alpha * uniform) / (1 + alpha))
    if noise == "symmetric" and noise_rate is not None:
        return symmetric(num_classes, noise_rate)
    if noise == "pair_flip" and noise_rate is not None:
        return pair_flip(num_classes, noise_rate)
    return None
