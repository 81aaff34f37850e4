"""Wrong labels, drawn once for a whole training set and fixed by example index and generator.

All functions return int64 [N, copies]: the noisy labels that image n lends. Only dilution, and
what is drawn like it, has more than one copy; images are never copied.
"""

import numpy as np
from numpy.typing import NDArray

from tune_noise.noise.instance import instance_probabilities
from tune_noise.noise.structured import structured_matrix
from tune_noise.noise.transition import check_transition_matrix

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
    check_labels(clean_labels, len(matrix))
    return _draw_by_class(matrix, clean_labels, generator.random(len(clean_labels)))[:, None]


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
    _check_alpha(alpha)
    check_labels(clean_labels, num_classes)
    drawn = generator.integers(num_classes, size=(alpha, len(clean_labels)))
    return np.column_stack([clean_labels, *drawn]).astype(np.int64)


def structured(
    clean_labels: Labels,
    *,
    alpha: int,
    delta: float,
    order: NDArray[np.int64],
    generator: np.random.Generator,
) -> Labels:
    """Keep each clean label and add `alpha` labels, some wrong classes likelier than others.

    Clean and noisy labels together have the shares of `structured_matrix`.

    Args:
        clean_labels: int64 [N], in [0, K).
        alpha: noisy labels per clean one, at least delta * K.
        delta: in [0, 1]; 0 is dilution, 1 makes the likeliest wrong class as frequent as the true.
        order: int64 [K, K - 1], the wrong classes of each class, likeliest first.
        generator: one uniform number per label is drawn from it, copy by copy.

    Returns:
        int64 [N, 1 + alpha]; column 0 is the clean label.

    Raises:
        ValueError: a parameter is out of range or a label lies outside [0, K).

    Reference:
        Rolnick et al. 2017, arXiv:1705.10694, section on structured noise.
    """
    _check_alpha(alpha)
    check_labels(clean_labels, len(order))
    together = structured_matrix(alpha, delta=delta, order=order)
    # The clean label has its part of the shares already: the drawn ones have what is left.
    added = ((1 + alpha) * together - np.eye(len(order))) / max(1, alpha)
    copies = (
        _draw_by_class(added, clean_labels, generator.random(len(clean_labels)))
        for _ in range(alpha)
    )
    return np.column_stack([clean_labels, *copies]).astype(np.int64)


def instance_dependent(
    clean_labels: Labels,
    images: NDArray[np.uint8],
    *,
    num_classes: int,
    noise_rate: float,
    generator: np.random.Generator,
) -> Labels:
    """Redraw each label from its own image's distribution; see `instance_probabilities`.

    Returns:
        int64 [N, 1].

    Raises:
        ValueError: noise_rate is no fraction, or a label lies outside [0, K).
    """
    if not 0.0 <= noise_rate < 1.0:
        raise ValueError(f"noise_rate must be a fraction in [0, 1), got {noise_rate}")
    check_labels(clean_labels, num_classes)
    uniform = generator.random(len(clean_labels))
    rows = instance_probabilities(
        clean_labels, images, num_classes=num_classes, noise_rate=noise_rate, generator=generator
    )
    return _draw(rows, uniform)[:, None]


def realised_noise_rate(noisy_labels: Labels, true_labels: Labels) -> float:
    """Return the measured share of wrong labels, in [0, 1].

    Args:
        noisy_labels: int64 [N, copies].
        true_labels: int64 [N], or [N, copies] where the copies of an image may differ in their
            truth; -1 is no class, and every label wrong.
    """
    truth = true_labels if true_labels.ndim == 2 else true_labels[:, None]
    return float((noisy_labels != truth).mean())


def _draw(rows: NDArray[np.float64], uniform: NDArray[np.float64]) -> Labels:
    """Draw one class per row of probabilities [N, K] with one uniform number each."""
    return np.asarray((uniform[:, None] >= _cumulative(rows)).sum(axis=1), dtype=np.int64)


def _draw_by_class(
    matrix: NDArray[np.float64], classes: Labels, uniform: NDArray[np.float64]
) -> Labels:
    """Draw as `_draw` does from the rows matrix[classes], without an array [N, K] of them."""
    cumulative, drawn = _cumulative(matrix), np.empty(len(classes), dtype=np.int64)
    ends = np.cumsum(np.bincount(classes, minlength=len(matrix)))[:-1]
    for row, members in zip(cumulative, np.split(np.argsort(classes), ends), strict=True):
        drawn[members] = np.searchsorted(row, uniform[members], side="right")
    return drawn


def _cumulative(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    cumulative = rows.cumsum(axis=1)
    # Exactly 1 at the end: a sum of floats just below 1 could send a label past the last class.
    cumulative[:, -1] = 1.0
    return cumulative


def _check_alpha(alpha: int) -> None:
    if alpha < 0:
        raise ValueError(f"alpha must be at least 0, got {alpha}")


def check_labels(labels: Labels, num_classes: int) -> None:
    """Check that all labels lie in [0, K).

    Raises:
        ValueError: one does not.
    """
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"labels must lie in [0, {num_classes}), got {labels.min()}..{labels.max()}"
        )
