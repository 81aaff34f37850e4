"""What each column of a table is read as: by the options of a source, or else by its name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.profile import MAX_DISTINCT, Column
from tune_noise.data.sources.raw import RawForm, RawKind
from tune_noise.data.sources.tables import TableFile, is_index
from tune_noise.errors import suggestion

# Names that are read as what they say where no option names a column; the first is ours.
NAMES: Mapping[str, tuple[str, ...]] = {
    "label": (
        *("label", "labels", "target", "class", "category", "y"),
        *("given_label", "noisy_label", "noisy_labels"),
    ),
    "true_label": (
        *("true_label", "true_labels", "clean_label", "clean_labels"),
        *("gold", "gold_label", "gt", "ground_truth"),
    ),
    "id": ("id",),
    "split": ("split",),
}
SPLITS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# The columns of annotators' answers, as crowd-kit has them.
_OF_ANSWERS = {"task", "worker", "label"}
# As many columns of numbers without gaps are features, such as embeddings; fewer are a table.
MIN_FEATURES = 32
# A column of words that are all different says nothing, but of a few rows nobody knows.
_FEW_ROWS = 20


@dataclass(frozen=True)
class Roles:
    """The columns of a table by what they are read as.

    Attributes:
        form: inputs, labels and ids.
        split: where the split stands.
        answers: the columns of annotators.
        decimals: column of numbers -> its decimal sign.
    """

    form: RawForm
    split: str | None = None
    answers: tuple[str, ...] = ()
    decimals: Mapping[str, str] | None = None

    def decimal_of(self, name: str) -> str:
        """Return the decimal sign of a column."""
        return (self.decimals or {}).get(name, ".")


def assign_roles(
    table: TableFile, columns: Mapping[str, Column], source: DataSource, notes: Notes
) -> Roles | None:
    """Return what the columns of training data are read as; None, with problems, if unclear."""
    ignored = _names_of(source.ignore)
    answers = () if isinstance(source.answers, str) else _names_of(source.answers)
    inputs = _names_of(source.features) if isinstance(source.features, list) else ()
    chosen = [source.text, source.image, *ignored, *answers, *inputs]
    for option, name in [
        *((option, getattr(source, option)) for option in NAMES),
        *(("text/image/features/ignore/answers", name) for name in chosen),
    ]:
        if name is not None and name not in columns:
            close = suggestion(name, columns)
            notes.refuse(option, f"{name!r} is not a column of {table.path.name}; {close}")
    if set(columns) >= _OF_ANSWERS and source.label is None:
        notes.refuse(
            table.path.name,
            "has the columns task, worker and label of annotators' answers; name the data of the "
            f"items, and this file beside them: --set data.answers={table.path}; or, if each row "
            "is an example of its own, say --label label",
        )
    if notes.problems:
        return None
    free = [name for name in table.names if name not in {*chosen}]
    roles: dict[str, str | None] = {}
    for role in NAMES:
        roles[role] = getattr(source, role) or named_column(role, free, notes, columns)
        free = [name for name in free if name != roles[role]]
    if roles["label"] is None and source.answers is None and not notes.problems:
        _refuse_without_labels(free, columns, notes)
    index = [name for name in free if is_index(name)]
    if index:
        notes.reading.append(f"column {listed(index)} only numbers the rows and is not used")
        free = [name for name in free if name not in index]
    form = _form_of_inputs(table, columns, free, source, notes)
    if form is None or notes.problems:
        return None
    form = form.model_copy(
        update={role: roles[role] for role in ("label", "true_label", "id")}
        | {option: getattr(source, option) for option in ("separator", "decimal", "encoding")}
    )
    commas = {name: "," for name, column in columns.items() if column.decimal == ","}
    if commas:
        notes.reading.append(f"commas are decimal signs in {listed(sorted(commas))}")
    return Roles(form, roles["split"], answers, commas)


def _names_of(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def named_column(
    role: str,
    free: Sequence[str],
    notes: Notes,
    columns: Mapping[str, Column] | None = None,
) -> str | None:
    """Return the column whose name says that it has a role; several are refused.

    A column of splits must name one of the splits, too, where `columns` says what it holds.
    """
    candidates = [name for name in free if name.lower() in NAMES[role]]
    if role == "split" and columns is not None:
        words = {name: {word.lower() for word in columns[name].distinct} for name in candidates}
        candidates = [name for name in candidates if not words[name].isdisjoint(SPLITS)]
    if len(candidates) > 1:
        readings = " or ".join(f"{role}: {name}" for name in candidates)
        notes.refuse(role, f"several columns could hold it; say which: {readings}")
    if not candidates:
        return None
    if candidates[0] != role:
        notes.reading.append(f"{role} is column {candidates[0]!r}, by its name")
    return candidates[0]


def _refuse_without_labels(
    free: Sequence[str], columns: Mapping[str, Column], notes: Notes
) -> None:
    few = [n for n in free if 2 <= len(columns[n].distinct) <= max(20, columns[n].filled ** 0.5)]
    hint = "; ".join(f"{name} has {len(columns[name].distinct)} words" for name in few[:5])
    way_out = f"say which: label: NAME; columns are {listed(free)}" + (f"; {hint}" if hint else "")
    notes.refuse("label", f"no column has this name, or one that means it; {way_out}")


def _form_of_inputs(
    table: TableFile,
    columns: Mapping[str, Column],
    free: Sequence[str],
    source: DataSource,
    notes: Notes,
) -> RawForm | None:
    """Return the kind of the inputs and their columns."""
    options = [name for name in ("text", "image", "features") if getattr(source, name) is not None]
    if len(options) > 1:
        notes.refuse(" and ".join(options), "say what the inputs are; give one of them")
        return None
    if source.features is not None:
        return _form_of_features(columns, free, source.features, notes)
    kind: RawKind
    for option, kind, names in (("image", "photos", ("file_name",)), ("text", "texts", ("text",))):
        name = getattr(source, option) or next((name for name in names if name in free), None)
        if name is not None:
            if columns[name].are_files:
                _refuse_files(name, notes)
                return None
            if columns[name].type not in ("text", "number"):
                notes.refuse(name, f"holds no {kind}; it holds {columns[name].type}s")
                return None
            return _form_of_one(kind, name, free, notes)
    if not free:
        notes.refuse(str(table.path), "has no column beside the labels and ids to learn from")
        return None
    if files := [name for name in free if columns[name].are_files]:
        _refuse_files(files[0], notes)
        return None
    written = [name for name in free if columns[name].are_lists]
    if written:
        notes.refuse(
            listed(written),
            "hold lists that are written as text; write them as JSON lines or Parquet, or a column "
            "for each number",
        )
        return None
    special = {
        name: ("image", "photos")
        if columns[name].are_pictures
        else ("features", "features")
        if columns[name].type == "list"
        else ("text", "texts")
        for name in free
        if columns[name].are_pictures or columns[name].is_long_text or columns[name].type == "list"
    }
    if special and len(free) == 1:
        (name,) = free
        if special[name][0] == "features":
            return _form_of_features(columns, free, [name], notes)
        return _form_of_one("photos" if special[name][0] == "image" else "texts", name, (), notes)
    if special:
        readings = " or ".join(f"{option}: {name}" for name, (option, _) in special.items())
        notes.refuse(
            str(table.path),
            f"can be read in several ways; say which: {readings}, or leave them out for a table "
            f"of the other columns: ignore: [{', '.join(special)}]",
        )
        return None
    return _form_of_table(columns, free, notes)


def _refuse_files(name: str, notes: Notes) -> None:
    notes.refuse(
        name,
        "holds files within the table, such as pictures; write them into a folder, e.g. by "
        f"row[{name!r}].save(f'photos/{{number}}.png') for each row that `datasets` gives, and "
        "beside them a metadata.csv with the columns file_name and label; or leave the column out: "
        f"ignore: {name}",
    )


def _form_of_one(kind: RawKind, name: str, free: Sequence[str], notes: Notes) -> RawForm:
    unused = [other for other in free if other != name]
    rest = f"; not used: {listed(unused)}" if unused else ""
    notes.reading.append(f"{kind} in column {name!r}{rest}")
    return RawForm(kind=kind, columns=(name,))


def _form_of_features(
    columns: Mapping[str, Column], free: Sequence[str], wanted: str | Sequence[str], notes: Notes
) -> RawForm | None:
    names = tuple(wanted) if not isinstance(wanted, str) else (wanted,)
    if isinstance(wanted, str) and wanted not in columns:
        names = tuple(name for name in free if name.startswith(wanted))
        if not names:
            close = suggestion(wanted, free)
            notes.refuse("features", f"no column is named {wanted!r} or begins with it; {close}")
            return None
    words = [name for name in names if columns[name].type not in ("number", "list")]
    lists = [name for name in names if columns[name].type == "list"]
    if words:
        notes.refuse("features", f"must be numbers, and {listed(words)} hold other things")
        return None
    if lists and len(names) > 1:
        notes.refuse("features", f"{listed(lists)} hold lists; give one such column alone")
        return None
    what = f"the lists of {names[0]!r}" if lists else f"{len(names):,} columns of numbers"
    unused = [name for name in free if name not in names]
    rest = f"; not used: {listed(unused)}" if unused else ""
    notes.reading.append(f"features are {what}{rest}")
    return RawForm(kind="features", columns=names)


def _form_of_table(
    columns: Mapping[str, Column], free: Sequence[str], notes: Notes
) -> RawForm | None:
    other = [name for name in free if columns[name].type == "other"]
    if other:
        notes.refuse(listed(other), f"hold neither words nor numbers; ignore: [{', '.join(other)}]")
    words = [name for name in free if columns[name].type == "text"]
    for name in words:
        column = columns[name]
        count = len(column.distinct)
        if column.filled >= _FEW_ROWS and count == min(column.filled, MAX_DISTINCT):
            notes.refuse(
                name,
                "has another word in every row, from which nothing can be learnt; say what it is: "
                f"id: {name}, text: {name} or ignore: {name}",
            )
    if notes.problems:
        return None
    is_full = not any(columns[name].gaps for name in free)
    if not words and is_full and len(free) >= MIN_FEATURES:
        notes.reading.append(
            f"features are {len(free)} columns, all numbers without gaps (fewer than "
            f"{MIN_FEATURES}, or gaps, would be read as a table)"
        )
        return RawForm(kind="features", columns=tuple(free))
    numbers = len(free) - len(words)
    gaps = sum(columns[name].gaps for name in free)
    notes.reading.append(
        f"a table of {numbers} columns of numbers and {len(words)} of words"
        + (f", {gaps:,} cells empty" if gaps else "")
    )
    return RawForm(kind="table", columns=tuple(free), words=tuple(words))


def roles_like(
    form: RawForm, columns: Mapping[str, Column], table: TableFile, notes: Notes
) -> Roles | None:
    """Return the same roles for another file; what it lacks of labels and ids it may lack."""
    if form.kind == "photos" and not form.columns:  # training had folders of classes
        form = form.model_copy(update={"columns": ("file_name",)})
    if not form.columns:
        notes.refuse(
            str(table.path),
            "is a table, and the training data are an array, whose columns have no names; give an "
            ".npz or .npy file",
        )
    missing = [name for name in form.columns if name not in columns]
    if missing:
        notes.refuse(
            str(table.path), f"lacks columns that the training data have: {listed(missing)}"
        )
    optional = ("label", "true_label", "id")
    present = {role: name for role in optional if (name := getattr(form, role)) in columns}
    form = form.model_copy(update={role: present.get(role) for role in optional})
    for name in form.columns:
        must_be_number = form.kind == "features" or (
            form.kind == "table" and name not in form.words
        )
        column = columns.get(name)
        if must_be_number and column and column.type == "text" and column.filled:
            words = sorted(column.distinct, key=lambda word: (_is_number(word), word))
            notes.refuse(name, f"must hold numbers, as in the training data: {listed(words[:1])}")
    if notes.problems:
        return None
    if unused := [name for name in columns if name not in {*form.columns, *present.values()}]:
        notes.reading.append(
            f"columns that the training data do not have, or use: {listed(unused)}"
        )
    commas = {name: "," for name, column in columns.items() if column.decimal == ","}
    return replace(Roles(form), decimals=commas)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.,]+([eE][-+]?\d+)?", word) is not None
