"""One table, read into arrays: the inputs and all that is said about them, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tune_noise.data.sources.columns import Roles
from tune_noise.data.sources.labels import text_of
from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.profile import Column, as_numbers
from tune_noise.data.sources.tables import TableFile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Part:
    """Examples that were read from one place.

    Attributes:
        place: for messages.
        inputs: as in `RawSplit`.
        labels: words, object [N], None where one is missing; None where there are none.
        true_labels: the same for the truth.
        ids: text, object [N].
        splits: words of a column that says the split.
        answers: annotator -> words, object [N].
        label_place: the file in which the labels stand, or the folder that is sorted by them.
        label_rows: the row there of each label, int64 [N] from 0; None: the first N in order.
    """

    place: str
    inputs: Any
    labels: np.ndarray | None = None
    true_labels: np.ndarray | None = None
    ids: np.ndarray | None = None
    splits: np.ndarray | None = None
    answers: Mapping[str, np.ndarray] | None = None
    label_place: str = ""
    label_rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the examples."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                chosen[field.name] = value[rows]
        if not isinstance(self.inputs, np.ndarray):
            chosen["inputs"] = self.inputs.iloc[rows].reset_index(drop=True)
        if self.answers is not None:
            chosen["answers"] = {name: words[rows] for name, words in self.answers.items()}
        return replace(self, **chosen)


def read_part(table: TableFile, columns: Mapping[str, Column], roles: Roles, notes: Notes) -> Part:
    """Read the columns that have a role."""
    form, place = roles.form, str(table.path)
    said = {"labels": form.label, "true_labels": form.true_label, "ids": form.id}
    said["splits"] = roles.split
    beside = [name for name in (*said.values(), *roles.answers) if name is not None]
    kept: dict[str, list[pa.Array]] = {name: [] for name in beside}
    num_rows = next((column.filled + column.gaps for column in columns.values()), 0)
    inputs: Any = _Features(num_rows, roles, notes) if form.kind == "features" else _Cells(roles)
    for names in table.groups(list(dict.fromkeys([*form.columns, *beside]))):
        row = 0
        for block in table.blocks(names, notes):
            row = inputs.add(block, row)
            for name in kept.keys() & block.keys():
                kept[name].append(block[name])
    words = {name: _words(cells, name, notes) for name, cells in kept.items()}
    arrays = {role: words[name] for role, name in said.items() if name is not None}
    answers = {name: words[name] for name in roles.answers} or None
    examples = inputs.finish(table, notes)
    rows = np.arange(len(examples))
    return Part(place, examples, answers=answers, label_place=place, label_rows=rows, **arrays)


def read_words(table: TableFile, names: Sequence[str], notes: Notes) -> dict[str, np.ndarray]:
    """Return some columns of a table as words, object [N], None where a cell is empty."""
    kept: dict[str, list[pa.Array]] = {name: [] for name in names}
    for block in table.blocks(names, notes):
        for name, cells in kept.items():
            cells.append(block[name])
    return {name: _words(cells, name, notes) for name, cells in kept.items()}


def _words(cells: Sequence[pa.Array], name: str, notes: Notes) -> np.ndarray:
    return text_of(pa.chunked_array(cells, None if cells else pa.string()), name, notes)


class _Features:
    """Numbers in one float32 array, [N, D], that is filled block by block."""

    def __init__(self, num_rows: int, roles: Roles, notes: Notes) -> None:
        self._num_rows, self._roles, self._notes = num_rows, roles, notes
        self._number = {name: number for number, name in enumerate(roles.form.columns)}
        self._array: np.ndarray | None = None
        self._filled = 0

    def add(self, block: Mapping[str, pa.Array], row: int) -> int:
        """Fill in some columns from a row on; return the row where they end."""
        stop = row
        for name, cells in block.items():
            stop = row + len(cells)
            if name not in self._number:
                continue
            if _is_list(cells.type):
                values = self._rows_of_lists(cells)
                place: Any = slice(None)
                width = 0 if values is None else values.shape[1]
            else:
                values = _floats(cells, self._roles.decimal_of(name), name, self._notes)
                place, width = self._number[name], len(self._number)
            if values is None:
                continue
            if self._array is None:
                # Memory that was not written to is not taken yet.
                self._array = np.empty((self._num_rows, width), dtype=np.float32)
            with np.errstate(over="ignore"):
                self._array[row:stop, place] = values
            self._filled = max(self._filled, stop)
        return stop

    def _rows_of_lists(self, lists: pa.Array) -> np.ndarray | None:
        name = self._roles.form.columns[0]
        lengths = pc.unique(pc.list_value_length(lists)).to_pylist()
        width = self._array.shape[1] if self._array is not None else lengths[0] if lengths else 0
        if lengths and lengths != [width]:
            self._notes.refuse(name, f"lists must have one length, all {width}, and have {lengths}")
            self._notes.stop_if_refused()
        values = _floats(lists.flatten(), ".", name, self._notes)
        return values.reshape(len(lists), width) if width else None

    def finish(self, table: TableFile, notes: Notes) -> np.ndarray:
        return np.empty((0, 0), np.float32) if self._array is None else self._array[: self._filled]


class _Cells:
    """Texts, paths, or the columns of a table."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._blocks: dict[str, list[pa.Array]] = {name: [] for name in roles.form.columns}

    def add(self, block: Mapping[str, pa.Array], row: int) -> int:
        for name in self._blocks.keys() & block.keys():
            is_number = self._roles.form.kind == "table" and name not in self._roles.form.words
            cells = block[name]
            self._blocks[name].append(cells if is_number else cells.cast(pa.string()))
        return row

    def finish(self, table: TableFile, notes: Notes) -> "np.ndarray | pd.DataFrame":
        form = self._roles.form
        if form.kind != "table":
            (blocks,) = self._blocks.values()
            texts = pc.fill_null(pa.chunked_array(blocks, pa.string()), "")
            return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=object)
        import pandas as pd

        columns: dict[str, Any] = {}
        for name in form.columns:
            cells = self._blocks.pop(name)
            if name in form.words:
                words = _words(cells, name, Notes(notes.source))
                columns[name] = pd.Series(words, dtype=object)
            else:
                decimal = self._roles.decimal_of(name)
                blocks = [_floats(chunk, decimal, name, notes) for chunk in cells]
                columns[name] = np.concatenate(blocks) if blocks else np.empty(0)
        return pd.DataFrame(columns)


def _floats(cells: pa.Array, decimal: str, name: str, notes: Notes) -> np.ndarray:
    """Return numbers, NaN where there is a gap; not as float64 where they came as float32."""
    if pa.types.is_float32(cells.type) or pa.types.is_float16(cells.type):
        return np.asarray(cells.to_numpy(zero_copy_only=False))
    numbers = as_numbers(cells, decimal)
    if numbers is None:
        notes.refuse(name, "holds cells that are not numbers, or both decimal commas and points")
        notes.stop_if_refused()
        raise AssertionError
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def _is_list(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    )
