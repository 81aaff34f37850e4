"""Labels added to clean ones, as shares of all labels: uniform, or ordered by likeliness."""

import math

import numpy as np
from numpy.typing import NDArray

# alpha = delta * K is allowed, and delta = 0.7 times K = 10 is 7.000000000000001.
_ROUNDING = 1e-9


def dilution_matrix(num_classes: int, alpha: int) -> NDArray[np.float64]:
    """Return the shares of an image's labels: one is its class, alpha are uniform over all K.

    Args:
        num_classes: K, at least 2.
        alpha: noisy labels per clean one, at least 0.

    Returns:
        T, float64 [K, K]: 1 / (1 + alpha) + alpha / ((1 + alpha) K) on the diagonal.

    Example:
        >>> dilution_matrix(num_classes=2, alpha=1)
        array([[0.75, 0.25],
               [0.25, 0.75]])
    """
    uniform = np.full((num_classes, num_classes), 1.0 / num_classes)
    return np.asarray((np.eye(num_classes) + alpha * uniform) / (1 + alpha))


def structured_matrix(alpha: int, *, delta: float, order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the shares of an image's labels, clean and noisy together, some likelier.

    With u = alpha / ((1 + alpha) K), chance, the true class has 1 / (1 + alpha) + u, as under
    dilution; the wrong class of rank r in 0..K-2 has u + delta / (1 + alpha) (1 - 2 r / (K - 2)).
    So delta = 0 is dilution, and at delta = 1 the likeliest wrong class is as frequent as the true
    one.

    Args:
        alpha: noisy labels per clean one, at least delta * K: else the last rank would be negative.
        delta: in [0, 1].
        order: int64 [K, K - 1], the wrong classes of each class, likeliest first.

    Returns:
        T, float64 [K, K], row-stochastic.

    Raises:
        ValueError: a parameter is out of range, or the order is not one.

    Example:
        >>> structured_matrix(2, delta=0.5, order=np.array([[1, 2], [2, 0], [0, 1]])).round(3)
        array([[0.556, 0.389, 0.056],
               [0.056, 0.556, 0.389],
               [0.389, 0.056, 0.556]])

    Reference:
        Rolnick et al. 2017, arXiv:1705.10694, section on structured noise.
    """
    check_order(order)
    num_classes = len(order)
    if (fault := structure_fault(num_classes, alpha=alpha, delta=delta)) is not None:
        raise ValueError(fault)
    # With two classes there is one wrong label only, and delta is 0.
    slope = 1.0 - 2.0 * np.arange(num_classes - 1) / max(1, num_classes - 2)
    matrix = dilution_matrix(num_classes, alpha)
    rows = np.arange(num_classes)[:, None]
    matrix[rows, order] += delta / (1 + alpha) * slope
    return matrix.clip(min=0.0)


def structure_fault(num_classes: int, *, alpha: int, delta: float) -> str | None:
    """Return why these parameters are not possible, with a way out; None if they are.

    Example:
        >>> structure_fault(10, alpha=3, delta=0.5)
        'alpha 3 must be at least delta * K = 0.5 * 10: raise alpha to 5, or lower delta to 0.3'
    """
    if not 0.0 <= delta <= 1.0 or alpha < 0:
        return f"delta must be in [0, 1] and alpha at least 0, got {delta} and {alpha}"
    if num_classes == 2 and delta > 0.0:
        return "delta orders wrong classes, and of 2 classes only one is wrong: set delta to 0"
    if alpha + _ROUNDING >= delta * num_classes:
        return None
    least = math.ceil(delta * num_classes - _ROUNDING)
    lower = math.floor(1000 * alpha / num_classes) / 1000
    return (
        f"alpha {alpha} must be at least delta * K = {delta:g} * {num_classes}: raise alpha to "
        f"{least}, or lower delta to {lower:g}"
    )


def random_order(num_classes: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return for each class its wrong classes in a random order, int64 [K, K - 1]."""
    wrong = np.array([[j for j in range(num_classes) if j != i] for i in range(num_classes)])
    return generator.permuted(wrong, axis=1)


def check_order(order: NDArray[np.int64]) -> None:
    """Check that row i of [K, K - 1] holds every class but i once.

    Raises:
        ValueError: it does not.
    """
    num_classes = len(order)
    if num_classes < 2 or order.shape != (num_classes, num_classes - 1):
        raise ValueError(f"a confusion order is [K, K - 1], K at least 2; got {order.shape}")
    whole = np.column_stack([np.arange(num_classes), order])
    if not np.array_equal(np.sort(whole, axis=1), np.tile(np.arange(num_classes), (len(whole), 1))):
        raise ValueError("row i of a confusion order must hold every class but i, each once")
