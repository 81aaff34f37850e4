"""Which classes are predicted for the images of each class, and how it is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix without the cells in which nothing is: of thousands of classes most are.

    Attributes:
        num_classes: K.
        cells: int64 [cells], class of the label * K + predicted class, in ascending order.
        counts: float64 [cells], images, each the mean over the networks that predict.
    """

    num_classes: int
    cells: Labels
    counts: Floats

    @property
    def rows(self) -> Labels:
        """The class of the label in each cell."""
        return self.cells // self.num_classes

    @property
    def columns(self) -> Labels:
        """The predicted class in each cell."""
        return self.cells % self.num_classes

    @property
    def images(self) -> Floats:
        """The number of images of each class, [K]."""
        return self._by_class(self.rows, self.counts)

    @property
    def predictions(self) -> Floats:
        """How often each class is predicted, [K]."""
        return self._by_class(self.columns, self.counts)

    @property
    def right(self) -> Floats:
        """The number of images of each class that are predicted to be of it, [K]."""
        return self._by_class(self.rows, self.counts * (self.rows == self.columns))

    def _by_class(self, classes: Labels, counts: Floats) -> Floats:
        sums = np.bincount(classes, weights=counts, minlength=self.num_classes)
        return sums.astype(np.float64, copy=False)

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "classes": self.num_classes,
            "cells": self.cells.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Confusion":
        """Return what `to_plain` wrote."""
        cells = np.array(values["cells"], dtype=np.int64)
        return cls(values["classes"], cells, np.array(values["counts"], dtype=np.float64))


def count_confusion(labels: Labels, predicted: Labels, num_classes: int) -> Confusion:
    """Count images by the class of their label and the predicted class.

    Args:
        labels: int64 [N, copies]; an image counts once for each class that its labels name.
        predicted: int64 [P, N], by each network.
        num_classes: K.
    """
    images = np.arange(len(labels))[:, None]
    borne = np.unique(images * num_classes + labels)
    images, classes = borne // num_classes, borne % num_classes
    cells, counts = np.unique(classes * num_classes + predicted[:, images], return_counts=True)
    return Confusion(num_classes, cells, counts / len(predicted))


def mean_confusion(confusions: Sequence[Confusion]) -> Confusion:
    """Return the mean of at least one."""
    cells, places = np.unique(
        np.concatenate([confusion.cells for confusion in confusions]), return_inverse=True
    )
    counts = np.concatenate([confusion.counts for confusion in confusions])
    sums = np.bincount(places, weights=counts, minlength=len(cells))
    return Confusion(confusions[0].num_classes, cells, sums / len(confusions))
