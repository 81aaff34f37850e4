"""Tables of any format, read in blocks, so that no second copy of a large one is ever needed.

A cell is text, a number, a list of numbers, or missing. Delimited text and JSON lines give text
alone, as it stands in the file: what is a number is decided once all of a column was seen
(`columns`). Parquet and Arrow files say themselves what their columns are.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tune_noise.data.sources.notes import Notes

BLOCK_ROWS = 2048
# Pages of a large Parquet file are read one by one. A page takes what its header declares, so those
# of a small file come out of the whole file, which bounds them.
_BUFFER_BYTES, _LARGE_BYTES = 2**16, 2**26
# What the folder of one table, or of several splits, holds that `datasets` saved.
SAVED_FILES = ("state.json", "dataset_dict.json")
# Columns of a writer's own, which hold no data.
_INDEX_COLUMNS = ("", "Unnamed:", "__index_level_")


@dataclass(frozen=True)
class TableFile:
    """A table, which is read anew at every call of `blocks`.

    Attributes:
        path: of the file or folder.
        names: of its columns.
        read: yields blocks of some columns.
        class_names: column -> the words that its numbers stand for, as Hugging Face keeps them.
        at_once: how many columns are best read together; None: all of them.
    """

    path: Path
    names: tuple[str, ...]
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
    class_names: Mapping[str, Sequence[str]]
    at_once: int | None = None

    def groups(self, columns: Sequence[str]) -> list[Sequence[str]]:
        """Return columns in the groups that are read one after the other."""
        step = self.at_once or max(1, len(columns))
        return [columns[start : start + step] for start in range(0, len(columns), step)]

    def blocks(self, columns: Sequence[str], notes: Notes) -> Iterator[dict[str, pa.Array]]:
        """Yield blocks as plain columns; a file that cannot be read to its end is refused."""
        try:
            for batch in self.read(columns):
                batch.validate(full=True)  # text that is not UTF-8, and other damage
                arrays = zip(batch.schema.names, batch.columns, strict=True)
                yield {name: _plain(array, self.class_names.get(name)) for name, array in arrays}
        except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
            notes.refuse(str(self.path), f"cannot be read: {first_line(error)}")
            notes.stop_if_refused()


def first_line(error: Exception) -> str:
    """Return one printable line of a library's message."""
    text = str(error).partition("\n")[0][:300]
    return (text if text.isprintable() else repr(text)) or type(error).__name__


def is_index(name: str) -> bool:
    """Return whether a column was added by pandas, and holds nothing but row numbers."""
    return name == "" or name.startswith(_INDEX_COLUMNS[1:])


