"""A data set of one's own, from a file as `numpy.savez_compressed` writes it.

| array | shape | dtype |
| --- | --- | --- |
| `images` | [N, H, W], [N, H, W, C] or [N, C, H, W] with C = 1 or 3 | uint8 |
| or `features` | [N, D] | numbers |
| `labels` | [N], [N, 1] or one-hot [N, K]: ids 0..K-1, or words | integers, str or bytes |
| `true_labels` (optional) | as `labels`: the truth where it is known | as `labels` |
| `val_images`, `val_labels` (optional, both or neither) | the validation split, as above | |
| `val_true_labels` (optional, beside `true_labels`) | as above | |
| `test_images`, `test_labels` (optional, both or neither) | as above; clean labels | |
| `class_names` (optional) | [K], the names of the ids | str or bytes |
| `ids`, `val_ids`, `test_ids` (optional) | [N], the names of examples | integers, str or bytes |

`npz_names` lists the other names that an array may have. Words are the names of classes, which are
numbered in the order of the alphabet. Images with four dimensions have their channels where the
size is 1 or 3. Where that holds for both the second and the last dimension, the layout is ambiguous
and refused. There may be 10,000 classes, images of 3 x 512 x 512 values, and 16 GiB in all, or as
much as the machine has left.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.data.npz_file import read_arrays
from tune_noise.data.npz_inputs import as_inputs, fault_of_inputs
from tune_noise.data.npz_labels import (
    decoded,
    drop,
    fault_of_labels,
    one_per_example,
    values_of,
    with_missing,
)
from tune_noise.data.npz_names import (
    KNOWN_NAMES,
    ROLES,
    describe_reading,
    name_for,
    read_roles,
)
from tune_noise.data.sources.notes import missing_labels
from tune_noise.data.sources.raw import RawData, RawKind, RawSplit
from tune_noise.errors import ConfigError, DataError, Problem

# Images -> the labels that may stand beside them, those that must first.
LABELS_OF: Mapping[str, tuple[str, ...]] = {
    "images": ("labels", "true_labels"),
    "val_images": ("val_labels", "val_true_labels"),
    "test_images": ("test_labels",),
}
# Images -> the names of the same examples.
IDS_OF: Mapping[str, str] = {"images": "ids", "val_images": "val_ids", "test_images": "test_ids"}
MAX_CLASSES = 10_000
# The number of a label that is missing.
MISSING = -1
# Named in full up to here; a longer list of class ids helps nobody.
_MAX_LISTED = 10


@dataclass(frozen=True)
class NamedArrays:
    """The arrays of a file by what they are read as.

    Attributes:
        names: role -> name in the file; also of an array that cannot be read.
        arrays: role -> array as it stands in the file.
        problems: of names and of single arrays.
    """

    names: dict[str, str]
    arrays: dict[str, np.ndarray]
    problems: list[Problem]

    def beside(self, images: str) -> list[str]:
        """Return the names in the file of images and of all labels beside them."""
        roles = (images, *LABELS_OF[images], IDS_OF[images])
        return [self.names[role] for role in roles if role in self.arrays]


def read_named(path: Path, *, example: str) -> NamedArrays:
    """Read the arrays of a data set's file, whatever they are called.

    Args:
        path: of the file.
        example: how such a file is written, for the message.

    Raises:
        DataError: the file cannot be read.
    """
    arrays, problems = read_arrays(path, allowed=KNOWN_NAMES, shown=ROLES, example=example)
    places = (problem.place for problem in problems)
    names, doubts = read_roles({*arrays, *(place for place in places if place in KNOWN_NAMES)})
    by_role = {role: arrays[name] for role, name in names.items() if name in arrays}
    return NamedArrays(names, by_role, [*problems, *doubts])


def read_raw_npz(path: Path, missing: str | None = None) -> tuple[RawData, bool]:
    """Read and check the examples of an .npz file; see the module for its arrays.

    Without `true_labels` the truth of the training labels is unknown. The number of classes K is
    the largest of `labels` and `true_labels` plus one; each class needs two examples in `labels`,
    or one where the file has a validation split.

    Args:
        path: of the file.
        missing: as in `DataSource`.

    Returns:
        (the examples, whether the file names its classes by words).

    Raises:
        DataError: the file cannot be read, or has problems; all of them are listed at once.
    """
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise DataError(f"{path} is not a file")
    try:
        return _read(path, missing)
    except MemoryError:  # a limit that the system does not tell, such as `ulimit -v`
        raise DataError(
            f"{path} needs more memory than is available: take fewer or smaller images"
        ) from None


def _read(path: Path, missing: str | None) -> tuple[RawData, bool]:
    named = read_named(path, example="images=images, labels=labels")
    problems = [*named.problems, *_missing_arrays(named.names)]
    arrays = {}
    for role in LABELS_OF:
        if role in named.arrays:
            fault = fault_of_inputs(named.arrays[role], named.names[role])
            if fault is None:
                # What stood in the file is let go of, as it may be large.
                arrays[role] = named.arrays[role] = as_inputs(named.arrays[role])
            else:
                problems.append(Problem(named.names[role], fault))
    labels, faults, notes = read_labels(named, missing)
    ids, class_names, doubts = number_classes(labels, named)
    arrays |= ids
    names_of_examples, unnamed = _read_ids(named)
    problems += [*faults, *doubts, *unnamed]
    problems += _size_problems(arrays | names_of_examples, named.names)
    problems += _class_problems(arrays, class_names, named)
    if problems:
        # The listing of a ConfigError, under the type that says it is about data.
        raise DataError(str(ConfigError(str(path), problems)))
    if class_names is not None and "class_names" not in named.names:
        notes.append(f"its words as {len(class_names)} classes: {_listed(class_names)}")
    names = class_names or tuple(map(str, range(_num_classes(arrays))))
    splits: dict[str, Any] = {
        split: _raw_split(arrays | names_of_examples, prefix, names)
        for split, prefix in (("train", ""), ("validation", "val_"), ("test", "test_"))
        if f"{prefix}images" in arrays
    }
    for split, examples in splits.items():
        notes += missing_labels(examples.labels, split)
    kind: RawKind = "pixels" if arrays["images"].ndim == 4 else "features"
    reading = filter(None, [describe_reading(named.names), *notes])
    raw = RawData(path.name, kind, class_names=names, reading=tuple(reading), **splits)
    return raw, class_names is not None


def _raw_split(arrays: Mapping[str, np.ndarray], prefix: str, names: Sequence[str]) -> RawSplit:
    words = np.array([*names, None], dtype=object)  # the last one stands for -1
    labels, true_labels, ids = (
        arrays.get(f"{prefix}{role}") for role in ("labels", "true_labels", "ids")
    )
    return RawSplit(
        arrays[f"{prefix}images"],
        None if labels is None else words[labels],
        None if true_labels is None else words[true_labels],
        None if ids is None else ids.astype(object),
    )


def _missing_arrays(names: Mapping[str, str]) -> Iterator[Problem]:
    for role in ("images", "labels"):
        if role not in names:
            fault = "is missing; a data set needs at least images (or features) and labels"
            yield Problem(name_for(role, names), fault)
    pairs = [("val_images", "val_labels"), ("test_images", "test_labels")]
    if "val_labels" in names:
        pairs.append(("true_labels", "val_true_labels"))
    elif "val_true_labels" in names:
        pairs.append(("val_labels", "val_true_labels"))
    if "val_labels" in names:
        pairs.append(("ids", "val_ids"))
    for pair in pairs:
        for role, partner in (pair, pair[::-1]):
            if role not in names and partner in names:
                fault = f"is missing beside {names[partner]}; give both or neither"
                yield Problem(name_for(role, names), fault)


def read_labels(
    named: NamedArrays, missing: str | None = None
) -> tuple[dict[str, np.ndarray], list[Problem], list[str]]:
    """Return the labels of a file by role, see `with_missing`; what is wrong, what was changed.

    Labels with a fault are left out.
    """
    labels, problems, as_words = {}, [], _as_words(named)
    changes: dict[str, list[str]] = {}
    for images, roles in LABELS_OF.items():
        for role in roles:
            if role not in named.arrays:
                continue
            raw, name = named.arrays[role], named.names[role]
            beside = named.beside(images)
            fault = fault_of_labels(raw, name, beside=beside, as_words=as_words, missing=missing)
            if fault is not None:
                problems.append(Problem(name, fault))
                continue
            flat, change = one_per_example(raw)
            labels[role] = with_missing(flat, missing)
            if change is not None:
                changes.setdefault(change, []).append(name)
    return labels, problems, [f"{', '.join(names)} {what}" for what, names in changes.items()]


def number_classes(
    labels: Mapping[str, np.ndarray], named: NamedArrays
) -> tuple[dict[str, np.ndarray], tuple[str, ...] | None, list[Problem]]:
    """Return labels as class ids, int64 by role, with the names of the classes, and what is wrong.

    Words are numbered in the order of `class_names`, or else of the alphabet; -1: missing. Labels
    that cannot be numbered are left out.
    """
    listed, problems = read_class_names(named)
    words = {role: array for role, array in labels.items() if array.dtype.kind == "U"}
    ids = {role: array for role, array in labels.items() if role not in words}
    if not words:
        return ids, listed, problems
    for role in ids:
        fault = f"holds numbers, and {named.names[next(iter(words))]} words; save both alike"
        problems.append(Problem(named.names[role], fault))
    training = [words[role] for role in ("labels", "true_labels") if role in words]
    if listed is None and not training:
        return {}, None, problems
    classes = np.array(listed) if listed is not None else np.unique(np.concatenate(training))
    classes = classes[classes != ""]
    order = np.argsort(classes)
    numbered = {}
    for role, array in words.items():
        unknown = np.setdiff1d(array, [*classes, ""])
        if not unknown.size:
            numbered[role] = np.full(len(array), MISSING)
            is_named = array != ""
            places = np.searchsorted(classes, array[is_named], sorter=order)
            numbered[role][is_named] = order[places]
        elif listed is not None:
            fault = f"has words that {named.names['class_names']} does not list: {_listed(unknown)}"
            problems.append(Problem(named.names[role], fault))
        else:
            problems.append(_unknown_classes(role, unknown, named))
    return numbered, tuple(classes.tolist()), problems


def read_class_names(named: NamedArrays) -> tuple[tuple[str, ...] | None, list[Problem]]:
    """Return the words that a file lists for class ids, if any, and what is wrong with them."""
    if "class_names" not in named.arrays:
        return None, []
    raw, name = named.arrays["class_names"], named.names["class_names"]
    fault = fault_of_labels(raw, name, beside=[name], as_words=f"{name} = {name}.astype('str')")
    if fault is None and raw.dtype.kind not in "US":
        fault = f"holds numbers; save words: `{name} = {name}.astype('str')`"
    words = () if fault is not None else tuple(decoded(raw.ravel()).tolist())
    if len(set(words)) < len(words):
        fault = "has a name twice; give each class a name of its own"
    return (None, [Problem(name, fault)]) if fault is not None else (words, [])


def _read_ids(named: NamedArrays) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Return the names of examples by role, text [N], and what is wrong with them."""
    ids, problems = {}, []
    for role in IDS_OF.values():
        if role not in named.arrays:
            continue
        raw, name = named.arrays[role], named.names[role]
        if raw.ndim != 1 or raw.dtype.kind not in "iuUS":
            fault = f"{raw.dtype} {list(raw.shape)} must be [N], whole numbers or words"
            problems.append(Problem(name, fault))
            continue
        try:
            ids[role] = decoded(raw).astype(np.str_)
            words, counts = np.unique(ids[role], return_counts=True)
        except (ValueError, SystemError):  # UnicodeDecodeError, too, and numbers of no characters
            problems.append(Problem(name, "holds text that is not Unicode"))
            continue
        if (counts > 1).any():
            fault = f"names several examples alike: {_listed(words[counts > 1])}; make them differ"
            problems.append(Problem(name, fault))
    return ids, problems


