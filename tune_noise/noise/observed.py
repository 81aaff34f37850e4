"""Labels counted by class: what is seen of a noise transition matrix, and how it is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class LabelCounts:
    """The numbers of labels that the images of each class bear.

    Attributes:
        labels: float64 [K, K], rows the classes that images were taken to be of.
        squares: float64 [K, K], the sum over images of the square of what each adds to `labels`:
            the labels of one image are not independent, and this says how far. Equal to `labels`
            where an image has one label.
        images: float64 [K], behind each row.
        copies: labels of an image.
    """

    labels: Floats
    squares: Floats
    images: Floats
    copies: int

    @property
    def matrix(self) -> Floats:
        """Share of each label in its row, [K, K]; NaN in a row without an image."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.labels / (self.images * self.copies)[:, None])

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        """Return the counts of both, whose labels were drawn apart from each other."""
        return LabelCounts(
            self.labels + other.labels,
            self.squares + other.squares,
            self.images + other.images,
            self.copies,
        )

    def divided(self, by: int) -> "LabelCounts":
        """Return the counts of so many times fewer images: of sums over the same labels."""
        return LabelCounts(self.labels / by, self.squares / by, self.images / by, self.copies)

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain values; cells that hold nothing are left out."""
        cells = np.flatnonzero(self.labels)
        plain = {
            "copies": self.copies,
            "images": _plain(self.images),
            "cells": cells.tolist(),
            "labels": _plain(self.labels.ravel()[cells]),
        }
        if self.copies > 1:
            plain["squares"] = _plain(self.squares.ravel()[cells])
        return plain

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "LabelCounts":
        """Return the counts that `to_plain` wrote."""
        images = np.array(values["images"], dtype=np.float64)
        labels, squares = (
            _dense(values["cells"], values.get(name, values["labels"]), len(images))
            for name in ("labels", "squares")
        )
        return cls(labels, squares, images, values["copies"])


def count_labels(classes: Labels, noisy_labels: Labels, num_classes: int) -> LabelCounts:
    """Count the labels of images by the class that they are taken to be of.

    Args:
        classes: int64 [N], in [0, K).
        noisy_labels: int64 [N, copies].
        num_classes: K.

    Example:
        >>> count_labels(np.array([0, 0, 1]), np.array([[0], [1], [1]]), 2).matrix
        array([[0.5, 0.5],
               [0. , 1. ]])
    """
    number, copies = noisy_labels.shape
    # Image and label as one number: how often an image bears a label is how often it occurs.
    pairs = np.arange(number)[:, None] * num_classes + noisy_labels
    values, times = np.unique(pairs, return_counts=True)
    cells = classes[values // num_classes] * num_classes + values % num_classes

    def table(weights: Labels) -> Floats:
        flat = np.bincount(cells, weights=weights, minlength=num_classes**2)
        return np.asarray(flat, dtype=np.float64).reshape(num_classes, num_classes)

    images = np.bincount(classes, minlength=num_classes).astype(np.float64)
    return LabelCounts(table(times), table(times**2), images, copies)


def total(counts: Sequence[LabelCounts]) -> LabelCounts:
    """Return the sum of at least one."""
    return reduce(LabelCounts.__add__, counts)


def _plain(values: Floats) -> list[int]:
    return [int(value) for value in values]


def _dense(cells: Sequence[int], values: Sequence[int], num_classes: int) -> Floats:
    matrix = np.zeros(num_classes**2)
    matrix[np.asarray(cells, dtype=np.int64)] = values
    return matrix.reshape(num_classes, num_classes)
