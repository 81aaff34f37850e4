"""What comes up while data are read: problems, how they were understood, and what is odd."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from tune_noise.errors import ConfigError, DataError, Problem

# Named in full up to here; a longer list helps nobody.
MAX_LISTED = 5


@dataclass
class Notes:
    """Collected by every step of a reader, so that all problems are told at once."""

    source: str
    problems: list[Problem] = field(default_factory=list)
    reading: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, place: str, message: str) -> None:
        """Add a problem; the reader goes on as far as it can."""
        self.problems.append(Problem(place, message))

    def stop_if_refused(self) -> None:
        """Raise DataError with all problems, if there are any."""
        if self.problems:
            raise DataError(str(ConfigError(self.source, self.problems)))


def listed(values: Sequence[object]) -> str:
    """Return the first few of some values, and how many there are if that is more.

    Example:
        >>> listed(["cat", "dog"]), listed(range(9))
        ("'cat', 'dog'", '0, 1, 2, 3, 4, ... (9)')
    """
    text = ", ".join(repr(value) for value in values[:MAX_LISTED])
    return f"{text}, ... ({len(values):,})" if len(values) > MAX_LISTED else text


def missing_labels(labels: np.ndarray | None, split: str) -> list[str]:
    """Return a sentence that says how many labels of a split are missing, if any are."""
    if labels is None:
        return []
    missing = sum(label is None for label in labels)
    return [f"{missing:,} of {len(labels):,} {split} examples have no label"] if missing else []


def near_path(path: Path) -> str:
    """Return the end of a message about a path that does not exist: the nearest name, if any."""
    while not path.parent.exists():
        path = path.parent
    try:
        close = get_close_matches(path.name, os.listdir(path.parent), n=1)
    except OSError:  # it is not a folder, or may not be read
        return ""
    return f"; did you mean {str(path.parent / close[0])!r}?" if close else ""