def _unknown_classes(
    role: str, classes: Sequence[object] | np.ndarray, named: NamedArrays
) -> Problem:
    """Return the problem of classes that have examples outside the training set alone."""
    first, name = named.names["labels"], named.names[role]
    known, values = (values_of(named.arrays[r], named.names[r]) for r in ("labels", role))
    images = next(images for images, labels in LABELS_OF.items() if role in labels)
    statements = drop(f"numpy.isin({values}, {known})", named.beside(images))
    return Problem(
        name,
        f"has classes without a training example in {first}: {_listed(classes)}; drop those "
        f"examples: `{statements}`",
    )


def _size_problems(arrays: Mapping[str, np.ndarray], names: Mapping[str, str]) -> Iterator[Problem]:
    for images, roles in LABELS_OF.items():
        for role in (*roles, IDS_OF[images]):
            if role in arrays and images in arrays and len(arrays[role]) != len(arrays[images]):
                lengths = f"{len(arrays[role])} entries for {len(arrays[images])} {names[images]}"
                yield Problem(names[role], f"has {lengths}; there must be one each")
    for images in ("val_images", "test_images"):
        if "images" not in arrays or images not in arrays:
            continue
        shape, train_shape = (list(arrays[role].shape[1:]) for role in (images, "images"))
        if shape != train_shape:
            what = "images [C, H, W]" if len(shape) == len(train_shape) == 3 else "inputs"
            shapes = f"{shape}, but {names['images']} of {train_shape}"
            yield Problem(names[images], f"holds {what} of {shapes}; make them equal")


