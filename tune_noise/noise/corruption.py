"""Wrong labels, drawn once for a whole training set and fixed by example index and generator.

All functions return int64 [N, copies]: the noisy labels that image n lends. Only dilution, and
what is drawn like it, has more than one copy; images are never copied.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tune_noise.noise.instance import instance_probabilities
from tune_noise.noise.structured import structured_matrix
from tune_noise.noise.transition import (
    asymmetric,
    check_transition_matrix,
    pair_flip,
    symmetric,
)

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
    return _draw(matrix[clean_labels], generator.random(len(clean_labels)))[:, None]


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
    _check_labels(clean_labels, num_classes)
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
    _check_labels(clean_labels, len(order))
    together = structured_matrix(alpha, delta=delta, order=order)
    # The clean label has its part of the shares already: the drawn ones have what is left.
    own = ((1 + alpha) * together - np.eye(len(order))) / max(1, alpha)
    copies = (_draw(own[clean_labels], generator.random(len(clean_labels))) for _ in range(alpha))
    return np.column_stack([clean_labels, *copies]).astype(np.int64)


def instance_dependent(
    clean_labels: Labels,
    images: NDArray[np.uint8],
    *,
    num_classes: int,
    noise_rate: float,
    generator: np.random.Generator,
) -> Labels:
    """Redraw each label from a distribution of its image's own; see `instance_probabilities`.

    Returns:
        int64 [N, 1].

    Raises:
        ValueError: noise_rate is no fraction, or a label lies outside [0, K).
    """
    if not 0.0 <= noise_rate < 1.0:
        raise ValueError(f"noise_rate must be a fraction in [0, 1), got {noise_rate}")
    _check_labels(clean_labels, num_classes)
    uniform = generator.random(len(clean_labels))
    rows = instance_probabilities(
        clean_labels, images, num_classes=num_classes, noise_rate=noise_rate, generator=generator
    )
    return _draw(rows, uniform)[:, None]


class _Kind(NamedTuple):
    """A kind of noise: the parameters that it needs, and how it draws with them."""

    needs: tuple[str, ...]
    draw: Callable[..., Labels]


def _flip_by(matrix_of: Callable[..., NDArray[np.float64]]) -> Callable[..., Labels]:
    def draw(
        clean: Labels, *, num_classes: int, generator: np.random.Generator, **given: Any
    ) -> Labels:
        return flip(clean, matrix_of(num_classes, **given), generator=generator)

    return draw


def _flip_by_file(
    clean: Labels, *, num_classes: int, generator: np.random.Generator, matrix: Any
) -> Labels:
    return flip(clean, matrix, generator=generator)


def _structured(
    clean: Labels, *, num_classes: int, generator: np.random.Generator, **given: Any
) -> Labels:
    return structured(clean, generator=generator, **given)


def _copied(
    clean: Labels, *, num_classes: int, generator: np.random.Generator, labels: Labels
) -> Labels:
    _check_labels(clean, num_classes)
    _check_labels(labels, num_classes)
    if len(labels) != len(clean):
        raise ValueError(f"there must be a label for each of {len(clean)} examples: {len(labels)}")
    return labels.astype(np.int64)[:, None]


def _as_they_come(clean: Labels, *, num_classes: int, generator: np.random.Generator) -> Labels:
    _check_labels(clean, num_classes)
    return clean.astype(np.int64)[:, None]


KINDS: Mapping[str, _Kind] = {
    "dilution": _Kind(("alpha",), dilute),
    "structured": _Kind(("alpha", "delta", "order"), _structured),
    # Its labels are those of dilution; what differs is the images that the added ones go with.
    "foreign": _Kind(("alpha",), dilute),
    "symmetric": _Kind(("noise_rate",), _flip_by(symmetric)),
    "pair_flip": _Kind(("noise_rate",), _flip_by(pair_flip)),
    "asymmetric": _Kind(("noise_rate", "class_map"), _flip_by(asymmetric)),
    "matrix": _Kind(("matrix",), _flip_by_file),
    "instance": _Kind(("noise_rate", "images"), instance_dependent),
    "human": _Kind(("labels",), _copied),
    "given": _Kind((), _as_they_come),
}


def corrupt(
    noise: str,
    clean_labels: Labels,
    *,
    num_classes: int,
    generator: np.random.Generator,
    **parameters: Any,
) -> Labels:
    """The noisy labels of a training set under one of the named kinds of noise.

    Args:
        noise: one of KINDS.
        clean_labels: int64 [N]; with `given` the labels as they come, which stay as they are.
        num_classes: K, at least 2.
        generator: source of the draws.
        **parameters: what the kind needs; None is as good as absent, and what it does not need is
            ignored. `alpha`: see `dilute`; `delta`, `order`: see `structured`; `noise_rate`: see
            the kind's own function; `class_map`: see `asymmetric`; `matrix`: T, float64 [K, K];
            `images`: uint8 [N, ...]; `labels`: int64 [N], those of people.

    Returns:
        int64 [N, copies]: copies = 1 + alpha for dilution, structured and foreign, else 1.

    Raises:
        ValueError: unknown noise, a missing parameter, or one out of range.
    """
    kind = KINDS.get(noise)
    needed = {name: parameters.get(name) for name in kind.needs} if kind else parameters
    if kind is None or any(value is None for value in needed.values()):
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in needed.items())
        raise ValueError(f"noise {noise!r} with {shown or 'nothing'} is not defined")
    return kind.draw(clean_labels, num_classes=num_classes, generator=generator, **needed)


def realised_noise_rate(noisy_labels: Labels, true_labels: Labels) -> float:
    """Measured share of wrong labels, in [0, 1].

    Args:
        noisy_labels: int64 [N, copies].
        true_labels: int64 [N], or [N, copies] where the copies of an image may differ in their
            truth; -1 is no class, and every label wrong.
    """
    truth = true_labels if true_labels.ndim == 2 else true_labels[:, None]
    return float((noisy_labels != truth).mean())


def _draw(rows: NDArray[np.float64], uniform: NDArray[np.float64]) -> Labels:
    """One class per row of probabilities [N, K], from a uniform number each."""
    cumulative = rows.cumsum(axis=1)
    # Exactly 1 at the end: a sum of floats just below 1 could send a label past the last class.
    cumulative[:, -1] = 1.0
    return np.asarray((uniform[:, None] >= cumulative).sum(axis=1), dtype=np.int64)


def _shown(value: Any) -> str:
    return f"{type(value).__name__}{value.shape}" if isinstance(value, np.ndarray) else str(value)


def _check_alpha(alpha: int) -> None:
    if alpha < 0:
        raise ValueError(f"alpha must be at least 0, got {alpha}")


def _check_labels(labels: Labels, num_classes: int) -> None:
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"labels must lie in [0, {num_classes}), got {labels.min()}..{labels.max()}"
        )
