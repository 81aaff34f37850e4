"""Confirmations that tell of the noise, as their `end` events hold it."""

from dataclasses import replace
from typing import Any

import numpy as np

from tests.support.histories import FRESH_SEEDS, Builder, epoch
from tune_noise.noise import count_confusion, count_labels

# Training labels by true class; one in four is wrong.
TRUE = [[75, 25], [25, 75]]


def told(
    *,
    networks: int = 1,
    rows: tuple[int, int] = (8, 8),
    true: list[list[int]] | None = TRUE,
    bound: float | None = 0.9,
) -> dict[str, Any]:
    """Two classes; one label in four of each is of the other class.

    Args:
        networks: that see the same.
        rows: images taken to be of each class, multiples of four.
        true: training labels by true class.
        bound: of accuracy.
    """
    classes = np.repeat([0, 1], rows)
    noisy = np.where(np.arange(len(classes)) % 4 == 0, 1 - classes, classes)[:, None]
    counts = count_labels(np.tile(classes, networks), np.tile(noisy, (networks, 1)), 2)
    return {
        "networks": networks,
        "seen": counts.to_plain(),
        "true": None if true is None else _plain(true),
        "accuracy_bound": bound,
        "accuracy_bound_se": None if bound is None else 0.03,
    }


def told_classes(true: list[list[int]] | None, noisy: list[list[int]]) -> dict[str, Any]:
    """What `told` says, with confusion matrices: rows labels, columns predicted classes."""

    def plain(table: list[list[int]]) -> dict[str, Any]:
        cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
        labels, predicted = np.array(cells).T
        return count_confusion(labels[:, None], predicted[None], len(table)).to_plain()

    confusion = {"true": None if true is None else plain(true), "noisy": plain(noisy)}
    return told() | {"confusion": confusion}


def _plain(table: list[list[int]]) -> dict[str, Any]:
    cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    classes, labels = np.array(cells).T
    return count_labels(classes, labels[:, None], len(table)).to_plain()


def add_confirmations(build: Builder, noises: list[Any], **metrics: float) -> None:
    """A finalist whose seeds tell this of the noise; None is a seed that tells nothing."""
    finalist = build.add(epoch(1.0))
    for number, (seed, noise) in enumerate(zip(FRESH_SEEDS, noises, strict=False)):
        build.add(epoch(1.0 + 0.01 * number, **metrics), finalist=finalist, seed=seed)
        if noise is not None:
            end = build.events[-1]
            build.events[-1] = replace(end, data={**end.data, "noise": noise})
