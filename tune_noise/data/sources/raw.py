"""Raw data: examples as they were read, before an encoder makes inputs of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# What a raw input is: a vector of numbers, an array of pixels, the path of a picture, a text, or a
# row of a table.
RawKind = Literal["features", "pixels", "photos", "texts", "table"]


@dataclass(frozen=True, eq=False)
class RawSplit:
    """The examples of one split, as they were read.

    Attributes:
        inputs: features: float32 [N, D], perhaps memory-mapped; pixels: uint8 [N, C, H, W];
            photos: paths, text [N]; texts: text [N]; table: a DataFrame of N rows.
        labels: words, object [N], None where a label is missing; None where no example has one.
        true_labels: the same for the truth; None where it is unknown.
        ids: text [N]; None where the data have none.
    """

    inputs: "np.ndarray | pd.DataFrame"
    labels: np.ndarray | None
    true_labels: np.ndarray | None = None
    ids: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class RawData:
    """One's own data as they were read.

    Attributes:
        name: of the file or folder.
        kind: of every raw input.
        train: the training split; all examples where no split was given.
        validation: the given validation split, or None.
        test: the given test split, or None.
        class_names: the words of the training and validation labels, in the order of their
            numbers: by code point, and numbers by value.
        answers: of several annotators, by item of the training split: int64 [N, W], the class
            number that annotator w gave, -1 where there is no answer; None where there is one
            label each.
        annotators: text [W].
        reading: sentences that say how the data were understood.
        warnings: sentences about what is odd, and was left as it is.
    """

    name: str
    kind: RawKind
    train: RawSplit
    validation: RawSplit | None = None
    test: RawSplit | None = None
    class_names: tuple[str, ...] = ()
    answers: np.ndarray | None = None
    annotators: np.ndarray | None = None
    reading: Sequence[str] = field(default_factory=tuple)
    warnings: Sequence[str] = field(default_factory=tuple)
