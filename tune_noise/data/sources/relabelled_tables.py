"""Write a table again with other labels: every other cell, row and column stays as it is.

Of text only the lines that change are written anew. `Words` says what changes: the row, from 0 on,
and the new word.
"""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tune_noise.data.sources.delimited import find_dialect
from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.tables import class_names_of

Words = Mapping[int, str]


def relabel_delimited(
    path: Path,
    target: Path,
    column: str,
    words: Words,
    *,
    separator: str | None,
    encoding: str | None,
) -> None:
    """Write a CSV or TSV file with other labels.

    Raises:
        DataError: the file cannot be read any more.
        OSError: the target cannot be written.
    """
    notes = Notes(str(path))
    dialect = find_dialect(path, notes, separator=separator, encoding=encoding)
    notes.stop_if_refused()
    assert dialect is not None
    place, code = dialect.names.index(column), dialect.encoding or "utf-8"
    csv.field_size_limit(sys.maxsize)  # texts may be long
    with (
        path.open(encoding=code, newline="") as file,
        target.open("w", encoding=code, newline="") as output,
    ):
        # The first row names the columns.
        for number, (row, text) in enumerate(records(file, dialect.separator), start=-1):
            if number in words and row:
                row[place] = words[number]
                text = as_line(row, dialect.separator, like=text)
            output.write(text)


def records(file: io.TextIOBase, separator: str) -> Iterator[tuple[list[str], str]]:
    """Yield each row with its text, which holds the blank lines after it."""
    lines: list[str] = []

    def remembered() -> Iterator[str]:
        for line in file:
            lines.append(line)
            yield line

    before: tuple[list[str], str] = ([], "")
    for row in csv.reader(remembered(), delimiter=separator):
        text = "".join(lines)
        lines.clear()
        if not row or not before[0]:  # a blank line is no row
            before = (row or before[0], before[1] + text)
            continue
        yield before
        before = (row, text)
    yield before


def as_line(row: Sequence[str], separator: str, *, like: str) -> str:
    """Return a row as text, which ends as another one does."""
    output = io.StringIO()
    rest = like.rstrip("\r\n")
    csv.writer(output, delimiter=separator, lineterminator=like[len(rest) :]).writerow(row)
    return output.getvalue()


def relabel_json_lines(path: Path, target: Path, column: str, words: Words) -> None:
    """Write a file of JSON lines with other labels; a number stays a number.

    Raises:
        OSError: the target cannot be written.
    """
    number = 0
    with (
        path.open(encoding="utf-8", newline="") as file,
        target.open("w", encoding="utf-8", newline="") as output,
    ):
        for line in file:
            if number in words and line.strip():
                row = json.loads(line.removeprefix("\ufeff"))
                row[column] = _like(row[column], words[number])
                rest = line.rstrip("\r\n")
                mark = "\ufeff" if line.startswith("\ufeff") else ""
                text = json.dumps(row, ensure_ascii=line.isascii())
                output.write(f"{mark}{text}{line[len(rest) :]}")
            else:
                output.write(line)
            number += bool(line.strip())


def _like(value: Any, word: str) -> Any:
    if isinstance(value, bool):
        return word == "True"
    return type(value)(word) if isinstance(value, int | float) else word


def relabel_parquet(path: Path, target: Path, column: str, words: Words) -> None:
    """Write a Parquet file with other labels, row group by row group.

    Raises:
        DataError: the file cannot be read any more, or its labels cannot hold the words.
        OSError: the target cannot be written.
    """
    with pq.ParquetFile(path) as file:
        schema, groups = file.schema_arrow, file.num_row_groups
        codec = file.metadata.row_group(0).column(0).compression.lower() if groups else "snappy"
        codec = "none" if codec == "uncompressed" else codec
        with pq.ParquetWriter(target, schema, compression=codec) as writer:
            first = 0
            for group in range(groups):
                table = file.read_row_group(group)
                changed = _changed(table.combine_chunks(), column, words, first)
                writer.write_table(changed, row_group_size=max(1, len(table)))
                first += len(table)


def relabel_arrow(
    files: Sequence[Path], targets: Sequence[Path], column: str, words: Words
) -> None:
    """Write the Arrow files of one split that `datasets` saved with other labels."""
    first = 0
    for path, target in zip(files, targets, strict=True):
        with pa.memory_map(str(path)) as source, pa.OSFile(str(target), "wb") as sink:
            reader = pa.ipc.open_stream(source)
            with pa.ipc.new_stream(sink, reader.schema) as writer:
                for batch in reader:
                    table = _changed(pa.Table.from_batches([batch]), column, words, first)
                    writer.write_table(table.combine_chunks())
                    first += len(batch)


def _changed(table: pa.Table, column: str, words: Words, first: int) -> pa.Table:
    """Return a table, whose rows are numbered from `first` on, with other labels."""
    rows = sorted(row - first for row in words if first <= row < first + len(table))
    if not rows:
        return table
    place = table.schema.get_field_index(column)
    field = table.schema.field(place)
    names = class_names_of(table.schema).get(column)
    new = [words[row + first] for row in rows]
    cells = table.column(place)
    is_coded = pa.types.is_dictionary(field.type)
    kind = field.type.value_type if is_coded else field.type
    mask = np.zeros(len(table), dtype=bool)
    mask[rows] = True
    plain = cells.cast(kind).combine_chunks()
    changed = pc.replace_with_mask(plain, mask, _cells(new, kind, names))
    # The same words get the same codes in every row group.
    return table.set_column(place, field, changed.cast(field.type) if is_coded else changed)


def _cells(words: Sequence[str], kind: pa.DataType, names: Sequence[str] | None) -> pa.Array:
    if names is not None and pa.types.is_integer(kind):
        return pa.array([names.index(word) for word in words]).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array([word == "True" for word in words])
    return pa.array(words, pa.string()).cast(kind)
