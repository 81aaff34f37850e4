"""Raw data: examples as they were read, before an encoder makes inputs of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from tune_noise.config.frozen import Frozen

if TYPE_CHECKING:
    import pandas as pd

# What a raw input is: a vector of numbers, an array of pixels, the path of a picture, a text, or a
# row of a table.
RawKind = Literal["features", "pixels", "photos", "texts", "table"]
IN_WORDS: Mapping[RawKind, str] = {
    "features": "vectors of numbers",
    "pixels": "pictures in an array",
    "photos": "files of pictures",
    "texts": "texts",
    "table": "rows of a table",
}
_LONGEST_EXAMPLE = 500


class RawForm(Frozen):
    """How raw data were read, so that new inputs can be read in the same way.

    It travels with a model. The names are those of columns or of arrays.

    Attributes:
        kind: of every raw input.
        columns: what the inputs are, in the order of training: the columns of a table or of
            features, or the one of texts or of paths; empty where inputs have no names, as in an
            array or a folder of pictures.
        words: the columns of a table that hold words, although they may look like numbers; the
            others hold numbers.
        label: where the labels stand; None where no column or array holds them.
        true_label: where the true labels stand.
        id: where the ids stand.
        separator: between the columns of a CSV file; None where it was found.
        decimal: decimal sign of a CSV file; None where it was found.
        encoding: of a text file; None: UTF-8.
        example: one input, a value for each column; empty where arrays hold the inputs.
    """

    kind: RawKind
    columns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    label: str | None = None
    true_label: str | None = None
    id: str | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    example: list[Any] = Field(default_factory=list)

    def with_example(self, inputs: "np.ndarray | pd.DataFrame") -> Self:
        """Return a form whose example is the first of some raw inputs, shortened."""
        if self.kind in ("features", "pixels"):
            return self
        values = [inputs[0]] if isinstance(inputs, np.ndarray) else inputs.iloc[0].tolist()
        if self.kind == "photos":  # where it lies on this machine is nobody's business
            values = [PurePath(path).name for path in values]
        shortened = [v[:_LONGEST_EXAMPLE] if isinstance(v, str) else _finite(v) for v in values]
        return self.model_copy(update={"example": shortened})


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


@dataclass(frozen=True, eq=False)
class RawSplit:
    """The examples of one split, as they were read.

    Attributes:
        inputs: features: float32 [N, D], perhaps memory-mapped; pixels: uint8 [N, C, H, W];
            photos: paths, text [N]; texts: text [N]; table: a DataFrame of N rows.
        labels: words, object [N], None where a label is missing; None where no example has one.
        true_labels: the same for the truth; None where it is unknown.
        ids: text [N]; None where the data have none.
        notes: of new inputs, sentences that say how they were read.
        label_place, label_rows: as in `parts.Part`.
    """

    inputs: "np.ndarray | pd.DataFrame"
    labels: np.ndarray | None
    true_labels: np.ndarray | None = None
    ids: np.ndarray | None = None
    notes: Sequence[str] = ()
    label_place: str = ""
    label_rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class RawData:
    """One's own data as they were read.

    Attributes:
        name: of the file or folder.
        kind: of every raw input.
        form: how they were read.
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
    form: RawForm | None = None
    reading: Sequence[str] = field(default_factory=tuple)
    warnings: Sequence[str] = field(default_factory=tuple)
