"""Noise transition matrices: T[i, j] = P(noisy label j given clean label i)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def symmetric(num_classes: int, noise_rate: float) -> NDArray[np.float64]:
    """Flip a label to one of the *other* classes, each with equal probability.

    Args:
        num_classes: K, at least 2.
        noise_rate: probability in [0, 1) that a label is wrong after corruption.

    Returns:
        T, float64 [K, K]: 1 - noise_rate on the diagonal, noise_rate / (K - 1) elsewhere.

    Raises:
        ValueError: num_classes or noise_rate is out of range.

    Example:
        >>> symmetric(num_classes=3, noise_rate=0.5)
        array([[0.5 , 0.25, 0.25],
               [0.25, 0.5 , 0.25],
               [0.25, 0.25, 0.5 ]])

    Reference:
        Han et al. 2018, "Co-teaching", arXiv:1804.06872. Some code bases draw from all K
        classes instead; their "rate r" is noise_rate = r * (K - 1) / K here.
    """
    _check(num_classes, noise_rate)
    matrix = np.full((num_classes, num_classes), noise_rate / (num_classes - 1))
    np.fill_diagonal(matrix, 1.0 - noise_rate)
    return matrix


def pair_flip(num_classes: int, noise_rate: float) -> NDArray[np.float64]:
    """Flip a label to the next class, the last class to the first.

    Args:
        num_classes: K, at least 2.
        noise_rate: probability in [0, 1) that a label is wrong after corruption. From 0.5 on the
            wrong class is at least as frequent as the right one, and no method can tell them apart.

    Returns:
        T, float64 [K, K]: 1 - noise_rate on the diagonal, noise_rate right of it.

    Raises:
        ValueError: num_classes or noise_rate is out of range.

    Example:
        >>> pair_flip(num_classes=3, noise_rate=0.25)
        array([[0.75, 0.25, 0.  ],
               [0.  , 0.75, 0.25],
               [0.25, 0.  , 0.75]])

    Reference:
        Han et al. 2018, "Co-teaching", arXiv:1804.06872, section 4.1.
    """
    _check(num_classes, noise_rate)
    matrix = np.zeros((num_classes, num_classes))
    classes = np.arange(num_classes)
    matrix[classes, classes] = 1.0 - noise_rate
    matrix[classes, (classes + 1) % num_classes] = noise_rate
    return matrix


def asymmetric(
    num_classes: int, noise_rate: float, *, class_map: Mapping[int, int]
) -> NDArray[np.float64]:
    """Flip some classes, each to one class that resembles it; the others stay clean.

    Args:
        num_classes: K, at least 2.
        noise_rate: probability in [0, 1) that a label *of a flipped class* is wrong. The share of
            wrong labels over all classes is smaller: with classes of equal size noise_rate times
            the number of flipped classes / K.
        class_map: flipped class -> the class that its labels go to.

    Returns:
        T, float64 [K, K]: 1 - noise_rate on the diagonal of a flipped class, 1 on the others'.

    Raises:
        ValueError: a parameter is out of range, or a class is mapped to itself.

    Example:
        >>> asymmetric(num_classes=3, noise_rate=0.25, class_map={2: 0})
        array([[1.  , 0.  , 0.  ],
               [0.  , 1.  , 0.  ],
               [0.25, 0.  , 0.75]])

    Reference:
        Patrini et al. 2017, "Making Deep Neural Networks Robust to Label Noise",
        arXiv:1609.03683, section 5.
    """
    _check(num_classes, noise_rate)
    matrix = np.eye(num_classes)
    for source, target in class_map.items():
        if source == target or not {source, target} <= set(range(num_classes)):
            raise ValueError(
                f"class_map flips a class of [0, {num_classes}) to another one, got "
                f"{source} to {target}"
            )
        matrix[source, source] = 1.0 - noise_rate
        matrix[source, target] = noise_rate
    return matrix


def check_transition_matrix(matrix: NDArray[np.float64]) -> None:
    """Check that a matrix is square, non-negative and row-stochastic.

    Raises:
        ValueError: it is not; the message names the first offending row.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(f"a transition matrix is square, at least 2 x 2; got {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0.0).any():
        raise ValueError("a transition matrix holds probabilities: finite and not negative")
    sums = matrix.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1.0) > 1e-6)
    if len(wrong):
        raise ValueError(
            f"row {wrong[0]} of the transition matrix sums to {sums[wrong[0]]:g}, not 1"
        )


def _check(num_classes: int, noise_rate: float) -> None:
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    if not 0.0 <= noise_rate < 1.0:
        raise ValueError(f"noise_rate must be a fraction in [0, 1), got {noise_rate}")
