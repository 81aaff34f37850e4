"""A first look at all cells of a table: what each column holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from tune_noise.data.sources.notes import Notes
from tune_noise.data.sources.tables import TableFile

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
)
_PICTURE = rf"(?i)\.({'|'.join(suffix[1:] for suffix in sorted(PICTURE_SUFFIXES))})$"
# What stands for a gap among numbers. Among words, only an empty cell does.
GAPS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "?", "-")
# Different words are counted up to here: more are no categories.
MAX_DISTINCT = 10_001
_COMMA_NUMBER = r"^[-+]?\d*,\d+$|^[-+]?\d+$"
_THOUSANDS = r"^[-+]?\d{1,3}(,\d{3})+$|^[-+]?\d{1,3}$"


@dataclass
class Column:
    """What one column holds.

    Attributes:
        type: `number` where every cell is one or a gap.
        filled: how many cells are not gaps.
        gaps: how many cells are missing, empty, or among numbers one of `GAPS`.
        decimal: `.` or `,`; None where a comma may divide thousands or be the decimal sign.
        distinct: different words, at most MAX_DISTINCT; of columns of text alone.
        spaces: within the words.
        are_files: whether the cells hold whole files, as Hugging Face keeps pictures in a table.
    """

    name: str
    type: Literal["number", "text", "list", "other"] = "number"
    gaps: int = 0
    filled: int = 0
    decimal: str | None = "."
    distinct: set[str] = field(default_factory=set)
    spaces: int = 0
    are_files: bool = False
    _has_points: bool = True
    _has_commas: bool = True
    _may_be_thousands: bool = True
    _ends_as_pictures: bool = True

    @property
    def is_long_text(self) -> bool:
        """Whether the words are texts: of several words each, and mostly different."""
        is_varied = len(self.distinct) > min(self.filled, MAX_DISTINCT) / 2
        return self.type == "text" and is_varied and self.spaces >= 3 * self.filled > 0

    @property
    def are_pictures(self) -> bool:
        """Whether every word ends as the name of a picture file."""
        return self.type == "text" and self.filled > 0 and self._ends_as_pictures

    @property
    def are_lists(self) -> bool:
        """Whether every word is a list, written as text."""
        return bool(self.distinct) and all(
            word.startswith("[") and word.endswith("]") for word in self.distinct
        )

    def see(self, cells: pa.Array) -> None:
        """Take in a block."""
        kind = cells.type
        if pa.types.is_string(kind):
            self._see_text(cells)
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            self._count(len(cells), pc.sum(pc.is_null(cells, nan_is_null=True)).as_py() or 0)
        else:
            is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
            is_list = is_list or pa.types.is_fixed_size_list(kind)
            self.type = "list" if is_list else "other"
            is_struct = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
            self.are_files = is_struct or pa.types.is_binary(kind)
            self._count(len(cells), cells.null_count)

    def _count(self, cells: int, gaps: int) -> None:
        self.gaps, self.filled = self.gaps + gaps, self.filled + cells - gaps

    def _see_text(self, cells: pa.Array) -> None:
        if self._has_points:
            numbers = as_numbers(cells, ".")
            if numbers is not None:
                return self._count(len(cells), numbers.null_count)
            self._has_points = False
        self._has_commas = self._has_commas and as_numbers(cells, ",") is not None
        words = pc.utf8_trim_whitespace(cells.drop_null())
        words = words.filter(pc.not_equal(words, ""))
        self._count(len(cells), len(cells) - len(words))
        if len(self.distinct) < MAX_DISTINCT:
            self.distinct.update(pc.unique(words).slice(0, MAX_DISTINCT).to_pylist())
        self.spaces += pc.sum(pc.count_substring(words, " ")).as_py() or 0
        self._may_be_thousands = self._may_be_thousands and _all_match(words, _THOUSANDS)
        self._ends_as_pictures = self._ends_as_pictures and _all_match(words, _PICTURE)
        return None

    def conclude(self, decimal: str | None) -> None:
        """Decide what the column is, once all of it was seen."""
        if self.type == "number" and (self.filled == 0 or not self._has_points):
            if self.filled == 0 or not self._has_commas or decimal == ".":
                self.type = "text"
            else:
                is_clear = decimal == "," or not self._may_be_thousands
                self.decimal = "," if is_clear else None


def _all_match(words: pa.Array, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(words, pattern)).as_py() is not False


def as_numbers(cells: pa.Array, decimal: str = ".") -> pa.Array | None:
    """Return cells as float64, null where there is a gap; None where one is not a number."""
    if pa.types.is_string(cells.type):
        cells = pc.utf8_trim_whitespace(cells)
        cells = pc.if_else(pc.is_in(cells, pa.array(GAPS)), None, cells)
        if decimal == ",":
            if not _all_match(cells, _COMMA_NUMBER):
                return None
            cells = pc.replace_substring(cells, ",", ".")
    try:
        return cells.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def look_at(table: TableFile, notes: Notes, decimal: str | None) -> Mapping[str, Column]:
    """Return what every column of a table holds."""
    columns = {name: Column(name) for name in table.names}
    for names in table.groups(table.names):
        for block in table.blocks(names, notes):
            for name, cells in block.items():
                columns[name].see(cells)
    for column in columns.values():
        column.conclude(decimal)
        if column.decimal is None:
            notes.refuse(
                column.name,
                "holds numbers whose comma may be a decimal sign or divide thousands; say which: "
                "decimal: ',' or decimal: '.'",
            )
    return columns
