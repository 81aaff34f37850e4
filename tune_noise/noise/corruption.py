"""Wrong labels, drawn once for a whole training set and fixed by example index and generator.

All functions return int64 [N, copies]: the noisy labels that image n lends. Only dilution has more
than one copy; images are never copied.
"""

import numpy as np
from numpy.typing import NDArray

from tune_noise.noise.transition import check_transition_matrix, pair_flip, symmetric

Labels = NDArray[np.int64]


def flip(
    clean_labels: Labels, matrix: NDArray[np.float64], *, generator: np.random.Generator
) -> Labels:
    """Redraw each label from the row of the transition matrix that its clean label names.

    Args:
        clean_labels: int64 [N], in [0, K).
        matrix: T, float64 [K, K], row-stochastic.
        generator: one uniform number per example is drawn from it, in the order of the examples.

    Returns:
        int64 [N, 1].

    Raises:
        ValueError: the matrix is not row-stochastic or a label lies outside it.
    """
    check_transition_matrix(matrix)
    _check_labels(clean_labels, len(matrix))
    cumulative = matrix.cumsum(axis=1)
    # Exactly 1 at the end: a sum of floats just below 1 could send a label past the last class.
    cumulative[:, -1] = 1.0
    uniform = generator.random(len(clean_labels))
    noisy = (uniform[:, None] >= cumulative[clean_labels]).sum(axis=1)
    return np.asarray(noisy, dtype=np.int64)[:, None]


def dilute(
    clean_labels: Labels, *, alpha: int, num_classes: int, generator: np.random.Generator
) -> Labels:
    """Keep each clean label and add `alpha` labels drawn uniformly over all K classes.

    A drawn label may hit the true class: the share of right labels is
    1 / (1 + alpha) + alpha / ((1 + alpha) K), not 1 / (1 + alpha).

    Args:
        clean_labels: int64 [N], in [0, K).
        alpha: noisy labels per clean one, at least 0.
        num_classes: K, at least 2.
        generator: source of the draws; a larger alpha extends the draws of a smaller one.

    Returns:
        int64 [N, 1 + alpha]; column 0 is the clean label.

    Raises:
        ValueError: alpha is negative or a label lies outside [0, K).

    Reference:
        Rolnick et al. 2017, "Deep Learning is Robust to Massive Label Noise", arXiv:1705.10694.
    """
    if alpha < 0:
        raise ValueError(f"alpha must be at least 0, got {alpha}")
    _check_labels(clean_labels, num_classes)
    drawn = generator.integers(num_classes, size=(alpha, len(clean_labels)))
    return np.column_stack([clean_labels, *drawn]).astype(np.int64)


def corrupt(
    noise: str,
    clean_labels: Labels,
    *,
    num_classes: int,
    generator: np.random.Generator,
    alpha: int | None = None,
    noise_rate: float | None = None,
) -> Labels:
    """The noisy labels of a training set under one of the named kinds of noise.

    Args:
        noise: `dilution` (needs alpha), `symmetric` or `pair_flip` (need noise_rate), `given`.
        clean_labels: int64 [N]; with `given` the labels as they come, which stay as they are.
        num_classes: K, at least 2.
        generator: source of the draws.
        alpha: see `dilute`.
        noise_rate: see `symmetric` and `pair_flip`.

    Returns:
        int64 [N, copies], copies = 1 + alpha under dilution and 1 otherwise.

    Raises:
        ValueError: unknown noise, a missing parameter, or one out of range.
    """
    if noise == "given":
        _check_labels(clean_labels, num_classes)
        return clean_labels.astype(np.int64)[:, None]
    if noise == "dilution" and alpha is not None:
        return dilute(clean_labels, alpha=alpha, num_classes=num_classes, generator=generator)
    matrices = {"symmetric": symmetric, "pair_flip": pair_flip}
    if noise in matrices and noise_rate is not None:
        return flip(clean_labels, matrices[noise](num_classes, noise_rate), generator=generator)
    raise ValueError(f"noise {noise!r} with alpha={alpha}, noise_rate={noise_rate} is not defined")


def realised_noise_rate(noisy_labels: Labels, true_labels: Labels) -> float:
    """Measured share of wrong labels, in [0, 1].

    Args:
        noisy_labels: int64 [N, copies].
        true_labels: int64 [N].
    """
    return float((noisy_labels != true_labels[:, None]).mean())


def _check_labels(labels: Labels, num_classes: int) -> None:
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"labels must lie in [0, {num_classes}), got {labels.min()}..{labels.max()}"
        )
