"""New raw inputs, given in Python: brought into the form that a model was trained on."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data.sources.raw import RawForm
from tune_noise.errors import ConfigError, DataError, Problem, suggestion

if TYPE_CHECKING:
    import pandas as pd

_MAX_LISTED = 10


def arrange_inputs(inputs: Any, form: RawForm) -> Any:
    """Return new raw inputs in the form of those of training, as `RawSplit.inputs` describes it.

    A DataFrame gives its columns by name, in whatever order they stand. Columns that the model was
    not trained on are not used.

    Args:
        inputs: a DataFrame; an array of features or pixels; a list, an array or a Series of texts
            or of paths.
        form: how the training data were read.

    Raises:
        DataError: the inputs are not like those of training; all problems are listed at once.
    """
    import pandas as pd

    if isinstance(inputs, pd.DataFrame):
        arranged, problems = _from_frame(inputs, form)
    elif form.kind in ("texts", "photos"):
        arranged, problems = _from_values(inputs, form, "inputs")
    else:
        arranged, problems = _from_array(inputs, form)
    if problems:
        raise DataError(str(ConfigError("the input", problems)))
    return arranged


def listed(words: Iterable[object]) -> str:
    """Return the first ten words of a list; a longer one helps nobody."""
    words = list(words)
    return ", ".join(map(str, words[:_MAX_LISTED])) + (", ..." if words[_MAX_LISTED:] else "")


def _from_frame(frame: "pd.DataFrame", form: RawForm) -> tuple[Any, list[Problem]]:
    if form.kind == "pixels":
        return None, [Problem("inputs", "must be an array of pixels, not a table")]
    # An array of features has no names: the columns are then taken as they stand.
    names = list(form.columns or (("image",) if form.kind == "photos" else frame.columns))
    missing = [name for name in names if name not in frame.columns]
    if missing:
        near = suggestion(missing[0], map(str, frame.columns))
        return None, [Problem("columns", f"{listed(missing)}: missing from the table; {near}")]
    table = frame[names].reset_index(drop=True)
    if not table.columns.is_unique:
        twice = dict.fromkeys(table.columns[table.columns.duplicated()])
        return None, [Problem("columns", f"{listed(twice)}: there more than once; keep one")]
    if form.kind in ("texts", "photos"):
        return _from_values(table.iloc[:, 0], form, str(names[0]))
    problems = [problem for name in names for problem in _column_problems(table[name], form)]
    if problems:
        return None, problems
    if form.kind == "features":
        return _checked_features(table.to_numpy(np.float32), names)
    return table.astype({name: np.float64 for name in names if name not in form.words}), []


def _column_problems(column: "pd.Series[Any]", form: RawForm) -> Iterator[Problem]:
    import pandas as pd

    values = column.dropna()
    if column.name in form.words:
        wrong = [value for value in values.tolist() if not isinstance(value, str)]
        rule = (
            "must be a word, as in training, where 7, 7.0 and 07 differ: read the column as text, "
            f"e.g. by pandas.read_csv(..., dtype={{{column.name!r}: str}})"
        )
    else:
        is_numeric = pd.api.types.is_numeric_dtype(values)
        wrong = [] if is_numeric else [v for v in values.tolist() if not _is_number(v)]
        rule = "must be a number, as in training: correct it, or leave it empty"
    if wrong:
        more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
        yield Problem(str(column.name), f"{wrong[0]!r}{more} {rule}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)


def _from_array(inputs: Any, form: RawForm) -> tuple[Any, list[Problem]]:
    if form.kind == "table":
        columns = listed(form.columns)
        return None, [Problem("inputs", f"must be a DataFrame with the columns {columns}")]
    try:
        array = np.asarray(inputs)
    except ValueError as error:  # rows of different lengths
        return None, [Problem("inputs", f"cannot be made an array: {error}")]
    if form.kind == "pixels":
        return array, []
    if array.dtype.kind not in "fiub" or array.ndim != 2:
        given = f"{array.dtype} {list(array.shape)}"
        return None, [Problem("inputs", f"must be numbers [N, D], and not {given}")]
    return _checked_features(array.astype(np.float32), range(array.shape[1]))


def _checked_features(
    features: np.ndarray, names: Sequence[object]
) -> tuple[np.ndarray, list[Problem]]:
    row, column = next(zip(*np.nonzero(~np.isfinite(features)), strict=True), (None, None))
    if row is None or column is None:
        return np.ascontiguousarray(features), []
    value = features[row, column]
    message = f"{value} in row {row} must be a number: features have no gaps"
    return features, [Problem(f"feature {names[column]}", message)]


def _from_values(values: Any, form: RawForm, place: str) -> tuple[Any, list[Problem]]:
    """Take texts or paths."""
    noun = "text" if form.kind == "texts" else "path of a picture"
    if isinstance(values, str | os.PathLike):
        return None, [Problem(place, f"must be a list: put the one {noun} into brackets")]
    array = np.array([os.fspath(v) if isinstance(v, os.PathLike) else v for v in values], object)
    wrong = islice((i for i, value in enumerate(array) if not isinstance(value, str)), 1)
    problems = [Problem(place, f"{array[i]!r} in row {i} must be a {noun}") for i in wrong]
    if form.kind == "photos" and not problems:
        gone = [path for path in array if not os.path.isfile(path)]
        problems = [Problem(place, f"{listed(gone)}: there is no such file")] if gone else []
    return array, problems
