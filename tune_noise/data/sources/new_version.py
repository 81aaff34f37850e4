"""A new version of one's own data, with other labels, in the form in which they came."""

import csv
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.arrays import label_column
from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.raw import RawData, RawSplit
from tune_noise.data.sources.read import open_table, read_source
from tune_noise.data.sources.relabelled_arrays import relabel_npy, relabel_npz
from tune_noise.data.sources.relabelled_tables import (
    relabel_arrow,
    relabel_delimited,
    relabel_json_lines,
    relabel_parquet,
)
from tune_noise.data.sources.tables import SAVED_FILES
from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.system.files import expand_home

# Split -> index there, from 0 -> word.
Changes = Mapping[str, Mapping[int, str]]
Write = Callable[[Path], None]
_ROLES = {"train": "labels", "validation": "val_labels"}


def write_version(
    raw: RawData, source: DataSource, changes: Changes, output: Path
) -> tuple[DataSource, list[Path]]:
    """Write data with other labels; nothing that is there is changed or overwritten.

    Args:
        raw: as they were read.
        source: where they stand.
        changes: of training and validation labels.
        output: the new file or folder.

    Returns:
        (where the new version stands, the files and folders that were written).

    Raises:
        UserError: the output is there already, or cannot have the form of the data.
        OSError: the output cannot be written.
    """
    version, writers = _plan(raw, source, changes, output)
    for target in writers:
        if target.exists():
            raise UserError(f"--output {target}: is there already: choose another name")
        if not target.parent.is_dir():
            raise UserError(f"--output {target}: {target.parent} is not a folder: make it first")
    try:
        for target, write in writers.items():
            write(target)
        _check(raw, read_source(version), changes)
    except BaseException:
        for target in writers:
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        raise
    return version, list(writers)


def _check(raw: RawData, new: RawData, changes: Changes) -> None:
    """Check that a new version has the labels that it should have, and all else as before."""
    for split in ("train", "validation", "test"):
        before, after = getattr(raw, split), getattr(new, split)
        wanted = None if before is None else _labels(before, changes.get(split, {}))
        if before is None or after is None:
            is_same = before is after
        else:
            is_same = len(before) == len(after) and all(
                np.array_equal(one, other)
                for one, other in ((wanted, after.labels), (before.ids, after.ids))
                if one is not None
            )
        if not is_same:
            raise TuneNoiseError(f"the {split} labels of {raw.name} could not be written as wanted")


def _labels(split: RawSplit, words: Mapping[int, str]) -> np.ndarray:
    labels = np.array(split.labels, dtype=object)
    for index, word in words.items():
        labels[index] = word
    return labels


def _plan(
    raw: RawData, source: DataSource, changes: Changes, output: Path
) -> tuple[DataSource, dict[Path, Write]]:
    """Return where a new version stands, and what writes each part of it."""
    train = Path(expand_home(source.train))
    splits = {name: split for name in _ROLES if (split := getattr(raw, name)) is not None}
    if train.is_dir() and any((train / name).is_file() for name in SAVED_FILES):
        rows = {Path(one.label_place): _by_row(one, changes, name) for name, one in splits.items()}
        version = source.model_copy(update={"train": str(output)})
        column = _column(raw, source, train)
        return version, {output: lambda target: _write_saved(train, target, column, rows)}
    is_sorted = raw.kind == "photos" and raw.form is not None and not raw.form.columns
    updates: dict[str, str] = {}
    writers: dict[Path, Write] = {}
    places: dict[str, list[str]] = {}
    for name, split in splits.items():
        key = getattr(source, name) or source.train if is_sorted else split.label_place
        places.setdefault(key, []).append(name)
    for names in places.values():
        first, place = names[0], Path(splits[names[0]].label_place)
        target = output
        if first != "train":
            target = output.with_name(f"{output.stem}_{first}{output.suffix}")
        if is_sorted:
            # A test split of the same folder goes along.
            together = [*names, "test"] if first == "train" and source.test is None else names
            writers[target] = _listing(raw, together, changes)
        else:
            words = {name: _by_row(splits[name], changes, name) for name in names}
            writers[target] = _writer(raw, source, place, words)
        _check_name(target, Path("a.csv") if is_sorted else place)
        if raw.kind == "photos" and not is_sorted:
            _check_beside(target, place)
        beside = (getattr(source, first) or source.train).lower().endswith(".npy")
        field = {"train": "labels", "validation": "validation_labels"}[first] if beside else first
        updates[field] = str(target)
    if train.is_dir() and not is_sorted and raw.test is not None and source.test is None:
        updates["test"] = str(Path(raw.test.label_place).parent)
    return source.model_copy(update=updates), writers