def _class_problems(
    arrays: Mapping[str, np.ndarray], class_names: Sequence[str] | None, named: NamedArrays
) -> Iterator[Problem]:
    if "labels" not in arrays:
        return
    name, num_classes = named.names["labels"], _num_classes(arrays)
    classes, counts = np.unique(_present(arrays["labels"]), return_counts=True)

    def listed(ids: np.ndarray) -> str:
        is_named = class_names is not None and len(class_names) >= num_classes
        return _listed([class_names[i] for i in ids] if is_named and class_names else ids)

    if len(classes) > MAX_CLASSES:
        yield Problem(
            name,
            f"have {len(classes)} classes; at most {MAX_CLASSES} can be searched, as tables of "
            "class by class are kept: merge classes",
        )
        return
    if len(classes) < 2:
        which = listed(classes) or "missing"
        yield Problem(name, f"are all {which}; at least 2 classes are needed")
        return
    if len(classes) < num_classes:
        # That many ids hold more gaps than are listed, however large the largest id is.
        candidates = np.arange(min(num_classes, len(classes) + _MAX_LISTED + 1))
        missing = np.setdiff1d(candidates, classes)
        fault = (
            f"need every class; {num_classes - len(classes)} of the classes 0..{num_classes - 1} "
            f"have none: {listed(missing)}; {_without_gaps(arrays, named)}"
        )
        yield Problem(name, fault)
    elif "class_names" in named.arrays and class_names and len(class_names) != num_classes:
        fault = f"has {len(class_names)} names for {num_classes} classes; "
        yield Problem(named.names["class_names"], fault + _without_gaps(arrays, named))
    if np.any(counts < 2) and "val_labels" not in named.names:
        ids = listed(classes[counts < 2])
        yield Problem(name, f"need 2 examples of a class to split it; 1 of class {ids}")
    if "val_labels" in arrays and len(np.unique(_present(arrays["val_labels"]))) < 2:
        fault = "holds a single class; at least 2 are needed to compare predictions"
        yield Problem(named.names["val_labels"], fault)
    for role in ("val_labels", "val_true_labels", "test_labels"):
        if role in arrays and arrays[role].max() >= num_classes:
            unknown = np.unique(arrays[role][arrays[role] >= num_classes])
            yield _unknown_classes(role, unknown, named)


