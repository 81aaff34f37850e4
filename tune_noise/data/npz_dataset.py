"""A data set of one's own, from a file as `numpy.savez_compressed` writes it.

| array | shape | dtype |
| --- | --- | --- |
| `images` | [N, H, W], [N, H, W, C] or [N, C, H, W] with C = 1 or 3 | uint8 |
| `labels` | [N], 0..K-1 | any integer |
| `true_labels` (optional) | [N], 0..K-1: the truth where it is known | any integer |
| `test_images`, `test_labels` (optional, both or neither) | as above; clean labels | as above |

Images with four dimensions have their channels where the size is 1 or 3. Where that holds for both
the second and the last dimension, the layout is ambiguous and refused. There may be 1000 classes,
images of 3 x 512 x 512 values, and 16 GiB in all, or as much as the machine has left.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tune_noise.data.dataset import Dataset
from tune_noise.data.npz_file import read_arrays
from tune_noise.errors import ConfigError, DataError, Problem

ARRAY_NAMES = ("images", "labels", "true_labels", "test_images", "test_labels")
_IMAGE_NAMES = ("images", "test_images")
_CHANNELS = (1, 3)
MAX_CLASSES = 1000
# A network's first layer may have 256 weights for each: here 800 MB.
MAX_VALUES_PER_IMAGE = 3 * 512 * 512
# Named in full up to here; a longer list of class ids helps nobody.
_MAX_LISTED = 10


def load_npz(path: Path) -> Dataset:
    """Load and check a data set from an .npz file; see the module for its arrays.

    Without `true_labels` the truth of the training labels is unknown. The number of classes K is
    the largest of `labels` and `true_labels` plus one; each class needs two examples in `labels`.

    Raises:
        DataError: the file cannot be read, or has problems; all of them are listed at once.
    """
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise DataError(f"{path} is not a file")
    try:
        return _load(path)
    except MemoryError:  # a limit that the system does not tell, such as `ulimit -v`
        raise DataError(
            f"{path} needs more memory than is available: take fewer or smaller images"
        ) from None


def _load(path: Path) -> Dataset:
    raw_arrays, problems = read_arrays(path, allowed=ARRAY_NAMES)
    problems += _missing_arrays(raw_arrays, problems)
    arrays = {}
    for name, raw in raw_arrays.items():
        fault = fault_of_images(raw) if name in _IMAGE_NAMES else fault_of_labels(raw)
        if fault is not None:
            problems.append(Problem(name, fault))
        else:
            arrays[name] = channels_first(raw) if name in _IMAGE_NAMES else raw.astype(np.int64)
    problems += [*_size_problems(arrays), *_class_problems(arrays)]
    if problems:
        # The listing of a ConfigError, under the type that says it is about data.
        raise DataError(str(ConfigError(str(path), problems)))
    return Dataset(
        name=path.name,
        train_images=arrays["images"],
        train_labels=arrays["labels"],
        true_labels=arrays.get("true_labels"),
        test_images=arrays.get("test_images"),
        test_labels=arrays.get("test_labels"),
        num_classes=_num_classes(arrays),
    )


def _missing_arrays(arrays: dict[str, np.ndarray], unreadable: list[Problem]) -> Iterator[Problem]:
    present = {*arrays, *(problem.place for problem in unreadable)}
    for name in ("images", "labels"):
        if name not in present:
            yield Problem(name, "is missing; a data set needs at least images and labels")
    for name, partner in (("test_images", "test_labels"), ("test_labels", "test_images")):
        if name not in present and partner in present:
            yield Problem(name, f"is missing beside {partner}; give both or neither")


def fault_of_images(images: np.ndarray) -> str | None:
    """Return what is wrong with an array as images, with the way out; None if nothing is."""
    if images.dtype != np.uint8:
        return f"{images.dtype} must be uint8, 0 to 255; {_conversion_to_uint8(images)}"
    if images.size == 0:
        return f"{list(images.shape)} is empty"
    if images.ndim in (3, 4) and images[0].size > MAX_VALUES_PER_IMAGE:
        size = f"holds images of {images[0].size} values; at most {MAX_VALUES_PER_IMAGE} can be"
        return f"{size} trained on (3 x 512 x 512): make them smaller"
    if images.ndim == 3:
        return None
    if images.ndim != 4:
        return (
            f"{list(images.shape)} must be [N, H, W], [N, H, W, C] or [N, C, H, W]; "
            "reshape rows of pixels with images.reshape(len(images), H, W)"
        )
    is_first, is_last = images.shape[1] in _CHANNELS, images.shape[3] in _CHANNELS
    if is_first and is_last:
        return (
            f"{list(images.shape)} is ambiguous: both the second and the last size could be the "
            "channels (1 or 3); pad the images so that only one can, or drop a single channel"
        )
    if not is_first and not is_last:
        return f"{list(images.shape)} has no channel dimension of size 1 or 3, second or last"
    return None


def _conversion_to_uint8(images: np.ndarray) -> str:
    if images.dtype.kind == "f":
        return "if they are in 0..1, save (images * 255).round().astype('uint8')"
    if images.dtype.kind == "b":
        return "save images.astype('uint8') * 255"
    return "if they are in 0..255, save images.astype('uint8')"


def channels_first(images: np.ndarray) -> np.ndarray:
    """Return [N, C, H, W] from a shape that `fault_of_images` has let pass."""
    if images.ndim == 3:
        return images[:, np.newaxis]
    if images.shape[1] in _CHANNELS:
        return images
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def fault_of_labels(labels: np.ndarray) -> str | None:
    """Return what is wrong with an array as class ids, with the way out; None if nothing is."""
    if labels.dtype.kind not in "iu":
        return f"{labels.dtype} must be integers 0..K-1; save labels.astype('int64')"
    if labels.ndim != 1:
        return f"{list(labels.shape)} must be [N], one class id per example"
    if labels.size == 0:
        return "is empty"
    if labels.min() < 0:
        return f"has {labels.min()}, but class ids are 0..K-1; drop unlabelled examples"
    if labels.max() > np.iinfo(np.int64).max:
        return f"has {labels.max()}, but class ids are 0..K-1"
    return None


def _size_problems(arrays: dict[str, np.ndarray]) -> Iterator[Problem]:
    for name, images in (
        ("labels", "images"),
        ("true_labels", "images"),
        ("test_labels", "test_images"),
    ):
        if name in arrays and images in arrays and len(arrays[name]) != len(arrays[images]):
            lengths = f"{len(arrays[name])} entries for {len(arrays[images])} {images}"
            yield Problem(name, f"has {lengths}; there must be one each")
    if "images" in arrays and "test_images" in arrays:
        train_shape = list(arrays["images"].shape[1:])
        test_shape = list(arrays["test_images"].shape[1:])
        if train_shape != test_shape:
            shapes = f"{test_shape}, but images of {train_shape}"
            yield Problem("test_images", f"holds images [C, H, W] of {shapes}; make them equal")


def _class_problems(arrays: dict[str, np.ndarray]) -> Iterator[Problem]:
    if "labels" not in arrays:
        return
    num_classes = _num_classes(arrays)
    classes, counts = np.unique(arrays["labels"], return_counts=True)
    if len(classes) > MAX_CLASSES:
        yield Problem(
            "labels",
            f"have {len(classes)} classes; at most {MAX_CLASSES} can be searched, as tables of "
            "class by class are kept: merge classes",
        )
        return
    if len(classes) < 2:
        yield Problem("labels", f"are all {classes[0]}; at least 2 classes are needed")
        return
    if len(classes) < num_classes:
        missing = f"{num_classes - len(classes)} of the classes 0..{num_classes - 1} have none"
        # That many ids hold more gaps than are listed, however large the largest id is.
        candidates = np.arange(min(num_classes, len(classes) + _MAX_LISTED + 1))
        ids = _listed(np.setdiff1d(candidates, classes))
        yield Problem("labels", f"need every class; {missing}: {ids}; number the classes 0..K-1")
    if np.any(counts < 2):
        ids = _listed(classes[counts < 2])
        yield Problem("labels", f"need 2 examples of a class to split it; 1 of class {ids}")
    if "test_labels" in arrays and arrays["test_labels"].max() >= num_classes:
        ids = _listed(np.unique(arrays["test_labels"][arrays["test_labels"] >= num_classes]))
        yield Problem("test_labels", f"has classes without a training example: {ids}")


def _num_classes(arrays: dict[str, np.ndarray]) -> int:
    trained = [arrays[name] for name in ("labels", "true_labels") if name in arrays]
    return int(max(labels.max() for labels in trained)) + 1


def _listed(ids: np.ndarray) -> str:
    text = ", ".join(map(str, ids[:_MAX_LISTED]))
    return f"{text}, ..." if len(ids) > _MAX_LISTED else text
