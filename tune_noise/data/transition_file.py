"""A noise transition matrix of one's own, from a CSV file.

K rows of K numbers with commas between them, as `numpy.savetxt(path, T, delimiter=",")` writes:
row i holds the probabilities of the noisy labels of class i. Empty lines, and what follows a #, are
left out.
"""

import os
from pathlib import Path

import numpy as np

from tune_noise.data.dataset import Dataset
from tune_noise.errors import DataError

# 1000 classes of 25 letters each.
MAX_BYTES = 26_000_000
# The digits that a float32 keeps; numpy.savetxt writes 18.
_TOLERANCE = 1e-6


def load_transition_matrix(dataset: Dataset, *, path: str, data_dir: Path | None) -> np.ndarray:
    """Read the transition matrix of a data set's noise; see `read_transition_matrix`.

    Args:
        dataset: that it is for.
        path: of the file; `~` is the home folder.
        data_dir: not used; every reader of material takes it.
    """
    return read_transition_matrix(Path(os.path.expanduser(path)), num_classes=dataset.num_classes)


def read_transition_matrix(path: Path, *, num_classes: int) -> np.ndarray:
    """Read and check a matrix; see the module for its format.

    Args:
        path: of the file.
        num_classes: K of the data set that it is for.

    Returns:
        T, float64 [K, K], row-stochastic.

    Raises:
        DataError: the file cannot be read, or holds no such matrix; the message names the row.
    """
    rows = _rows(path)
    if len(rows) != num_classes:
        raise _wrong(path, f"it has {len(rows)} rows, and the data set has {num_classes} classes")
    values = np.empty((num_classes, num_classes))
    for number, (line, fields) in enumerate(rows):
        if len(fields) != num_classes:
            fault = f"line {line} (class {number}) has {len(fields)} numbers"
            raise _wrong(path, f"{fault}; there must be one for each of {num_classes} classes")
        for column, text in enumerate(fields):
            values[number, column] = _probability(path, line, column, text)
        if abs(values[number].sum() - 1.0) > _TOLERANCE:
            raise _wrong(
                path,
                f"line {line} (class {number}) sums to {values[number].sum():.7g}, not 1: divide "
                "it by its sum, or write more digits (numpy.savetxt writes enough)",
            )
    return values


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Yield the line number, from 1, and the fields of each line that has any."""
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise DataError(f"{path} is not a file; a path is read from the current folder")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}") from None
    if len(content) > MAX_BYTES:
        raise _wrong(path, f"it is larger than {MAX_BYTES} bytes")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [(number, line.split(",")) for number, line in enumerate(lines, 1) if line]


def _probability(path: Path, line: int, column: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 <= value <= 1.0:
        excerpt = repr(text.strip()[:40])
        raise _wrong(path, f"line {line}, number {column + 1}: {excerpt} must be in [0, 1]")
    return value


def _wrong(path: Path, fault: str) -> DataError:
    return DataError(f"{path} is not a noise transition matrix: {fault}")
