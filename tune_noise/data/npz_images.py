"""Images to predict, and labels to compare with: from a file as `numpy.savez_compressed` writes it.

The arrays are those of a data set (`npz_dataset`), of which images alone must be there.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tune_noise.data.npz_dataset import (
    LABELS_OF,
    NamedArrays,
    read_class_names,
    read_labels,
    read_named,
)
from tune_noise.data.npz_inputs import as_inputs, fault_of_inputs
from tune_noise.data.npz_names import role_of
from tune_noise.errors import ConfigError, DataError, Problem

# Labels that are taken as given: some may be wrong.
_GIVEN = ("labels", "val_labels")


@dataclass(frozen=True)
class NamedImages:
    """Images of a file, and what the file says of them.

    Attributes:
        name: of their array in the file.
        images: uint8 [N, C, H, W].
        labels: array name -> class ids, int64 [N], or words; the surest first. One that is
            missing is -1, or an empty word.
        given: the names of those labels of which some may be wrong.
        class_names: the words that the file lists for class ids; None where it lists none.
    """

    name: str
    images: np.ndarray
    labels: dict[str, np.ndarray]
    given: frozenset[str]
    class_names: tuple[str, ...] | None


def load_named_images(
    path: Path, *, array: str | None = None, missing: str | None = None
) -> NamedImages:
    """Read images, and the labels beside them, from an .npz file; see `npz_dataset` for shapes.

    Args:
        path: of the file.
        array: `images`, `val_images` or `test_images`, or its name in the file; None: the one
            that the file holds.
        missing: as in `DataSource`.

    Raises:
        DataError: the file cannot be read, holds none or several, or has problems; all of them are
            listed at once.
    """
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise DataError(f"{path} is not a file")
    try:
        return _load(path, array, missing)
    except MemoryError:  # a limit that the system does not tell, such as `ulimit -v`
        raise DataError(f"{path} needs more memory than is available: take fewer images") from None


def _load(path: Path, array: str | None, missing: str | None) -> NamedImages:
    named = read_named(path, example="images=images")
    problems = list(named.problems)
    images = _only_images(named, problems) if array is None else role_of(array)
    if images is None:
        raise _wrong(path, problems)
    roles = {images, *LABELS_OF[images]}
    arrays = {role: value for role, value in named.arrays.items() if role in roles}
    labels, faults, _ = read_labels(NamedArrays(named.names, arrays, []), missing)
    class_names, doubts = read_class_names(named)
    problems += doubts
    problems += [*_image_problems(images, named), *faults, *_length_problems(images, labels, named)]
    if problems:
        raise _wrong(path, problems)
    return NamedImages(
        named.names[images],
        as_inputs(named.arrays[images]),
        {named.names[role]: labels[role] for role in reversed(LABELS_OF[images]) if role in labels},
        frozenset(named.names[role] for role in _GIVEN if role in labels),
        class_names,
    )


def _wrong(path: Path, problems: list[Problem]) -> DataError:
    # The listing of a ConfigError, under the type that says it is about data.
    return DataError(str(ConfigError(str(path), problems)))


def _only_images(named: NamedArrays, problems: list[Problem]) -> str | None:
    """Return the images that are meant; None if none are, and add the reason to problems."""
    roles = [role for role in LABELS_OF if role in named.arrays]
    if len(roles) > 1:
        names = [named.names[role] for role in roles]
        fault = f"stands beside {names[0]}: say which are meant by --array {' or '.join(names)}"
        problems.append(Problem(names[-1], fault))
    elif not roles and not problems:
        fault = "is missing; write `numpy.savez_compressed(path, images=images)`"
        problems.append(Problem("images", fault))
    return roles[0] if len(roles) == 1 else None


def _image_problems(images: str, named: NamedArrays) -> Iterator[Problem]:
    if images in named.arrays:
        fault = fault_of_inputs(named.arrays[images], named.names[images])
        if fault is not None:
            yield Problem(named.names[images], fault)
    elif images not in named.names:
        listed = ", ".join(named.names.values()) or "nothing"
        yield Problem(images, f"is missing; the file holds {listed}")


def _length_problems(
    images: str, labels: dict[str, np.ndarray], named: NamedArrays
) -> Iterator[Problem]:
    for role, array in labels.items():
        if images in named.arrays and len(array) != len(named.arrays[images]):
            lengths = f"{len(array)} entries for {len(named.arrays[images])} {named.names[images]}"
            yield Problem(named.names[role], f"has {lengths}; there must be one each")
