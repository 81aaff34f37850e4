"""A data set: images and labels as arrays in memory."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np

from tune_noise.data.splits import validation_size


# eq=False: comparing arrays with == gives an array, not an answer; compare fingerprints.
@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels as given, the true labels where they are known, and a test split.

    The arrays are made read-only: they are shared by all trials, as they are in Ray's object store.

    Attributes:
        name: the registered name, or the file name of an .npz file.
        train_images: uint8 [N, C, H, W].
        train_labels: int64 [N] in 0..K-1, the labels as they are given.
        true_labels: int64 [N], the truth of the training labels, or None where it is unknown.
        test_images: uint8 [N_test, C, H, W], or None where there is no test split.
        test_labels: int64 [N_test], clean; None exactly where test_images is None.
        num_classes: K, at least 2.
        num_validation: how many training images, the last ones, are a validation split that the
            data came with; None where it is to be split off.
        class_names: the K words that people read for the classes; None where they are numbers.
        reading: how a file was understood, in a sentence; None where there was nothing to say.
        extras: what a noise needs beside the data, e.g. the labels of people, by a name of its own;
            see `training.material`.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    true_labels: np.ndarray | None
    test_images: np.ndarray | None
    test_labels: np.ndarray | None
    num_classes: int
    num_validation: int | None = None
    class_names: tuple[str, ...] | None = None
    reading: str | None = None
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Protect the arrays from being changed by one of their many readers."""
        for array in self._arrays.values():
            array.setflags(write=False)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    @property
    def clean_labels(self) -> np.ndarray:
        """The true labels, int64 [N]; the training labels where no others are named."""
        return self.train_labels if self.true_labels is None else self.true_labels

    def validation_size(self, val_fraction: float) -> int:
        """Return how many inputs validate: those of the given split, else a share."""
        if self.num_validation is not None:
            return len(np.unique(self.input_of[-self.num_validation :]))
        return validation_size(self.num_inputs, val_fraction)

    def place_of(self, image: int) -> tuple[str, int]:
        """Return the split, `train` or `validation`, and the position there of a training image.

        Only a given validation split has positions of its own.
        """
        first = len(self.train_labels) - (self.num_validation or 0)
        return ("train", image) if image < first else ("validation", image - first)

    def class_name(self, label: int) -> str:
        """Return what people read for a class: its name, or its number where it has none."""
        return str(label) if self.class_names is None else self.class_names[label]

    @cached_property
    def _first_equals(self) -> np.ndarray:
        tests = () if self.test_images is None else self.test_images
        return _first_equals(chain(self.train_images, tests))

    @property
    def input_of(self) -> np.ndarray:
        """The first training example with the same input, int64 [N]; its own position if alone."""
        return self._first_equals[: len(self.train_labels)]

    @property
    def test_input_of(self) -> np.ndarray:
        """The same for test examples, int64 [N_test], which are numbered from N on."""
        return self._first_equals[len(self.train_labels) :]

    @property
    def num_inputs(self) -> int:
        """How many different inputs the training examples have."""
        return len(np.unique(self.input_of))

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over all content: the same data, the same text.

        The name has no part in it: a renamed file is still the same data. A mark for equal inputs
        tells a search that keeps them together from an earlier one that did not.
        """
        digest = hashlib.sha256(f"num_classes={self.num_classes}".encode())
        for name in ("num_validation", "class_names"):
            if (value := getattr(self, name)) is not None:
                digest.update(f"/{name}={value!r}".encode("utf-8", "surrogatepass"))
        for role, array in self._arrays.items():
            digest.update(f"/{role}:{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        if self.num_inputs < len(self.train_labels):
            digest.update(b"/split:equal inputs together")
        return digest.hexdigest()[:16]

    @property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        roles = ("train_images", "train_labels", "true_labels", "test_images", "test_labels")
        arrays = {role: getattr(self, role) for role in roles}
        extras = {f"extras/{name}": self.extras[name] for name in sorted(self.extras)}
        return {role: array for role, array in arrays.items() if array is not None} | extras


def _first_equals(inputs: Iterable[np.ndarray]) -> np.ndarray:
    """Return, for each input, the position of the first one with exactly the same bytes, int64 [N].

    Sixteen bytes of digest are kept of each, so the memory does not depend on the inputs' size.
    """
    digests = [
        hashlib.blake2b(np.ascontiguousarray(x).data, digest_size=16).digest() for x in inputs
    ]
    unique = np.unique(np.array(digests, dtype="S16"), return_index=True, return_inverse=True)
    return unique[1][unique[2]].astype(np.int64)
