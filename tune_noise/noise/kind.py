"""A kind of noise: a class whose objects draw labels with the values of its declared fields."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tune_noise.declaration import NoiseDeclaration
from tune_noise.noise.corruption import Labels, flip

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Material:
    """Something that a kind of noise needs beside the data set: a file, other images, an order.

    It is loaded once, by the process that runs the search, and sent to the trials with the data.

    Attributes:
        key: its name among the data set's extras; the same material has the same key.
        field: the field that names it, for messages.
        reader: `package.module:function`, called as `reader(dataset, data_dir=..., **arguments)`;
            it returns an array, or raises `errors.DataError`.
        arguments: of the reader.
        size: of several with the same key the largest is loaded, and serves all of them.
    """

    key: str
    field: str
    reader: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class NoiseFacts:
    """The facts of a data set that a kind of noise may use.

    Attributes:
        num_classes: K, at least 2.
        dataset: the data set as the configuration names it, perhaps by a path.
        name: the data set's own name.
        inputs: uint8 [N, C, H, W] or float32 [N, D], of the whole training set.
        extras: material by its key.
        seed: the configuration's `noise_seed`, for what is drawn apart from the labels.
    """

    num_classes: int
    dataset: str = ""
    name: str = ""
    inputs: NDArray[Any] = dataclasses.field(
        default_factory=lambda: np.empty((0, 1, 1, 1), np.uint8)
    )
    extras: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    seed: int = 0


class Noise:
    """The base of all kinds of noise.

    A kind of noise is a frozen dataclass that derives from this class. It has a `declaration`, and
    an attribute for each declared field. It overrides `matrix` where all images of a class share
    one distribution of labels; otherwise it overrides `draw`.
    """

    declaration: ClassVar[NoiseDeclaration]

    @property
    def material(self) -> Material | None:
        """The material that must be loaded before labels can be drawn; None: nothing."""
        return None

    def problems(self, facts: NoiseFacts) -> Iterable[tuple[str, str]]:
        """Return a field and a message for each reason why this data set cannot be used.

        Args:
            facts: of the data set, without the material.
        """
        return ()

    def matrix(self, facts: NoiseFacts) -> Matrix | None:
        """Return T[i, j] = P(noisy label j given clean label i), float64 [K, K], if it is known.

        Where an image lends several labels, T is that of all of them together.

        Raises:
            KeyError: the material has not been loaded.
        """
        return None

    def draw(
        self, clean_labels: Labels, facts: NoiseFacts, generator: np.random.Generator
    ) -> Labels:
        """Return the noisy labels of all training images, int64 [N, labels per image].

        Args:
            clean_labels: int64 [N], in [0, K).
            facts: of the data set, with the material.
            generator: the only source of chance: the same generator gives the same labels.

        Raises:
            ValueError: a value or a label is out of range.
            KeyError: the material has not been loaded.
        """
        matrix = self.matrix(facts)
        if matrix is None:
            raise NotImplementedError(f"{type(self).__name__} must override matrix or draw")
        return flip(clean_labels, matrix, generator=generator)
