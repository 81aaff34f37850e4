"""What is wrong, or odd, with examples that were read: nothing is repaired."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.parts import Part

if TYPE_CHECKING:
    import pandas as pd

# Fewer labelled rows may have a column that equals the label by chance.
_FEW_ROWS = 20
_BLOCK_BYTES = 2**24


def check_ids(part: Part, name: str, notes: Notes) -> None:
    """Refuse ids that are empty, or that two examples share."""
    if part.ids is None:
        return
    if empty := int(sum(one is None for one in part.ids)):
        notes.refuse(name, f"is empty in {empty:,} rows; each example needs an id, or none has one")
    counts = Counter(one for one in part.ids.tolist() if one is not None)
    repeated = [word for word, count in counts.items() if count > 1]
    if repeated:
        notes.refuse(
            name,
            f"names several examples alike: {listed(repeated)}; give each row an id of its own, or "
            f"leave the column out: ignore: {name}",
        )


def check_features(features: np.ndarray, names: Sequence[str], place: str, notes: Notes) -> None:
    """Refuse features that are not finite."""
    bad, first = 0, None
    step = max(1, _BLOCK_BYTES // max(1, features.shape[1] * features.itemsize))
    for start in range(0, len(features), step):
        is_bad = ~np.isfinite(features[start : start + step])
        if is_bad.any():
            bad += int(is_bad.sum())
            row, column = (int(index[0]) for index in np.nonzero(is_bad))
            first = first or (start + row, column)
    if first is not None:
        row, column = first
        where = names[column] if len(names) == features.shape[1] else f"feature {column}"
        notes.refuse(
            place,
            f"{bad:,} features are empty, not finite, or too large for float32; the first is "
            f"{features[row, column]} in row {row + 1:,} of {where}; fill them, or leave out rows",
        )


def warn_of_constants(inputs: "np.ndarray | pd.DataFrame", notes: Notes) -> None:
    """Warn of columns that hold one value alone."""
    constant: list[Any]
    if isinstance(inputs, np.ndarray):
        constant = np.flatnonzero(inputs.min(axis=0) == inputs.max(axis=0)).tolist()
    else:
        constant = [name for name in inputs if inputs[name].nunique(dropna=False) == 1]
    if constant:
        total = inputs.shape[1]
        what = "feature" if isinstance(inputs, np.ndarray) else "column"
        notes.warnings.append(
            f"{len(constant):,} of {total:,} {what}s hold the same value in every training example "
            f"({what} {listed(constant)}); nothing can be learnt from them"
        )


def refuse_leaks(part: Part, names: Sequence[str], label: str, notes: Notes) -> None:
    """Refuse columns that say exactly what the labels say, or that count the rows."""
    if part.labels is None:
        return
    rows = np.flatnonzero([label is not None for label in part.labels])
    if len(rows) < _FEW_ROWS:
        return
    classes, first, labels = np.unique(
        part.labels[rows].astype(str), return_index=True, return_inverse=True
    )
    candidates = np.arange(len(names))
    if isinstance(part.inputs, np.ndarray):
        # The values of one column lie far apart, and most columns differ in the first rows.
        few = part.inputs[rows[:_FEW_ROWS]]
        says_label = few == part.inputs[rows[first[labels[:_FEW_ROWS]]]]
        head = part.inputs[:_FEW_ROWS]
        numbers_rows = head == head[0] + np.arange(len(head))[:, np.newaxis]
        candidates = np.flatnonzero(says_label.all(axis=0) | numbers_rows.all(axis=0))
    for number in candidates.tolist():
        name = names[number]
        values: Any
        if isinstance(part.inputs, np.ndarray):
            values = part.inputs[:, number]
        else:
            values = part.inputs[name].to_numpy()
        of_class = values[rows[first]]
        if len(set(of_class.tolist())) == len(classes) and (values[rows] == of_class[labels]).all():
            notes.refuse(
                name,
                f"says in every row just what {label!r} says, so that nothing would have to be "
                f"learnt; leave it out: ignore: {name}",
            )
        elif values.dtype.kind == "f" and (values == values[0] + np.arange(len(values))).all():
            notes.refuse(
                name,
                f"numbers the rows; say what it is: id: {name}, or ignore: {name}",
            )
