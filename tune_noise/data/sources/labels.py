"""Labels as words: what a cell says, in which order classes stand, and what is wrong with them."""

import re
from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tune_noise.data.sources.notes import Notes, listed

MAX_CLASSES = 10_000
_MAX_LETTERS = 100
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


def text_of(cells: pa.ChunkedArray | pa.Array, place: str, notes: Notes) -> np.ndarray:
    """Return cells as text without spaces around it, object [N]; None where a cell is empty."""
    if pa.types.is_floating(cells.type):
        whole = pc.if_else(pc.is_finite(cells), cells, None)
        is_exact = pc.and_(pc.equal(whole, pc.round(whole)), pc.less(pc.abs(whole), 2.0**53))
        if pc.all(is_exact).as_py() is False:
            notes.refuse(
                place,
                "holds numbers with fractions; labels and ids are words or whole numbers",
            )
            return np.full(len(cells), None, dtype=object)
        cells = whole.cast(pa.int64())
        notes.reading.append(f"{place!r} holds whole numbers, written without a fraction")
    if not pa.types.is_string(cells.type):
        if not pa.types.is_integer(cells.type):
            notes.refuse(place, f"holds {cells.type}, which cannot be read as words")
            return np.full(len(cells), None, dtype=object)
        cells = cells.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(cells)
    changed = pc.sum(pc.not_equal(trimmed, cells)).as_py() or 0
    if changed:
        notes.reading.append(f"spaces around {changed:,} words of {place!r} are left out")
    words: np.ndarray = pc.if_else(pc.equal(trimmed, ""), None, trimmed).to_numpy(
        zero_copy_only=False
    )
    return words.astype(object)


def rows_of(words: np.ndarray, word: str) -> np.ndarray:
    """Return the rows that hold a word; NumPy itself would compare without NULs at the end."""
    return np.flatnonzero([one == word for one in words])


def labels_of(words: np.ndarray, place: str, missing: str | None, notes: Notes) -> np.ndarray:
    """Return labels, object [N], with None for the word that stands for a missing label."""
    different = set(words) - {None}
    if missing:
        words = words.copy()
        words[rows_of(words, missing)] = None
        return words
    is_code = "-1" in different and all(re.fullmatch(r"-1|\d+", word) for word in different)
    if missing is None and is_code and different != {"-1", "1"}:
        count = len(rows_of(words, "-1"))
        notes.refuse(
            place,
            f"is -1 in {count:,} rows, which may be a class or stand for a missing label; say "
            "which: missing: '-1', or missing: '' where it is a class (--set \"data.missing=''\")",
        )
    return words


def fault_of_words(words: Iterable[str]) -> str | None:
    """Return what is wrong with the words of classes, with the way out; None if nothing is."""
    words = sorted(words)
    if len(words) > MAX_CLASSES:
        return (
            f"holds {len(words):,} different words; at most {MAX_CLASSES:,} can be classes, as "
            "tables of class by class are kept; is it another column that holds the labels?"
        )
    for word in words:
        if not word.isprintable() or len(word) > _MAX_LETTERS:
            return (
                f"holds {word[:_MAX_LETTERS]!r}; the name of a class is one line of at most "
                f"{_MAX_LETTERS} letters"
            )
    return None


def ordered_classes(words: Collection[str]) -> tuple[str, ...]:
    """Return classes in their order: by value if all are numbers, else by code point.

    Example:
        >>> ordered_classes({"10", "9"}), ordered_classes({"b", "B", "10", "9"})
        (('9', '10'), ('10', '9', 'B', 'b'))
    """
    if all(_NUMBER.fullmatch(word) for word in words):
        return tuple(sorted(words, key=lambda word: (float(word), word)))
    return tuple(sorted(words))


def alike(words: Iterable[str]) -> list[str]:
    """Return words that differ from another one only in case or spaces."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault("".join(word.casefold().split()), []).append(word)
    return [word for group in groups.values() if len(group) > 1 for word in sorted(group)]


def check_labels(
    labels: np.ndarray, place: str, classes: Collection[str], of: str, notes: Notes
) -> None:
    """Refuse labels whose class has no training example.

    Args:
        labels: object [N], None where one is missing.
        place: of the labels.
        classes: those of the training labels.
        of: which labels they are, e.g. `test`.
        notes: takes the problem.
    """
    unknown = sorted(set(labels) - {None} - set(classes))
    if unknown:
        row = int(rows_of(labels, unknown[0])[0]) + 1
        notes.refuse(
            place,
            f"{of} labels name classes without a training example: {listed(unknown)}, first in "
            f"row {row:,}; correct the word, or leave out those rows",
        )