def _without_gaps(arrays: Mapping[str, np.ndarray], named: NamedArrays) -> str:
    """Return the way out where some id of a class has no label."""
    if (
        "true_labels" in arrays
        and np.setdiff1d(_present(arrays["true_labels"]), arrays["labels"]).size
    ):
        return f"leave {named.names['true_labels']} out, or all examples of those classes"
    if "class_names" not in named.arrays:
        return f"save words: `{_as_words(named)}`"
    listed = named.names["class_names"]
    if named.arrays["labels"].dtype.kind in "US":
        return f"leave it out: `del {listed}`"
    return f"save words: `{_as_words(named, f'{listed}[{{}}]')}; del {listed}`"


def _as_words(named: NamedArrays, word: str = "{}.astype('str')") -> str:
    """Return the statement that makes words of all labels of a file."""
    roles = [role for roles in LABELS_OF.values() for role in roles if role in named.arrays]
    names = [named.names[role] for role in roles]
    values = [values_of(named.arrays[role], named.names[role]) for role in roles]
    return f"{', '.join(names)} = {', '.join(map(word.format, values))}"


def _present(labels: np.ndarray) -> np.ndarray:
    present: np.ndarray = labels[labels != MISSING]
    return present


def _num_classes(arrays: Mapping[str, np.ndarray]) -> int:
    trained = [arrays[name] for name in ("labels", "true_labels") if name in arrays]
    return int(max(labels.max() for labels in trained)) + 1


def _listed(classes: Sequence[object] | np.ndarray) -> str:
    text = ", ".join(map(str, classes[:_MAX_LISTED]))
    return f"{text}, ..." if len(classes) > _MAX_LISTED else text
