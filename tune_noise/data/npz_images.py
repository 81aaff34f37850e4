"""Images to predict, and labels to compare with: from a file as `numpy.savez_compressed` writes it.

The arrays are those of a data set (`npz_dataset`), of which images alone must be there.
"""

import os
from collections.abc import Iterator, Mapping
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
        raise DataError(f"{path} needs more memory than is available: take fewer images") from None


def _load(path: Path, array: str | None) -> NamedImages:
    arrays, problems = read_arrays(path, allowed=ARRAY_NAMES, example="images=...")
    name = array or _only_array(arrays, problems)
    if name is not None:
        problems += [*_image_problems(name, arrays, problems), *_label_problems(name, arrays)]
    if name is None or problems:
        # The listing of a ConfigError, under the type that says it is about data.
        raise DataError(str(ConfigError(str(path), problems)))
    labels = {label: arrays[label].astype(np.int64) for label in LABELS_OF[name] if label in arrays}
    return NamedImages(name, channels_first(arrays[name]), labels)


def _only_array(arrays: dict[str, np.ndarray], problems: list[Problem]) -> str | None:
    """Return the array of images that is meant; None if none is, and add the reason to problems."""
    names = [name for name in LABELS_OF if name in arrays]
    if len(names) == 2:
        fault = "stands beside images: say which are meant by --array images or test_images"
        problems.append(Problem("test_images", fault))
    elif not names and not problems:
        problems.append(
            Problem("images", "is missing; write numpy.savez_compressed(path, images=...)")
        )
    return names[0] if len(names) == 1 else None


def _image_problems(
    name: str, arrays: dict[str, np.ndarray], unreadable: list[Problem]
) -> Iterator[Problem]:
    if name in arrays:
        if (fault := fault_of_images(arrays[name])) is not None:
            yield Problem(name, fault)
    elif name not in {problem.place for problem in unreadable}:
        yield Problem(name, f"is missing; the file holds {', '.join(arrays) or 'nothing'}")


def _label_problems(name: str, arrays: dict[str, np.ndarray]) -> Iterator[Problem]:
    for label in LABELS_OF[name]:
        if label not in arrays:
            continue
        if (fault := fault_of_labels(arrays[label])) is not None:
            yield Problem(label, fault)
        elif name in arrays and len(arrays[label]) != len(arrays[name]):
            lengths = f"{len(arrays[label])} entries for {len(arrays[name])} {name}"
            yield Problem(label, f"has {lengths}; there must be one each")
