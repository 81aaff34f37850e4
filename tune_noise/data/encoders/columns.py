"""Rows of a table as numbers: medians in gaps, frequent words one-hot."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tune_noise.data.encoders.protocol import State
from tune_noise.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Of a day, the unit of points in time.
_MICROSECONDS = 86_400e6
_MAX_LISTED = 5


class Columns:
    """Numbers with a mark for gaps, and words one-hot with a column for all others.

    A column of numbers becomes the number, with the training median in gaps, and, where the
    training part has gaps, a column that is 1 there. A column of words becomes one column for each
    word that two training rows or more have, at most `max_categories` of them, and one for gaps
    and for all other words. Scaling is the trial's.

    Args:
        max_categories: most words of a column that get a column of their own.
    """

    def __init__(self, max_categories: int) -> None:
        self._max_categories = max_categories
        # Column -> its training median; of those with gaps, whether there were some.
        self._medians: dict[str, float] = {}
        self._with_gaps: list[str] = []
        # Column -> the words that have a column of their own.
        self._words: dict[str, list[str]] = {}

    def fit(self, inputs: "pd.DataFrame") -> None:
        """Learn medians and frequent words from the rows of the training part."""
        for name in map(str, inputs.columns):
            numbers = _numbers(inputs[name])
            if numbers is None:
                words = _words(inputs[name])
                counts = words[words != ""].value_counts()
                # Ties are broken by the word, so that the order of rows does not matter.
                ranked = sorted(counts[counts >= 2].items(), key=lambda pair: (-pair[1], pair[0]))
                self._words[name] = [str(word) for word, _ in ranked[: self._max_categories]]
            else:
                gaps = np.isnan(numbers)
                # A column of gaps alone says nothing: any number does.
                self._medians[name] = 0.0 if gaps.all() else float(np.median(numbers[~gaps]))
                if gaps.any() and not gaps.all():
                    self._with_gaps.append(name)

    def encode(self, inputs: "pd.DataFrame") -> np.ndarray:
        """Return float32 [n, D].

        Raises:
            DataError: a column is missing, or holds words where training had numbers.
        """
        problems = []
        columns: list[np.ndarray] = []
        for name in [*self._medians, *self._words]:
            if name not in inputs:
                problems.append(f"column {name!r} is missing")
            elif name in self._words:
                words = _words(inputs[name]).to_numpy()
                listed = [words == word for word in self._words[name]]
                columns += [*listed, ~np.logical_or.reduce([np.zeros(len(words), bool), *listed])]
            elif (numbers := _numbers(_without_words(inputs[name]))) is None:
                strange = _listed_words(inputs[name])
                problems.append(f"column {name!r} held numbers in training, and now {strange}")
            elif np.isinf(numbers).any():
                problems.append(f"column {name!r} holds an infinite number")
            else:
                gaps = np.isnan(numbers)
                columns.append(np.where(gaps, self._medians[name], numbers))
                columns += [gaps] if name in self._with_gaps else []
        if problems:
            raise DataError(f"encoder columns: {'; '.join(problems)}")
        if not columns:
            raise DataError("encoder columns: the table has no column beside the labels")
        return np.stack(columns, axis=1).astype(np.float32)

    def state(self) -> State:
        """Return all that was learnt: arrays by name, and plain values for JSON."""
        values = {"medians": self._medians, "with_gaps": self._with_gaps, "words": self._words}
        return {}, values

    def load_state(self, state: State) -> Self:
        """Take over what was learnt, and return the encoder."""
        _, values = state
        self._medians = {str(name): float(value) for name, value in values["medians"].items()}
        self._with_gaps = list(map(str, values["with_gaps"]))
        self._words = {str(k): list(map(str, words)) for k, words in values["words"].items()}
        return self


def _numbers(column: "pd.Series[Any]") -> np.ndarray | None:
    """Return a column as float64 with NaN in gaps; None if it holds words."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        moments = column.to_numpy("datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype(np.float64) / _MICROSECONDS)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    return None


def _without_words(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column of gaps alone, whose type says nothing, as one of numbers."""
    return column.astype("float64") if column.isna().all() else column


def _words(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column as text, empty in gaps."""
    return column.astype(object).where(column.notna(), "").astype(str)


def _listed_words(column: "pd.Series[Any]") -> str:
    words = _words(column).unique()[:_MAX_LISTED]
    return ", ".join(map(repr, words.tolist()))
