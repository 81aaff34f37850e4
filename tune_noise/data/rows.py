"""Rows of the raw inputs of several splits, put together; copied only where they must be."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from tune_noise.errors import StorageError

# Inputs that would be copied in memory are written to a file if they are larger, by so many rows.
_LARGE_BYTES = 2**26
_BLOCK_ROWS = 4096


def gathered(inputs: Sequence[Any], rows: np.ndarray, folder: Path) -> Any:
    """Return what `taken` does; a large copy is mapped from a file, so that memory has one alone.

    The file has no name, and ends with the array.

    Raises:
        StorageError: the folder has no room for it.
    """
    if len(rows) * inputs[0][:1].nbytes < _LARGE_BYTES or _is_run(inputs, rows):
        return taken(inputs, rows)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            for start in range(0, len(rows), _BLOCK_ROWS):
                block = taken(inputs, rows[start : start + _BLOCK_ROWS])
                file.write(np.ascontiguousarray(block).data)
            file.flush()
            shape = (len(rows), *inputs[0].shape[1:])
            return np.memmap(file, inputs[0].dtype, mode="r", shape=shape).view(np.ndarray)
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be used ({error.strerror or error}): make room, or name another "
            "folder by TUNE_NOISE_DATA"
        ) from error


def _is_run(inputs: Sequence[Any], rows: np.ndarray) -> bool:
    """Return whether sorted rows follow each other in one split."""
    first, last = np.searchsorted(np.cumsum([*map(len, inputs)]), rows[[0, -1]], side="right")
    return bool(first == last and rows[-1] - rows[0] == len(rows) - 1)


def taken(inputs: Sequence[Any], rows: np.ndarray) -> Any:
    """Return some raw inputs of several splits, which are numbered through; None: of no rows.

    The rows are sorted. Those that follow each other in one split are not copied.
    """
    if not len(rows):
        return None
    starts = np.cumsum([0, *map(len, inputs)])
    pieces = []
    for start, part in zip(starts, inputs, strict=False):
        here = rows[(rows >= start) & (rows < start + len(part))] - start
        is_run = len(here) and here[-1] - here[0] == len(here) - 1
        rows_here = slice(here[0], here[-1] + 1) if is_run else here
        if len(here):
            pieces.append(part[rows_here] if isinstance(part, np.ndarray) else part.iloc[rows_here])
    return joined(pieces)


def joined(pieces: Sequence[Any]) -> Any:
    """Return raw inputs of one kind, one after the other; a single piece as it is."""
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    import pandas as pd

    return pd.concat(pieces, ignore_index=True)
