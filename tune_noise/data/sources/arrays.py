"""Arrays: an .npz file with names in it, or an .npy file of features with its labels beside it."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.npz_dataset import read_raw_npz
from tune_noise.data.npz_images import load_named_images
from tune_noise.data.npz_inputs import as_inputs, fault_of_inputs
from tune_noise.data.npz_labels import fault_of_labels, one_per_example, with_missing
from tune_noise.data.sources.columns import NAMES, Roles, named_column
from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.parts import Part, read_words
from tune_noise.data.sources.raw import RawForm
from tune_noise.data.sources.tables import TableFile, first_line

# What an array of inputs is called -> what its labels are called.
_LABELS_BESIDE = {"features": "labels", "embeddings": "labels", "images": "labels", "X": "y"}
# Columns that say to which row of an array a label belongs.
_ROW_NAMES = (*NAMES["id"], "task", "item", "row", "index")
Opener = Callable[[Path], TableFile | None]


def read_npz(path: Path, missing: str | None, notes: Notes) -> tuple[Mapping[str, Part], Roles]:
    """Read the splits of an .npz file; see `npz_dataset` for its arrays.

    Raises:
        DataError: the file cannot be read, or has problems; all of them are listed at once.
    """
    raw, _ = read_raw_npz(path, missing)
    notes.reading += raw.reading
    parts = {
        name: Part(
            *(str(path), split.inputs, split.labels, split.true_labels, split.ids),
            label_place=str(path),
        )
        for name in ("train", "validation", "test")
        if (split := getattr(raw, name)) is not None
    }
    return parts, Roles(RawForm(kind=raw.kind))


def read_new_npz(path: Path) -> Part:
    """Read new inputs of an .npz file, which needs no labels.

    Raises:
        DataError: the file cannot be read, or has problems; all of them are listed at once.
    """
    return Part(str(path), load_named_images(path).images)


def read_npy(path: Path, notes: Notes) -> tuple[Part, Roles] | None:
    """Read inputs of an .npy file: float32 in C order stays on the disk, mapped into memory."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        # A header may declare anything; what it declares is judged before it is used.
        fault = fault_of_inputs(array, "array")
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, OverflowError) as error:
        notes.refuse(str(path), f"cannot be read as an .npy file: {first_line(error)}")
        return None
    if fault is not None:
        notes.refuse(str(path), fault)
        return None
    kind = "features" if array.ndim == 2 else "pixels"
    return Part(str(path), as_inputs(array)), Roles(RawForm(kind=kind))


def labels_beside(path: Path, suffixes: tuple[str, ...], notes: Notes) -> Path | None:
    """Return the file of labels that the name of an .npy file leads to, if there is just one."""
    names = {
        re.sub(rf"(?<![a-zA-Z]){inputs}(?![a-zA-Z])", labels, path.stem)
        for inputs, labels in _LABELS_BESIDE.items()
    } - {path.stem}
    files = [
        file for name in sorted(names) for suffix in suffixes
        if os.path.isfile(file := path.with_name(name + suffix))
    ]  # fmt: skip
    if len(files) > 1:
        readings = " or ".join(f"labels: {file}" for file in files)
        notes.refuse(str(path), f"has several files of labels beside it; say which: {readings}")
    if len(files) != 1:
        return None
    notes.reading.append(f"labels of {path.name} are in {files[0].name}, by its name")
    return files[0]


def with_labels(
    part: Part, path: Path, source: DataSource, open_table: Opener, notes: Notes, *, role: str
) -> Part:
    """Return examples with what a file says of each: labels, true labels, ids and split.

    Rows belong together by a column such as `task` where it holds just the positions, from 0 on;
    else in their order.

    Args:
        part: the examples.
        path: of the file: an .npy file of labels, or a table.
        source: names the columns.
        open_table: opens a table.
        notes: takes problems, and how the file was read.
        role: `label`, or `true_label` for a file of true labels alone.
    """
    if path.suffix.lower() == ".npy":
        columns = {role: _read_label_array(path, source.missing, notes)}
    else:
        table = open_table(path)
        if table is None:
            return part
        names: dict[str, str | None] = {role: label_column(table, source, role, notes)}
        if role == "label":
            names["true_label"] = source.true_label or named_column(
                "true_label", table.names, notes
            )
            names["split"] = source.split or named_column("split", table.names, notes)
        rows = [name for name in table.names if name.lower() in _ROW_NAMES]
        names["id"] = source.id or (rows[0] if len(rows) == 1 else None)
        absent = [name for name in names.values() if name and name not in table.names]
        if absent or names[role] is None:
            wanted = listed(absent) if absent else f"which column holds the {role}s"
            notes.refuse(str(path), f"has columns {listed(table.names)}; it must say {wanted}")
            return part
        words = read_words(table, [name for name in names.values() if name], notes)
        columns = {key: words[name] for key, name in names.items() if name}
    if len(columns[role]) != len(part):
        fault = f"has {len(columns[role]):,} labels for {len(part):,} rows of {part.place}"
        notes.refuse(str(path), f"{fault}; there must be one each")
        return part
    columns = _in_order({**columns, "row": np.arange(len(part))})
    said = (
        part if role != "label" else replace(part, label_place=str(path), label_rows=columns["row"])
    )
    return replace(
        said,
        labels=columns.get("label", part.labels),
        true_labels=columns.get("true_label", part.true_labels),
        ids=columns.get("id", part.ids),
        splits=columns.get("split", part.splits),
    )


def _read_label_array(path: Path, missing: str | None, notes: Notes) -> np.ndarray:
    try:
        labels = np.load(path, allow_pickle=False)
        name = path.stem
        fault = fault_of_labels(
            labels, name, beside=[name], as_words=f"{name} = {name}.astype('str')", missing=missing
        )
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, OverflowError) as error:
        notes.refuse(str(path), f"cannot be read as an .npy file: {first_line(error)}")
        return np.empty(0, dtype=object)
    if fault is not None:
        notes.refuse(str(path), fault)
        return np.empty(0, dtype=object)
    flat, change = one_per_example(labels)
    notes.reading += [] if change is None else [f"{path.name} {change}"]
    labels = with_missing(flat, missing)
    is_missing = labels == ("" if labels.dtype.kind == "U" else -1)
    words = labels.astype(np.str_).astype(object)
    words[is_missing] = None
    return words


def label_column(table: TableFile, source: DataSource, role: str, notes: Notes) -> str | None:
    """Return the column of a file of labels that holds them; None where it is not clear."""
    wanted: str | None = getattr(source, role)
    if wanted is not None:
        return wanted
    if role == "true_label" and "label" in table.names:  # a file of the truth alone
        return "label"
    if len(table.names) == 1:
        return table.names[0]
    return named_column(role, table.names, notes)


def _in_order(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return columns in the order of their rows' positions, where `id` holds just those."""
    ids = columns.get("id")
    if ids is None or set(ids) != set(map(str, range(len(ids)))):
        return columns
    order = np.argsort(ids.astype(np.int64))
    return {key: words[order] for key, words in columns.items()}
