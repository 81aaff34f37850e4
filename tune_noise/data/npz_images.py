"""Images to predict, and labels to compare with: from a file as `numpy.savez_compressed` writes it.

The arrays are those of a data set (`npz_dataset`), of which images alone must be there.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tune_noise.data.npz_dataset import (
    ARRAY_NAMES,
    channels_first,
    fault_of_images,
    fault_of_labels,
)
from tune_noise.data.npz_file import read_arrays
from tune_noise.errors import ConfigError, DataError, Problem

# Array of images -> the arrays of labels that may stand beside it, the surest first.
LABELS_OF: Mapping[str, tuple[str, ...]] = {
    "images": ("true_labels", "labels"),
    "test_images": ("test_labels",),
}


@dataclass(frozen=True)
class NamedImages:
    """Images of a file, and what the file says of them.

    Attributes:
        name: of their array, `images` or `test_images`.
        images: uint8 [N, C, H, W].
        labels: array name -> int64 [N]; of those of `LABELS_OF` that the file holds.
    """

    name: str
    images: np.ndarray
    labels: dict[str, np.ndarray]


def load_images(path: str | Path) -> np.ndarray:
    """The one array of images in an .npz file, uint8 [N, C, H, W], ready to predict.

    Raises:
        DataError: see `load_named_images`.
    """
    return load_named_images(Path(path)).images


def load_named_images(path: Path, *, array: str | None = None) -> NamedImages:
    """Read images, and the labels beside them, from an .npz file; see `npz_dataset` for shapes.

    Args:
        path: of the file.
        array: `images` or `test_images`; None: the one that the file holds.

    Raises:
        DataError: the file cannot be read, holds none or both, or has problems; all of them are
            listed at once.
    """
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise DataError(f"{path} is not a file")
    try:
        return _load(path, array)
    except MemoryError:  # a limit that the system does not tell, such as `ulimit -v`
        raise DataError(f"{path} needs more memory than there is: take fewer images") from None


def _load(path: Path, array: str | None) -> NamedImages:
    raw, problems = read_arrays(path, known=ARRAY_NAMES, example="images=...")
    name = array or _only_array(raw, problems)
    if name is None:
        raise _refusal(path, problems)
    if name not in raw and name not in {problem.place for problem in problems}:
        problems.append(Problem(name, f"is missing; the file holds {', '.join(raw) or 'nothing'}"))
    labels = {each: raw[each] for each in LABELS_OF[name] if each in raw}
    if name in raw and (fault := fault_of_images(raw[name])) is not None:
        problems.append(Problem(name, fault))
    for each, values in labels.items():
        if (fault := fault_of_labels(values)) is not None:
            problems.append(Problem(each, fault))
        elif name in raw and len(values) != len(raw[name]):
            lengths = f"{len(values)} entries for {len(raw[name])} {name}"
            problems.append(Problem(each, f"has {lengths}; there must be one each"))
    if problems:
        raise _refusal(path, problems)
    found = {each: values.astype(np.int64) for each, values in labels.items()}
    return NamedImages(name, channels_first(raw[name]), found)


def _only_array(raw: dict[str, np.ndarray], problems: list[Problem]) -> str | None:
    """The array of images that is meant; None where none is, and the problems say why."""
    found = [name for name in LABELS_OF if name in raw]
    if len(found) == 2:
        fault = "stands beside images: say which are meant by --array images or test_images"
        problems.append(Problem("test_images", fault))
    elif not found and not problems:
        problems.append(
            Problem("images", "is missing; write numpy.savez_compressed(path, images=...)")
        )
    return found[0] if len(found) == 1 else None


def _refusal(path: Path, problems: list[Problem]) -> DataError:
    # The listing of a ConfigError, under the type that says it is about data.
    return DataError(str(ConfigError(str(path), problems)))
