"""A data set: inputs of one kind and their labels, as arrays in memory."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import numpy as np

from tune_noise.data.encoders.protocol import State
from tune_noise.data.sources.raw import RawForm
from tune_noise.data.splits import validation_size

Kind = Literal["pictures", "features"]


def kind_of(inputs: np.ndarray) -> Kind:
    """Return the kind of inputs: pictures are uint8 [N, C, H, W], features float32 [N, D]."""
    return "pictures" if inputs.dtype == np.uint8 else "features"


def describe_inputs(shape: Sequence[int]) -> str:
    """Return in words what inputs of a shape are.

    Example:
        >>> describe_inputs((1, 8, 8)), describe_inputs((768,))
        ('images of 8 x 8 with 1 channel', 'vectors of 768 features')
    """
    if len(shape) == 1:
        return f"vectors of {shape[0]} feature{'' if shape[0] == 1 else 's'}"
    channels, height, width = shape
    return f"images of {height} x {width} with {channels} channel{'' if channels == 1 else 's'}"


# eq=False: comparing arrays with == gives an array, not an answer; compare fingerprints.
@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs with their labels as given, the true labels where they are known, and a test split.

    An input is a picture, uint8 [C, H, W], or a vector of features, float32 [D]; all inputs of a
    data set are of one kind and shape. The arrays are made read-only: they are shared by all
    trials, as they are in Ray's object store.

    Attributes:
        name: the registered name, or the file name of an .npz file.
        train_inputs: uint8 [N, C, H, W] or float32 [N, D].
        train_labels: int64 [N] in 0..K-1, the labels as they are given.
        true_labels: int64 [N], the truth of the training labels, or None where it is unknown.
        test_inputs: [N_test, ...] of the same kind, or None where there is no test split.
        test_labels: int64 [N_test], clean; None exactly where test_inputs is None.
        num_classes: K, at least 2.
        num_validation: how many training examples, the last ones, are a validation split that
            the data came with; None where it is to be split off.
        class_names: the K words that people read for the classes; None where they are numbers.
        train_ids: the user's own name for each training example, text [N]; None where the data
            have none.
        test_ids: the same for test examples.
        unlabelled_inputs: [U, ...], inputs whose label is missing: nothing trains or validates on
            them. None where every example has a label.
        unlabelled_ids: text [U]; None where the data have no ids.
        answers: int64 [N, W], the class that each of several annotators gave to each training
            example, -1 where there is none; every example has one. The training labels are then
            the majority's (`data.aggregation.majority`). None where each example has one label.
        annotators: names of the W annotators; None exactly where answers is None.
        first_equals: int64 [N + N_test], for each training and then each test example the first
            one with the same raw input; None where inputs are compared as they are.
        encoder: what made the inputs of raw inputs, in plain values: `name`, `fields`, `takes`,
            `version`, and `digest`, which stands for it, for what it was fitted on and for all raw
            inputs but the unlabelled ones; None for inputs that are used as they came.
        encoder_state: what it has learnt; see `data.encoders.stored`.
        form: how the raw inputs were read; None for a data set that holds no raw inputs.
        shown: what people are shown of each training example, object [N]: a text, the path of a
            picture, or the row of a table in short; None where there is nothing to read.
        reading: how a file was understood, in a sentence; None where there was nothing to say.
        warnings: sentences about what is odd in the data, and was left as it is.
        extras: what a noise needs beside the data, e.g. the labels of people, by a name of its own;
            see `training.material`.
    """

    name: str
    train_inputs: np.ndarray
    train_labels: np.ndarray
    true_labels: np.ndarray | None
    test_inputs: np.ndarray | None
    test_labels: np.ndarray | None
    num_classes: int
    num_validation: int | None = None
    class_names: tuple[str, ...] | None = None
    train_ids: np.ndarray | None = None
    test_ids: np.ndarray | None = None
    unlabelled_inputs: np.ndarray | None = None
    unlabelled_ids: np.ndarray | None = None
    answers: np.ndarray | None = None
    annotators: tuple[str, ...] | None = None
    first_equals: np.ndarray | None = None
    encoder: Mapping[str, Any] | None = None
    encoder_state: State | None = None
    form: RawForm | None = None
    shown: np.ndarray | None = None
    reading: str | None = None
    warnings: tuple[str, ...] = ()
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Protect the arrays from being changed by one of their many readers."""
        for array in self._arrays.values():
            array.setflags(write=False)

    @property
    def kind(self) -> Kind:
        """The kind of every input."""
        return kind_of(self.train_inputs)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of every input: (C, H, W) of a picture, (D,) of features."""
        return self.train_inputs.shape[1:]

    @property
    def clean_labels(self) -> np.ndarray:
        """The true labels, int64 [N]; the training labels where no others are named."""
        return self.train_labels if self.true_labels is None else self.true_labels

    def validation_size(self, val_fraction: float) -> int:
        """Return how many inputs validate: those of the given split, else a share."""
        if self.num_validation is not None:
            return len(np.unique(self.input_of[-self.num_validation :]))
        return validation_size(self.num_inputs, val_fraction)

    def place_of(self, example: int) -> tuple[str, int]:
        """Return the split, `train` or `validation`, and the position there of a training example.

        Only a given validation split has positions of its own.
        """
        first = len(self.train_labels) - (self.num_validation or 0)
        return ("train", example) if example < first else ("validation", example - first)

    @cached_property
    def _first_equals(self) -> np.ndarray:
        if self.first_equals is not None:
            return self.first_equals
        tests = () if self.test_inputs is None else self.test_inputs
        return _first_equals(chain(self.train_inputs, tests))

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

        The name and the ids have no part in it: a renamed file is still the same data, and so have
        inputs that nothing is trained on. A mark for equal inputs tells a search that keeps them
        together from an earlier one that did not. Inputs that an encoder made are known by the raw
        inputs and the encoder, as another machine may round otherwise.
        """
        digest = hashlib.sha256(f"num_classes={self.num_classes}".encode())
        for name in ("num_validation", "class_names"):
            if (value := getattr(self, name)) is not None:
                digest.update(f"/{name}={value!r}".encode("utf-8", "surrogatepass"))
        if self.encoder is not None:
            digest.update(f"/encoder={self.encoder['digest']}".encode())
        for role, array in self._arrays.items():
            if self.encoder is not None and role.endswith("_inputs"):
                digest.update(f"/{role}:{len(array)}".encode())
                continue
            if self.kind == "pictures":
                # As it was written before there were other kinds: the same data, the same text.
                role = role.replace("_inputs", "_images")
            digest.update(f"/{role}:{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        if self.num_inputs < len(self.train_labels):
            digest.update(b"/split:equal inputs together")
        return digest.hexdigest()[:16]

    @property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        roles = ["train_inputs", "train_labels", "true_labels", "test_inputs", "test_labels"]
        roles.append("answers")
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