def _plain(array: pa.Array, class_names: Sequence[str] | None) -> pa.Array:
    """Return a column as text, numbers or lists; what is none of them stays as it is."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage, class_names)
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary_decode(), class_names)
    if class_names is not None and pa.types.is_integer(kind):
        # Hugging Face's number for "no label" is -1.
        indices = pc.if_else(pc.greater_equal(array, 0), array, None)
        return pa.array(class_names, pa.string()).take(indices)
    if pa.types.is_boolean(kind):
        return pc.if_else(array, "True", "False")
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return array.cast(pa.float64())
    if pa.types.is_null(kind) or pa.types.is_temporal(kind):
        return array.cast(pa.string())
    return array


def open_parquet(path: Path, notes: Notes) -> TableFile | None:
    """Open a Parquet file; None, with a problem, where it is not one."""
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = tuple(schema.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        notes.refuse(str(path), f"cannot be read as a Parquet file: {first_line(error)}")
        return None

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        # One reader for all row groups would keep what it has read of the earlier ones, and one
        # that reads ahead takes a whole row group, which may be the file.
        buffer = _BUFFER_BYTES if path.stat().st_size > _LARGE_BYTES else 0
        with pq.ParquetFile(path, buffer_size=buffer, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                yield from file.iter_batches(
                    BLOCK_ROWS, row_groups=[group], columns=list(columns), use_threads=False
                )

    # A page of each column is kept, of a megabyte or so.
    return TableFile(path, names, read, class_names_of(schema), at_once=16)


def open_arrow(path: Path, files: Sequence[Path], notes: Notes) -> TableFile | None:
    """Open the Arrow files of a folder that `datasets` saved; None, with a problem, if it fails."""
    try:
        with pa.memory_map(str(files[0])) as source:
            schema = pa.ipc.open_stream(source).schema
            names = tuple(schema.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        notes.refuse(str(files[0]), f"cannot be read as an Arrow file: {first_line(error)}")
        return None

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for file in files:
            with pa.memory_map(str(file)) as source:
                for batch in pa.ipc.open_stream(source):
                    yield batch.select(list(columns))

    return TableFile(path, names, read, class_names_of(schema))


def open_saved(folder: Path, notes: Notes) -> dict[str, TableFile] | None:
    """Open a folder that `datasets` saved by `save_to_disk`: its tables by split.

    Returns:
        None where the folder is not one; without the splits that cannot be opened, with a problem.
    """
    try:
        if (folder / "dataset_dict.json").is_file():
            described = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))
            places = {str(name): folder / str(name) for name in described["splits"]}
        elif (folder / "state.json").is_file():
            places = {"train": folder}
        else:
            return None
        tables = {}
        for name, place in places.items():
            state = json.loads((place / "state.json").read_text(encoding="utf-8"))
            files = [place / Path(file["filename"]).name for file in state["_data_files"]]
            table = open_arrow(place, files, notes) if files else None
            if table is not None:
                tables[name] = table
    except (OSError, ValueError, LookupError, TypeError) as error:
        fault = f"cannot be read as a folder that `datasets` saved: {first_line(error)}"
        notes.refuse(str(folder), fault)
        return {}
    return tables


def class_names_of(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the words of each ClassLabel that `datasets` described in a file."""
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features: dict[str, Any] = described.get("info", {}).get("features", {})
        return {
            name: [str(word) for word in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, AttributeError, LookupError, TypeError):
        return {}


def open_json_lines(path: Path, notes: Notes) -> TableFile | None:
    """Open a file with one JSON object in each line; None, with a problem, where it is not one."""
    names: dict[str, bool] = {}  # column -> whether it holds lists
    bad: list[str] = []
    for number, row in _json_rows(path, notes):
        if not isinstance(row, dict):
            bad.append(f"line {number}: {row if isinstance(row, str) else 'is not an object'}")
            continue
        for name, value in row.items():
            names[name] = names.get(name, False) or isinstance(value, list)
            if isinstance(value, dict) or (
                isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
            ):
                bad.append(f"line {number}: {name!r} holds objects or lists within it")
    if bad:
        more = f" and {len(bad) - 3:,} more lines" if len(bad) > 3 else ""
        notes.refuse(str(path), f"is not one JSON object in each line: {'; '.join(bad[:3])}{more}")
    elif not names:
        notes.refuse(str(path), "is empty; write one JSON object in each line")
    if bad or not names:
        return None

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        types = {name: pa.list_(pa.string()) if names[name] else pa.string() for name in columns}
        schema = pa.schema(types)
        rows: list[dict[str, Any]] = []
        for _, row in _json_rows(path, notes):
            rows.append({name: _as_text(row.get(name)) for name in columns})
            if len(rows) == BLOCK_ROWS:
                yield pa.RecordBatch.from_pylist(rows, schema)
                rows = []
        yield pa.RecordBatch.from_pylist(rows, schema)

    return TableFile(path, tuple(names), read, {})


def _json_rows(path: Path, notes: Notes) -> Iterator[tuple[int, Any]]:
    """Yield the number of each line with its value: numbers as they are written, faults as text."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        yield (
                            number,
                            json.loads(line, parse_float=str, parse_int=str, parse_constant=str),
                        )
                    except (ValueError, RecursionError) as error:
                        yield number, first_line(error)
    except UnicodeDecodeError as error:
        notes.refuse(str(path), f"is not UTF-8 ({error.reason}); JSON lines must be")
        notes.stop_if_refused()


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, bool) else value
