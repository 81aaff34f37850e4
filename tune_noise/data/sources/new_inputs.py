"""New raw inputs, given in Python: brought into the form that a model was trained on."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data.photos import look_through
from tune_noise.data.sources.checks import check_features
from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.raw import RawForm
from tune_noise.errors import suggestion

if TYPE_CHECKING:
    import pandas as pd

_MAX_FAULTS = 20


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

    notes = Notes("the input")
    if isinstance(inputs, pd.DataFrame):
        arranged = _from_frame(inputs, form, notes)
    elif form.kind in ("texts", "photos"):
        arranged = _from_values(inputs, form, "inputs", notes)
    else:
        arranged = _from_array(inputs, form, notes)
    notes.stop_if_refused()
    check_inputs(arranged, form, notes)
    notes.stop_if_refused()
    return arranged


def check_inputs(inputs: Any, form: RawForm, notes: Notes) -> None:
    """Refuse features that are not finite, and pictures that cannot be read."""
    if form.kind == "features":
        check_features(inputs, form.columns, "features", notes)
    if form.kind == "photos":
        looks = look_through(inputs.tolist(), None)
        faults = [
            (path, look.fault) for path, look in zip(inputs, looks, strict=True) if look.fault
        ]
        for path, fault in faults[:_MAX_FAULTS]:
            notes.refuse(path, fault)
        if (more := len(faults) - _MAX_FAULTS) > 0:
            notes.refuse("...", f"{more:,} more pictures cannot be read")


def _from_frame(frame: "pd.DataFrame", form: RawForm, notes: Notes) -> Any:
    if form.kind == "pixels":
        notes.refuse("inputs", "must be an array of pixels, not a table")
        return None
    # An array of features has no names: the columns are then taken as they stand.
    names = list(form.columns or (("image",) if form.kind == "photos" else frame.columns))
    missing = [name for name in names if name not in frame.columns]
    if missing:
        near = suggestion(missing[0], map(str, frame.columns))
        notes.refuse("columns", f"lack {listed(missing)}; {near}")
        return None
    table = frame[names].reset_index(drop=True)
    if not table.columns.is_unique:
        twice = [*dict.fromkeys(table.columns[table.columns.duplicated()])]
        notes.refuse("columns", f"hold {listed(twice)} more than once; keep one")
        return None
    if form.kind in ("texts", "photos"):
        return _from_values(table.iloc[:, 0], form, str(names[0]), notes)
    for name in names:
        _check_column(table[name], form, notes)
    if notes.problems:
        return None
    if form.kind == "features":
        return table.to_numpy(np.float32)
    return table.astype({name: np.float64 for name in names if name not in form.words})


def _check_column(column: "pd.Series[Any]", form: RawForm, notes: Notes) -> None:
    import pandas as pd

    values = column.dropna()
    if column.name in form.words:
        wrong = [value for value in values.tolist() if not isinstance(value, str)]
        rule = (
            "must be words, as in training, where 7, 7.0 and 07 differ: read the column as text, "
            f"e.g. by pandas.read_csv(..., dtype={{{column.name!r}: str}})"
        )
    else:
        is_numeric = pd.api.types.is_numeric_dtype(values)
        wrong = [] if is_numeric else [v for v in values.tolist() if not _is_number(v)]
        rule = "must be numbers, as in training: correct them, or leave them empty"
    if wrong:
        notes.refuse(str(column.name), f"{listed(wrong)} {rule}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)


def _from_array(inputs: Any, form: RawForm, notes: Notes) -> Any:
    if form.kind == "table":
        columns = listed(form.columns)
        notes.refuse("inputs", f"must be a DataFrame with the columns {columns}")
        return None
    try:
        array = np.asarray(inputs)
    except ValueError as error:  # rows of different lengths
        notes.refuse("inputs", f"cannot be made an array: {error}")
        return None
    if form.kind == "pixels":
        return array
    if array.dtype.kind not in "fiub" or array.ndim != 2:
        given = f"{array.dtype} {list(array.shape)}"
        notes.refuse("inputs", f"must be numbers [N, D], and not {given}")
        return None
    return np.ascontiguousarray(array, np.float32)


def _from_values(values: Any, form: RawForm, place: str, notes: Notes) -> Any:
    """Take texts or paths."""
    noun = "texts" if form.kind == "texts" else "paths of pictures"
    if isinstance(values, str | os.PathLike):
        notes.refuse(place, f"must be a list of {noun}: put a single one into brackets")
        return None
    array = np.array([os.fspath(v) if isinstance(v, os.PathLike) else v for v in values], object)
    wrong = [i for i, value in enumerate(array) if not isinstance(value, str)]
    if wrong:
        shown = array[wrong[0]]
        notes.refuse(place, f"must be {noun}: {shown!r} is none, in row {listed(wrong)} from 0 on")
    return array
