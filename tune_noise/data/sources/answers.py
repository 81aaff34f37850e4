"""The answers of several annotators: a long table, a wide one, or a matrix; -1 is no answer."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.parts import read_words
from tune_noise.data.sources.tables import TableFile, first_line

_NAMES: Mapping[str, tuple[str, ...]] = {
    "task": ("task", "item", "example", "id"),
    "worker": ("worker", "annotator", "rater"),
    "label": ("label", "answer"),
}
_NO_ANSWER = "-1"
_WHOLE = re.compile(r"^(-?\d+)\.0$")


def read_answers(
    path: Path,
    ids: np.ndarray | None,
    num_items: int,
    open_table: Callable[[Path], TableFile | None],
    notes: Notes,
) -> dict[str, np.ndarray]:
    """Return the word that each annotator gave to each item, object [N]; None: no answer.

    Args:
        path: of a table or an .npy file.
        ids: of the items, as tasks name them; None: tasks are positions, from 0 on.
        num_items: N.
        open_table: opens a table.
        notes: takes problems, and how the file was read.
    """
    if path.suffix.lower() == ".npy":
        return _from_matrix(path, num_items, notes)
    table = open_table(path)
    if table is None:
        return {}
    roles = roles_of(table.names)
    words = read_words(table, table.names, notes)
    tasks = None if roles["task"] is None else words.pop(roles["task"])
    if tasks is None and len(next(iter(words.values()), ())) == num_items and not roles["worker"]:
        tasks = np.arange(num_items).astype(str).astype(object)
        ids = None
    if tasks is None:
        notes.refuse(
            str(path),
            f"has columns {listed(table.names)}; it must have task, worker and label, or a column "
            f"of each annotator and a row for each of the {num_items:,} items",
        )
        return {}
    items = _items(tasks, ids, num_items, str(path), notes)
    if notes.problems:
        return {}
    if roles["worker"] is None or roles["label"] is None:
        notes.reading.append(f"{path.name} has a column of answers of each annotator")
        return {name: _placed(items, cells, num_items) for name, cells in words.items()}
    workers, labels = words[roles["worker"]], words[roles["label"]]
    if nameless := sum(worker is None for worker in workers):
        notes.refuse(str(path), f"{nameless:,} answers name no annotator")
        return {}
    pairs = Counter(zip(workers.tolist(), items.tolist(), strict=True))
    twice, count = max(pairs.items(), key=lambda pair: pair[1], default=(None, 0))
    if twice is not None and count > 1:
        notes.refuse(
            str(path),
            f"has several answers of one annotator to one item, first of {twice[0]!r} to item "
            f"{tasks[items == twice[1]][0]!r}; keep one of them",
        )
    # In one pass: there may be thousands of annotators.
    rows_of_worker: dict[str, list[int]] = {worker: [] for worker in sorted(set(workers))}
    for row, worker in enumerate(workers):
        rows_of_worker[worker].append(row)
    return {
        worker: _placed(items[rows], labels[rows], num_items)
        for worker, rows in rows_of_worker.items()
    }


def roles_of(columns: Sequence[str]) -> dict[str, str | None]:
    """Return which column holds task, worker and label; None: none does."""
    return {
        role: next((name for name in columns if name.lower() in names), None)
        for role, names in _NAMES.items()
    }


def _items(
    tasks: np.ndarray, ids: np.ndarray | None, num_items: int, place: str, notes: Notes
) -> np.ndarray:
    """Return the position of the item of each task, int64."""
    names = map(str, range(num_items)) if ids is None else ids.tolist()
    position = {name: number for number, name in enumerate(names)}
    unknown = sorted({str(task) for task in tasks if task not in position})
    if unknown:
        what = f"positions from 0 to {num_items - 1:,}" if ids is None else "ids of the examples"
        notes.refuse(place, f"names tasks that are not {what}: {listed(unknown)}")
    return np.array([position.get(task, 0) for task in tasks], dtype=np.int64)


def _placed(items: np.ndarray, words: np.ndarray, num_items: int) -> np.ndarray:
    placed = np.full(num_items, None, dtype=object)
    placed[items] = words
    return placed


def plain_answers(words: np.ndarray) -> np.ndarray:
    """Return answers as words: None for -1, and 3 for 3.0, which pandas writes beside gaps.

    Example:
        >>> plain_answers(np.array(["3.0", "-1", None, "cat"], dtype=object)).tolist()
        ['3', None, None, 'cat']
    """
    shortened = [word and _WHOLE.sub(r"\1", word) for word in words]
    return np.array([None if word == _NO_ANSWER else word for word in shortened], dtype=object)


def _from_matrix(path: Path, num_items: int, notes: Notes) -> dict[str, np.ndarray]:
    try:
        matrix = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, OverflowError) as error:
        notes.refuse(str(path), f"cannot be read as an .npy file: {first_line(error)}")
        return {}
    if matrix.dtype.kind not in "iu" or matrix.ndim != 2 or len(matrix) != num_items:
        shape = f"{matrix.dtype} {list(matrix.shape)}"
        rule = f"must be whole numbers [{num_items}, annotators], -1 where there is no answer"
        notes.refuse(str(path), f"{shape} {rule}")
        return {}
    rows, words = np.arange(num_items), matrix.astype(str).astype(object)
    return {str(w): _placed(rows, words[:, w], num_items) for w in range(matrix.shape[1])}
