"""Read one's own data, in whatever form they are kept, and new inputs like them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tune_noise.config.data_source import DataSource
from tune_noise.data.lineage import describe_lineage, read_lineage
from tune_noise.data.sources.notes import Notes, listed, near_path
from tune_noise.data.sources.raw import IN_WORDS, RawData, RawForm, RawSplit
from tune_noise.system.files import expand_home

if TYPE_CHECKING:
    from tune_noise.data.sources.columns import Roles
    from tune_noise.data.sources.parts import Part
    from tune_noise.data.sources.tables import TableFile

TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
_ARRAYS = (".npz", ".npy")
_SPLIT_PLACES = ("train", "validation", "test")


def read_source(source: DataSource) -> RawData:
    """Read all examples that a source names, and say how they were understood.

    Raises:
        DataError: something cannot be read, is wrong, or could be read in two ways; all problems
            are listed at once.
    """
    from tune_noise.data.sources.answers import read_answers
    from tune_noise.data.sources.assemble import assemble

    notes = Notes(source.train)
    parts: dict[str, Part] = {}
    roles: Roles | None = None
    for split in _SPLIT_PLACES:
        place = getattr(source, split)
        if place is None:
            continue
        read, roles = _read_place(place, split, source, roles, notes)
        notes.stop_if_refused()
        assert roles is not None
        if split != "train" and set(read) != {"train"}:
            notes.refuse(split, f"{place} is split into {listed(list(read))}; give one of them")
        if twice := [name for name in read if name in parts and name != "train"]:
            notes.refuse(split, f"{source.train} has a split {listed(twice)} already")
        parts |= {split if name == "train" else name: part for name, part in read.items()}
    assert roles is not None
    if not roles.form.columns:
        _refuse_columns(source, notes)
    notes.stop_if_refused()
    if isinstance(source.answers, str):
        train = parts["train"]
        file = Path(expand_home(source.answers))
        if not file.is_file():
            notes.refuse("answers", f"{source.answers} is not a file{near_path(file)}")
        else:
            answers = read_answers(
                file, train.ids, len(train), lambda path: open_table(path, source, notes), notes
            )
            parts["train"] = replace(train, answers=answers)
    if (lineage := read_lineage(source)) is not None:
        notes.reading.append(describe_lineage(lineage))
    return assemble(source, roles.form, parts, notes)


def _refuse_columns(source: DataSource, notes: Notes) -> None:
    """Refuse options that name a column of data that have none."""
    options = ["text", "image", "features", "split"]
    files = (source.labels, source.true_labels, source.validation_labels, source.test_labels)
    if not any(files):
        options += ["label", "true_label", "id"]
    for option in options:
        if (name := getattr(source, option)) is not None:
            message = f"{listed([name])} would be a column, and {source.train} has none"
            notes.refuse(option, f"{message}: leave {option} out")


def read_inputs(path: Path, *, like: RawForm, class_names: Collection[str] = ()) -> RawSplit:
    """Read new raw inputs as those of training were read; labels and ids only where there are any.

    Args:
        path: a file or a folder of pictures, in any form that training data may have.
        like: how the training data were read.
        class_names: words of the classes; folders of pictures of just these names are labels.

    Raises:
        DataError: something cannot be read, or is not like the training data; all problems are
            listed at once.
    """
    from tune_noise.data.sources.columns import Roles

    notes = Notes(str(path))
    options = {name: getattr(like, name) for name in ("separator", "decimal", "encoding")}
    source = DataSource(train=str(path), **options)
    parts, roles = _read_place(str(path), "inputs", source, Roles(like), notes)
    notes.stop_if_refused()
    if roles is not None and roles.form.kind != like.kind:
        fault = (
            f"holds {IN_WORDS[roles.form.kind]}, and this model was trained on "
            f"{IN_WORDS[like.kind]}"
        )
        notes.refuse(str(path), fault)
    if set(parts) != {"train"}:
        notes.refuse(str(path), f"is split into {listed(list(parts))}; give one of its splits")
    notes.stop_if_refused()
    part = parts["train"]
    labels = part.labels
    if like.kind == "texts" and (empty := sum(not text.strip() for text in part.inputs)):
        notes.reading.append(f"{empty:,} of {len(part):,} texts are empty or missing")
    if like.kind == "photos" and like.label is None and labels is not None:
        # Class folders are labels only where they are named as the classes.
        strange = sorted(set(labels) - set(class_names))
        if strange:
            notes.reading.append(f"folders are no labels, as {listed(strange)} is not a class")
            labels = None
    return RawSplit(part.inputs, labels, part.true_labels, part.ids, tuple(notes.reading))


def _read_place(
    place: str, split: str, source: DataSource, like: "Roles | None", notes: Notes
) -> "tuple[Mapping[str, Part], Roles | None]":
    """Return what a file or folder holds by split, and what its columns were read as."""
    from tune_noise.data.sources.columns import Roles
    from tune_noise.data.sources.pictures import one_picture

    path = Path(expand_home(place))
    suffix = path.suffix.lower()
    if not path.exists():
        near = near_path(path) or f"; paths start from {Path.cwd()}"
        notes.refuse(split, f"{place} does not exist{near}")
        return {}, like
    if path.is_dir():
        return _read_folder(path, source, like, notes)
    if not path.is_file():  # a pipe or a device might never end
        notes.refuse(split, f"{place} is not a file")
    elif suffix in TABLES:
        table = open_table(path, source, notes)
        return _read_tables({} if table is None else {"train": table}, source, like, notes)
    elif suffix == ".npz":
        from tune_noise.data.sources.arrays import read_new_npz, read_npz

        if split == "inputs":
            part = read_new_npz(path)
            kind = "pixels" if part.inputs.ndim == 4 else "features"
            return {"train": part}, Roles(RawForm(kind=kind))
        return read_npz(path, source.missing, notes)
    elif suffix == ".npy":
        return _read_npy(path, split, source, like, notes)
    elif split == "inputs" and (picture := one_picture(path)) is not None:
        return {"train": picture}, Roles(RawForm(kind="photos"))
    else:
        forms = ", ".join((*TABLES, *_ARRAYS))
        notes.refuse(split, f"{place} must end in one of {forms}, or be a folder of pictures")
    return {}, like


def _read_npy(
    path: Path, split: str, source: DataSource, like: "Roles | None", notes: Notes
) -> "tuple[Mapping[str, Part], Roles | None]":
    from tune_noise.data.sources import arrays

    read = arrays.read_npy(path, notes)
    if read is None:
        return {}, like
    part, roles = read
    prefix = "" if split == "train" else f"{split}_"
    for role in ("label", "true_label"):
        place = getattr(source, f"{prefix}{role}s", None)
        file = None if place is None else Path(expand_home(place))
        if file is None and role == "label" and split != "inputs":
            file = arrays.labels_beside(path, (".npy", *TABLES), notes)
        if file is None:
            continue
        if not file.is_file():
            notes.refuse(f"{prefix}{role}s", f"{place} is not a file{near_path(file)}")
            continue
        part = arrays.with_labels(
            part, file, source, lambda path: open_table(path, source, notes), notes, role=role
        )
    return {"train": part}, roles


def _read_folder(
    path: Path, source: DataSource, like: "Roles | None", notes: Notes
) -> "tuple[Mapping[str, Part], Roles | None]":
    from tune_noise.data.sources import pictures, tables
    from tune_noise.data.sources.columns import SPLITS, Roles

    saved = tables.open_saved(path, notes)
    if saved is not None:
        unknown = [name for name in saved if name.lower() not in SPLITS]
        if unknown:
            notes.refuse(
                str(path),
                f"has splits other than train, validation and test: {listed(unknown)}; name the "
                f"folders by themselves (train: {path / unknown[0]})",
            )
            return {}, like
        by_split = {SPLITS[name.lower()]: table for name, table in saved.items()}
        return _read_tables(by_split, source, like, notes)
    folders = pictures.split_folders(path, notes)
    metadata = {split: pictures.metadata_of(folder, notes) for split, folder in folders.items()}
    if any(file is not None for file in metadata.values()):
        without = [str(folders[split]) for split, file in metadata.items() if file is None]
        if without:
            notes.refuse(str(path), f"has metadata for some splits, but not in {listed(without)}")
            return {}, like
        opened = {
            split: table
            for split, file in metadata.items()
            if file is not None and (table := open_table(file, source, notes)) is not None
        }
        return _read_tables(opened, source, like, notes)
    parts = {
        split: pictures.list_pictures(folder, path, notes) for split, folder in folders.items()
    }
    return parts, Roles(RawForm(kind="photos"))


def open_table(path: Path, source: DataSource, notes: Notes) -> "TableFile | None":
    """Open a table by the ending of its name; None, with a problem, where it is not one."""
    from tune_noise.data.sources import delimited, tables

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        table = tables.open_parquet(path, notes)
    elif suffix == ".jsonl":
        table = tables.open_json_lines(path, notes)
    else:
        table = delimited.open_delimited(
            path, notes, separator=source.separator, encoding=source.encoding
        )
    if table is not None:
        twice = sorted({name for name in table.names if table.names.count(name) > 1})
        if twice:
            notes.refuse(str(path), f"has several columns named {listed(twice)}; rename them")
            return None
    return table


def _read_tables(
    tables: "Mapping[str, TableFile]", source: DataSource, like: "Roles | None", notes: Notes
) -> "tuple[Mapping[str, Part], Roles | None]":
    import pyarrow as pa

    from tune_noise.data.sources.columns import assign_roles, roles_like
    from tune_noise.data.sources.parts import read_part
    from tune_noise.data.sources.pictures import resolve_paths
    from tune_noise.data.sources.profile import look_at
    from tune_noise.data.sources.tables import first_line

    parts: dict[str, Part] = {}
    for split, table in tables.items():
        try:
            columns = look_at(table, notes, source.decimal)
            if like is None:
                roles = like = assign_roles(table, columns, source, notes)
            else:
                roles = roles_like(like.form, columns, table, notes)
            if roles is None or notes.problems:
                continue
            part = read_part(table, columns, roles, notes)
        except pa.ArrowException as error:  # of cells that are not what the file says they are
            notes.refuse(str(table.path), f"is damaged: {first_line(error)}")
            continue
        if roles.form.kind == "photos":
            base = table.path.parent if table.path.is_file() else table.path
            part = resolve_paths(part, base, skip_missing=source.skip_unreadable, notes=notes)
        parts[split] = part
    return parts, like
