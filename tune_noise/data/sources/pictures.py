"""Folders of pictures, in both forms of Hugging Face's `imagefolder`.

    {train,validation,test}/<class>/file        or without the split: <class>/file
    metadata.csv, .jsonl or .parquet with a column `file_name`, with or without the split

Files are only listed here; nothing is decoded.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tune_noise.data.sources.columns import SPLITS
from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.parts import Part
from tune_noise.data.sources.profile import PICTURE_SUFFIXES

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
# What file managers leave behind, beside all names that begin with a point.
_LEFT_BEHIND = {"thumbs.db", "desktop.ini", "__macosx", "icon\r"}


def split_folders(folder: Path, notes: Notes) -> Mapping[str, Path]:
    """Return the folders of the splits in a folder; the folder itself as `train` if it has none."""
    names = [entry.name for entry in _entries(folder) if entry.is_dir()]
    splits = [name for name in names if name.lower() in SPLITS]
    others = [name for name in names if name not in splits]
    if not splits:
        return {"train": folder}
    if others:
        notes.refuse(
            str(folder),
            f"{listed(splits)} could be splits or classes beside {listed(others)}; give the "
            "folders of splits by themselves (train: FOLDER, test: FOLDER), or rename the class",
        )
        return {}
    by_split: dict[str, Path] = {}
    for name in splits:
        if SPLITS[name.lower()] in by_split:
            twice = by_split[SPLITS[name.lower()]].name
            notes.refuse(str(folder), f"{twice!r} and {name!r} are the same split; keep one")
        by_split[SPLITS[name.lower()]] = folder / name
    if "train" not in by_split:
        notes.refuse(str(folder), f"has {listed(splits)} but no folder 'train'")
    return by_split


def metadata_of(folder: Path, notes: Notes) -> Path | None:
    """Return the file that names the pictures of a folder, if there is one."""
    files = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(files) > 1:
        names = [file.name for file in files]
        notes.refuse(str(folder), f"has {listed(names)}; keep one of them")
    return files[0] if files else None


def list_pictures(folder: Path, root: Path, notes: Notes) -> Part:
    """Return the pictures of class folders, or of a folder without classes; ids are their paths."""
    paths: list[str] = []
    labels: list[str | None] = []
    others: list[str] = []
    nested: list[str] = []
    empty: list[str] = []
    classes = 0
    for entry in _entries(folder):
        if not entry.is_dir():
            _sort(entry, None, paths, labels, others)
            continue
        before, classes = len(paths), classes + 1
        for inner in _entries(Path(entry.path)):
            if inner.is_dir():
                nested.append(os.path.relpath(inner.path, root))
            else:
                _sort(inner, entry.name, paths, labels, others)
        if len(paths) == before:
            empty.append(entry.name)
    if nested:
        notes.refuse(
            str(folder),
            f"has folders within class folders, which could be classes of their own: "
            f"{listed(nested)}; move the pictures up, or name them in a metadata.csv",
        )
    loose = [os.path.basename(p) for p, label in zip(paths, labels, strict=True) if label is None]
    if classes and loose:
        notes.refuse(
            str(folder),
            f"has pictures beside the class folders: {listed(loose)}; move them into one, or name "
            "all pictures in a metadata.csv, where a label may be empty",
        )
    if empty:
        notes.warnings.append(f"class folders without a picture: {listed(empty)} in {folder}")
    if others:
        notes.reading.append(f"files that are not pictures are left out: {listed(others)}")
    unprintable = [path for path in paths if not path.isprintable()]
    if unprintable:
        notes.refuse(str(folder), f"names of files must be printable text: {listed(unprintable)}")
    if not paths and not notes.problems:
        kinds = " ".join(sorted(PICTURE_SUFFIXES))
        notes.refuse(str(folder), f"holds no pictures ({kinds}){_tables_in(folder)}")
    ids = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths]
    has_labels = any(label is not None for label in labels)
    return Part(
        place=str(folder),
        inputs=_objects(paths),
        labels=_objects(labels) if has_labels else None,
        ids=_objects(ids),
        label_place=str(folder),
    )


def one_picture(path: Path) -> Part | None:
    """Return a picture by itself; None for a file of another kind."""
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        return None
    return Part(str(path), _objects([str(path)]), ids=_objects([path.name]))


def _sort(
    entry: "os.DirEntry[str]",
    label: str | None,
    paths: list[str],
    labels: list[str | None],
    others: list[str],
) -> None:
    if os.path.splitext(entry.name)[1].lower() in PICTURE_SUFFIXES:
        paths.append(entry.path)
        labels.append(label)
    elif entry.name not in METADATA:
        others.append(entry.name)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """Yield what is in a folder by name, without what systems leave behind."""
    with os.scandir(folder) as entries:
        kept = [entry for entry in entries if not is_left_behind(entry.name)]
    yield from sorted(kept, key=lambda entry: entry.name)


def is_left_behind(name: str) -> bool:
    """Return whether a file is hidden, or one that a file manager keeps for itself."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def _tables_in(folder: Path) -> str:
    tables = [
        entry.path
        for entry in _entries(folder)
        if entry.name.lower().endswith((".csv", ".tsv", ".parquet", ".jsonl", ".npz", ".npy"))
    ]
    return f"; did you mean {' or '.join(tables[:3])}?" if tables else ""


def _objects(values: Sequence[str | None]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def resolve_paths(part: Part, base: Path, *, skip_missing: bool, notes: Notes) -> Part:
    """Return examples with whole paths; pictures that do not exist are refused.

    Args:
        part: examples whose inputs are paths, as the table has them.
        base: the folder that they start from.
        skip_missing: whether examples without a picture are left out instead.
        notes: takes what was found.
    """
    names = part.inputs
    paths = _objects([os.path.normpath(os.path.join(base, name)) for name in names])
    present = {
        folder: {entry.name for entry in _entries(Path(folder))} if os.path.isdir(folder) else set()
        for folder in {os.path.dirname(path) for path in paths}
    }
    exists = [os.path.basename(path) in present[os.path.dirname(path)] for path in paths]
    rows = np.flatnonzero(exists)
    absent = [str(name) for name, there in zip(names, exists, strict=True) if not there]
    if absent and skip_missing:
        notes.warnings.append(
            f"{len(absent):,} pictures do not exist and are left out: {listed(absent)}"
        )
    elif absent:
        notes.refuse(
            part.place,
            f"names {len(absent):,} pictures that are not in {base}: {listed(absent)}; paths start "
            "from the folder of the table (--skip-unreadable leaves those rows out)",
        )
    ids = part.ids
    if ids is None and len(set(names)) == len(names):
        ids = np.asarray(names)
    return replace(part, inputs=paths, ids=ids).take(rows)
