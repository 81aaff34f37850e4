"""A new version of annotators' answers, in which people have settled what some items are.

The class that was confirmed is the only answer to such an item. Its annotator has a name that says
who settled it: the answers of the others would tell wrong things of how far they can be trusted.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.answers import roles_of
from tune_noise.data.sources.delimited import Dialect, find_dialect
from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.raw import RawData
from tune_noise.data.sources.read import read_source
from tune_noise.data.sources.relabelled_tables import as_line, records
from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.system.files import expand_home

# Item of the training split -> (annotator, word).
Settled = Mapping[int, tuple[str, str]]
Row = tuple[list[str], str]


def write_answers(
    raw: RawData, source: DataSource, settled: Settled, output: Path
) -> tuple[DataSource, list[Path]]:
    """Write the answers, or the table that holds them, to a new file.

    Raises:
        UserError: the output is there already, or the answers have another form than these.
        OSError: the output cannot be written.
    """
    is_beside = isinstance(source.answers, str)
    place = Path(expand_home(str(source.answers) if is_beside else source.train))
    if place.suffix.lower() not in (".npy", ".csv", ".tsv"):
        raise UserError(
            f"{place}: answers of several annotators are written as .csv, .tsv or .npy: save them "
            "so, and search on that"
        )
    if output.suffix.lower() != place.suffix.lower():
        raise UserError(f"--output {output}: must end in {place.suffix}, the form of the answers")
    if output.exists():
        raise UserError(f"--output {output}: is there already: choose another name")
    names = list(dict.fromkeys(name for name, _ in settled.values()))
    matrix = np.load(place, allow_pickle=False) if place.suffix.lower() == ".npy" else None
    if matrix is not None:
        # Its annotators are called by their columns.
        numbers = {name: str(matrix.shape[1] + n) for n, name in enumerate(names)}
        settled = {item: (numbers[name], word) for item, (name, word) in settled.items()}
    added = [name for name in names if name not in (source.answers or ())]
    version = source.model_copy(
        update={"answers": str(output)}
        if is_beside
        else {"train": str(output), "answers": [*(source.answers or ()), *added]}
    )
    wanted = answers_by_item(raw)
    for item, (name, word) in settled.items():
        wanted[item] = {name: word}
    try:
        if matrix is None:
            _write_lines(raw, source, place, settled, output)
        else:
            np.save(output, _widened(matrix, settled, len(names)))
        if answers_by_item(read_source(version)) != wanted:
            raise TuneNoiseError(f"the answers of {raw.name} could not be written as wanted")
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    return version, [output]


def answers_by_item(raw: RawData) -> list[dict[str, str]]:
    """Return annotator -> word for each item of the training split."""
    assert raw.answers is not None
    assert raw.annotators is not None
    names = raw.annotators.tolist()
    return [
        {names[w]: raw.class_names[row[w]] for w in np.flatnonzero(row >= 0)} for row in raw.answers
    ]


def _widened(matrix: np.ndarray, settled: Settled, more: int) -> np.ndarray:
    """Return a matrix with columns for those who have settled items."""
    # Unsigned numbers have none for no answer.
    dtype = matrix.dtype if matrix.dtype.kind == "i" else np.int64
    columns = np.full((len(matrix), more), -1, dtype=dtype)
    wide = np.concatenate([matrix.astype(dtype), columns], axis=1)
    for item, (name, word) in settled.items():
        wide[item] = -1
        wide[item, int(name)] = int(word)
    return wide


def _write_lines(
    raw: RawData, source: DataSource, place: Path, settled: Settled, output: Path
) -> None:
    notes = Notes(str(place))
    dialect = find_dialect(place, notes, separator=source.separator, encoding=source.encoding)
    notes.stop_if_refused()
    assert dialect is not None
    roles, is_beside = roles_of(dialect.names), isinstance(source.answers, str)
    task = roles["task"] if is_beside else None
    # Without a column of tasks the rows are the items.
    ids = raw.train.ids if task is not None else None if is_beside else raw.train.label_rows
    said = {str(item if ids is None else ids[item]): told for item, told in settled.items()}
    change = _long if is_beside and roles["worker"] and roles["label"] else _wide
    code = dialect.encoding or "utf-8"
    with (
        place.open(encoding=code, newline="") as file,
        output.open("x", encoding=code, newline="") as target,
    ):
        target.writelines(change(records(file, dialect.separator), dialect, said, task, source))


def _long(
    rows: Iterable[Row],
    dialect: Dialect,
    said: Mapping[str, tuple[str, str]],
    _task: str | None,
    _source: DataSource,
) -> Iterator[str]:
    """Yield the lines of a table that has a row for each answer."""
    roles = roles_of(dialect.names)
    task, worker, label = (
        dialect.names.index(str(roles[role])) for role in ("task", "worker", "label")
    )
    done = set()
    for number, (row, text) in enumerate(rows):
        item = row[task] if number and row else None
        if item not in said:
            yield text
        elif item not in done:
            done.add(item)
            cells = [""] * len(row)
            cells[task], cells[worker], cells[label] = str(item), *said[str(item)]
            yield as_line(cells, dialect.separator, like=text)


def _wide(
    rows: Iterable[Row],
    dialect: Dialect,
    said: Mapping[str, tuple[str, str]],
    task: str | None,
    source: DataSource,
) -> Iterator[str]:
    """Yield the lines of a table that has a column for each annotator."""
    names = dialect.names
    others = set(names) - {task} if isinstance(source.answers, str) else {*(source.answers or ())}
    added = [name for name in dict.fromkeys(n for n, _ in said.values()) if name not in names]
    place = {name: column for column, name in enumerate([*names, *added])}
    for number, (row, text) in enumerate(rows, start=-1):
        item = row[place[task]] if task is not None and row else str(number)
        if number < 0:
            yield as_line([*row, *added], dialect.separator, like=text)
        elif row and item in said:
            cells = ["" if names[c] in others else cell for c, cell in enumerate(row)]
            cells += [""] * len(added)
            annotator, word = said[item]
            cells[place[annotator]] = word
            yield as_line(cells, dialect.separator, like=text)
        else:
            rest = text.rstrip("\r\n")
            yield rest + (dialect.separator * len(added) if row else "") + text[len(rest) :]
