"""Tables as text with a separator: CSV and TSV.

Every cell is read as the text that it is. The separator is found where just one fits the first
rows; what could be read in two ways is refused, with both readings.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.tables import TableFile, first_line

# A row must fit into a block, so blocks grow where one does not. Arrow reads 32 of them ahead.
_BLOCK_BYTES, _LONGEST_BLOCK = 2**19, 2**28
# Cells are handed on by the so many bytes: each block costs time for every column.
_HANDED_ON = 8 * 2**20
_HEAD_BYTES = 2**20
_HEAD_ROWS = 20
_SEPARATORS = {",": ",", ";": ";", "\t": "tab", "|": "|"}
# Tried where a file is not UTF-8: Western, Central European and Cyrillic text of Windows.
_OTHERS = ("cp1252", "cp1250", "cp1251")
_BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Dialect:
    """How a text file is written.

    Attributes:
        names: of its columns.
        separator: between them.
        encoding: None: UTF-8.
    """

    names: tuple[str, ...]
    separator: str
    encoding: str | None


def open_delimited(
    path: Path, notes: Notes, *, separator: str | None = None, encoding: str | None = None
) -> TableFile | None:
    """Open a CSV or TSV file; None, with a problem, where it cannot be one."""
    dialect = find_dialect(path, notes, separator=separator, encoding=encoding)
    if dialect is None:
        return None

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return _read(path, dialect.names, columns, dialect.separator, dialect.encoding, notes)

    return TableFile(path, dialect.names, read, {})


def find_dialect(
    path: Path, notes: Notes, *, separator: str | None = None, encoding: str | None = None
) -> Dialect | None:
    r"""Return how a CSV or TSV file is written; None, with a problem, where it cannot be one.

    Args:
        path: of the file.
        notes: takes problems, and how the file was read.
        separator: between columns; `tab` or `\t` for a tab; None: found.
        encoding: None: UTF-8, or UTF-16 where the file says so.
    """
    place = str(path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if encoding is None and head[:2] in _BYTE_ORDER_MARKS:
        encoding = _BYTE_ORDER_MARKS[head[:2]]
        notes.reading.append(f"{path.name} is {encoding.upper()}")
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        notes.refuse("encoding", f"{encoding!r} is not known; try utf-8, latin-1 or cp1252")
        return None
    fault = _fault_of_encoding(path, encoding or "utf-8")
    if fault is not None:
        notes.refuse(place, fault)
        return None
    text = codecs.getincrementaldecoder(encoding or "utf-8-sig")().decode(head)
    if not text.strip():
        notes.refuse(place, "is empty; the first row must name the columns")
        return None
    is_whole = len(head) < _HEAD_BYTES
    separator = _separator(path, text, separator, is_whole, notes)
    if separator is None:
        return None
    rows = _rows(text, separator)
    names = tuple(name.strip() for name in rows[0]) if rows else ()
    if not names:
        notes.refuse(place, "its first row cannot be read; it must name the columns")
        return None
    return Dialect(names, separator, encoding)


def _rows(text: str, separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if row:
                rows.append(row)
            if len(rows) > _HEAD_ROWS:
                break
    except csv.Error:  # in a row that the real reader will judge
        pass
    return rows


def _separator(
    path: Path, text: str, wanted: str | None, is_whole: bool, notes: Notes
) -> str | None:
    """Return the separator: the one wanted, or the only one that gives rows of one length."""
    if wanted is not None:
        separator = {"tab": "\t", "\\t": "\t"}.get(wanted, wanted)
        if len(separator) == 1 and separator not in '"\r\n':
            return separator
        notes.refuse("separator", f"{wanted!r} must be one character, or tab")
        return None
    if path.suffix.lower() == ".tsv":
        return "\t"
    fitting = []
    for separator in _SEPARATORS:
        rows = _rows(text, separator)
        # The last row of a part of a file may be cut off.
        rows = rows if is_whole or len(rows) > _HEAD_ROWS else rows[:-1] or rows
        if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1:
            fitting.append(separator)
    if len(fitting) > 1:
        readings = " or ".join(
            f"separator: {_SEPARATORS[one]!r} ({len(_rows(text, one)[0])} columns)"
            for one in fitting
        )
        notes.refuse(str(path), f"can be read with several separators; say which: {readings}")
        return None
    if fitting and fitting != [","]:
        notes.reading.append(f"{path.name} is separated by {_SEPARATORS[fitting[0]]}")
    return fitting[0] if fitting else ","


def _read(
    path: Path,
    names: Sequence[str],
    columns: Sequence[str],
    separator: str,
    encoding: str | None,
    notes: Notes,
) -> Iterator[pa.RecordBatch]:
    """Yield blocks of cells, all of them text."""
    bad: list[str] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        number = f"row {row.number - 1:,}" if row.number else "a row"  # the first names columns
        text = row.text if len(row.text) <= 60 else f"{row.text[:60]}..."
        bad.append(f"{number} has {row.actual_columns}: {text!r}")
        return "skip"

    last, done, size = None, 0, _BLOCK_BYTES
    while True:
        bad.clear()
        to_skip = done  # rows that came out of smaller blocks
        try:
            reader = _open(path, names, columns, separator, encoding, size=size, skip=skip)
            for batch in _joined(reader, max(1, _HANDED_ON // size)):
                rest = batch.slice(min(to_skip, batch.num_rows))
                to_skip -= batch.num_rows - rest.num_rows
                done += rest.num_rows
                last = rest if rest.num_rows else last
                yield rest
            break
        except pa.ArrowInvalid as error:
            fault = first_line(error)
            is_long = "straddling" in fault or "out of sync" in fault
            if is_long and size < _LONGEST_BLOCK:
                size *= 8
                continue
            if is_long:
                fault = (
                    f"has a row of more than {_LONGEST_BLOCK // 2**20} MB, or a quote that is "
                    "never closed; JSON lines (.jsonl) and Parquet hold longer texts"
                )
            notes.refuse(str(path), fault)
            break
    if bad:
        more = f"; {len(bad) - 3:,} more rows are like that" if len(bad) > 3 else ""
        rule = f"rows must have {len(names)} cells, as the first one, which names the columns"
        way_out = "put cells that hold the separator between double quotes"
        notes.refuse(str(path), f"{rule}; {'; '.join(bad[:3])}{more}; {way_out}")
    if last is not None and _ends_in_quotes(path, last, names):
        notes.refuse(str(path), "a double quote is opened and never closed; its last row begins "
                     f"{str(last.column(0)[-1])[:60]!r}")  # fmt: skip
    notes.stop_if_refused()


def _open(
    path: Path,
    names: Sequence[str],
    columns: Sequence[str],
    separator: str,
    encoding: str | None,
    *,
    size: int,
    skip: Callable[[pyarrow.csv.InvalidRow], str],
) -> pyarrow.csv.CSVStreamingReader:
    """Open a file to be read in blocks of so many bytes, all cells as text."""
    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,
            block_size=min(size, path.stat().st_size + 1),
            column_names=list(names),
            skip_rows_after_names=1,
            encoding=encoding or "utf8",
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            include_columns=list(columns),
        ),
    )


def _joined(batches: Iterator[pa.RecordBatch], count: int) -> Iterator[pa.RecordBatch]:
    """Yield so many blocks at a time as one."""
    while several := list(islice(batches, count)):
        yield from pa.Table.from_batches(several).combine_chunks().to_batches()


def _ends_in_quotes(path: Path, batch: pa.RecordBatch, names: Sequence[str]) -> bool:
    """Return whether the last cell of a file swallowed lines, as its quote is never closed."""
    if batch.schema.names[-1] != names[-1] or "\n" not in str(batch.column(-1)[-1]):
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16))
        return not file.read().rstrip(b"\r\n\0 ").endswith(b'"')


def _fault_of_encoding(path: Path, encoding: str) -> str | None:
    """Return which line is not in the encoding, with its readings in others; None: all are."""
    with path.open("rb") as file:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while block := file.read(2**20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
            return None
        except UnicodeError:
            file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeError as error:
                start = error.start if isinstance(error, UnicodeDecodeError) else 0
                part = line[max(0, start - 20) : start + 20]
                others = [other for other in _OTHERS if _can_decode(part, other)]
                readings = [f"encoding: {other} reads {part.decode(other)!r}" for other in others]
                way_out = f"say which it is: {', '.join(readings)}" if others else "it is damaged"
                return f"line {number:,} is not {encoding.upper()}; {way_out}"
    return f"is not {encoding.upper()} to its end; it is damaged, or of another encoding"


def _can_decode(part: bytes, encoding: str) -> bool:
    try:
        part.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