def _by_row(split: RawSplit, changes: Changes, name: str) -> dict[int, str]:
    """Return what changes of a split, by the row in the file."""
    rows = split.label_rows
    return {
        index if rows is None else int(rows[index]): word
        for index, word in changes.get(name, {}).items()
    }


def _check_name(target: Path, place: Path) -> None:
    """Check that a file may have the form of the one that it replaces."""
    if target.suffix.lower() != place.suffix.lower():
        raise UserError(f"--output {target}: must end in {place.suffix}, the form of the labels")


def _check_beside(target: Path, place: Path) -> None:
    """Check that the paths in a table of pictures lead to the same pictures."""
    if target.absolute().parent != place.absolute().parent:
        raise UserError(
            f"--output {target}: its paths of pictures start from its own folder, so it must lie "
            f"beside {place}: --output {place.with_name(target.name)}"
        )


def _column(raw: RawData, source: DataSource, path: Path) -> str:
    """Return the column of the labels in a table."""
    if raw.form is not None and raw.form.columns and raw.form.label is not None:
        return raw.form.label
    notes = Notes(str(path))
    table = open_table(path, source, notes)
    column = table and label_column(table, source, "label", notes)
    if not column:
        raise UserError(f"{path}: it is not clear which column holds the labels: name it by label")
    return column


def _writer(
    raw: RawData, source: DataSource, place: Path, words: Mapping[str, dict[int, str]]
) -> Write:
    """Return what writes a single file with other labels."""
    rows = {row: word for of_split in words.values() for row, word in of_split.items()}
    suffix = place.suffix.lower()
    if suffix == ".npz":
        # In a file of its own a validation split has the names of a training split.
        roles = {("labels" if len(words) == 1 else _ROLES[name]): of for name, of in words.items()}
        return lambda target: relabel_npz(place, target, roles, raw.class_names)
    if suffix == ".npy":
        return lambda target: relabel_npy(place, target, rows)
    column = _column(raw, source, place)
    if suffix == ".parquet":
        return lambda target: relabel_parquet(place, target, column, rows)
    if suffix == ".jsonl":
        return lambda target: relabel_json_lines(place, target, column, rows)
    options = {"separator": source.separator, "encoding": source.encoding}
    return lambda target: relabel_delimited(place, target, column, rows, **options)


def _listing(raw: RawData, names: Sequence[str], changes: Changes) -> Write:
    """Return what writes a table of the pictures in folders of classes, which stay where they are.

    The paths start from the folder of the table, and the ids are those that the pictures had.
    """
    splits = {name: split for name in names if (split := getattr(raw, name)) is not None}

    def write(target: Path) -> None:
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file_name", "label", "split", "id"])
            for name, split in splits.items():
                labels = _labels(split, changes.get(name, {}))
                assert split.ids is not None
                for path, label, one_id in zip(split.inputs, labels, split.ids, strict=True):
                    here = os.path.relpath(path, target.absolute().parent)
                    writer.writerow([here, label, name, one_id])

    return write


def _write_saved(
    folder: Path, target: Path, column: str, rows: Mapping[Path, Mapping[int, str]]
) -> None:
    """Write a folder that `datasets` saved with other labels in some of its splits."""
    shutil.copytree(folder, target)
    for place, words in rows.items():
        new = target / place.relative_to(folder)
        state = json.loads((new / "state.json").read_text(encoding="utf-8"))
        names = [Path(file["filename"]).name for file in state["_data_files"]]
        relabel_arrow([place / n for n in names], [new / n for n in names], column, words)
        # `datasets` takes tables with one fingerprint for the same.
        state["_fingerprint"] = secrets.token_hex(8)
        (new / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")
