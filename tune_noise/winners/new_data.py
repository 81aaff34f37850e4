"""New data for a model, from a file or a folder: inputs, with labels and ids beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.data.npz_images import NamedImages, load_named_images
from tune_noise.data.sources.new_inputs import check_inputs
from tune_noise.data.sources.notes import Notes, listed
from tune_noise.data.sources.raw import RawSplit
from tune_noise.data.sources.read import read_inputs
from tune_noise.errors import ConfigError, DataError, Problem, UserError
from tune_noise.training.prediction import SavedModel

MISSING = -1


@dataclass(frozen=True, eq=False)
class NewData:
    """Inputs to predict, and what stands beside them.

    Attributes:
        name: what a sentence calls the inputs.
        inputs: as `RawSplit.inputs`.
        labels: what holds them -> class numbers, int64 [N], -1 where one is missing; the surest
            labels come first.
        given: the names of those labels of which some may be wrong.
        ids: text [N]; None where there are none.
        array: the array of an .npz file; None for another file.
        notes: sentences about how they were read.
    """

    name: str
    inputs: Any
    labels: dict[str, np.ndarray]
    given: frozenset[str]
    ids: np.ndarray | None = None
    array: str | None = None
    notes: Sequence[str] = ()


def read_new_data(path: Path, model: SavedModel, *, array: str | None = None) -> NewData:
    """Read inputs that are like those that a model was trained on.

    Args:
        path: a file, or a folder of pictures.
        model: says what inputs look like, and which classes there are.
        array: of an .npz file that holds several; None: the one that it holds.

    Raises:
        DataError: the file cannot be read, or is not like the training data; all problems are
            listed at once.
        UserError: an array is named of something that has none.
    """
    form, names, suffix = model.form, model.class_names, path.suffix.lower()
    if suffix == ".npz" and form.kind in ("features", "pixels"):
        missing = "" if str(MISSING) in names else str(MISSING)
        images = load_named_images(path, array=array, missing=missing)
        data = _checked(images, model.about, path)
    elif array is not None:
        raise UserError(f"--array {array}: only an .npz file has arrays to choose from")
    else:
        split = read_inputs(path, like=form, class_names=names)
        label, true_label = form.label or "label", form.true_label or "true_label"
        of = {true_label: split.true_labels, label: split.labels}
        labels, problems = _class_numbers(of, names)
        problems += _shape_problems(split, model)
        if problems:
            raise DataError(str(ConfigError(str(path), problems)))
        given = frozenset([label])
        data = NewData(path.name, split.inputs, labels, given, split.ids, notes=split.notes)
    notes = Notes(str(path))
    check_inputs(data.inputs, form, notes)
    notes.stop_if_refused()
    return data


def _class_numbers(
    words_of: Mapping[str, np.ndarray | None], names: tuple[str, ...]
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Return the labels as numbers, and a problem for each column with classes of other names."""
    number_of: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    number_of[None] = MISSING
    numbers, problems = {}, []
    for column, words in words_of.items():
        if words is None or all(word is None for word in words):
            continue
        if unknown := sorted({word for word in words if word not in number_of}):
            message = (
                f"holds {listed(unknown)}, and this model knows {listed(names)}: correct the "
                "words, or leave those labels empty"
            )
            problems.append(Problem(column, message))
        else:
            numbers[column] = np.array([number_of[word] for word in words])
    return numbers, problems


def _shape_problems(split: RawSplit, model: SavedModel) -> list[Problem]:
    """Return the problem of arrays of another width or size than those of training."""
    if model.form.kind not in ("features", "pixels"):
        return []
    shape = np.shape(split.inputs)[1:]
    if shape == model.input_shape:
        return []
    return [
        Problem("inputs", f"are {_size(shape)}, and this model takes {_size(model.input_shape)}")
    ]


def _checked(named: NamedImages, about: Mapping[str, Any], path: Path) -> NewData:
    """Return images and labels that fit the model, with the labels as class ids.

    Raises:
        DataError: the images have another size, or a label is of a class that it does not know.
    """
    expected, num_classes = tuple(about["input_shape"]), about["num_classes"]
    shape = named.images.shape[1:]
    if shape != expected:
        raise DataError(
            f"{path}: {named.name} are {_size(shape)}, and this model was trained on "
            f"{_size(expected)}: resize them to that size"
        )
    names = about.get("class_names")
    number_of: dict[Any, int] = {"": MISSING, MISSING: MISSING}
    number_of |= {word: number for number, word in enumerate(names or range(num_classes))}
    numbers = {}
    for name, labels in named.labels.items():
        classes: list[Any] = labels.tolist()
        if names is not None and labels.dtype.kind != "U":
            numbers_as_words = ["" if one == MISSING else str(one) for one in classes]
            if named.class_names is None and set(numbers_as_words) <= {*names, ""}:
                classes = numbers_as_words  # classes that are called 0, 1, ...
            elif named.class_names is None:
                raise DataError(
                    f"{path}: {name} holds numbers, and this model knows its classes by name, "
                    f"{listed(names)}: save words, name them by class_names, or leave {name} out"
                )
            else:
                word_of = dict(enumerate(named.class_names))
                classes = [word_of.get(number, number) for number in classes]
        unknown = next((one for one in classes if one not in number_of), None)
        if unknown is not None:
            known = f"0 to {num_classes - 1}" if names is None else listed(names)
            raise DataError(
                f"{path}: {name} has class {unknown}, and this model knows {known}: leave {name} "
                "out, or those images"
            )
        if (numbered := np.array([number_of[one] for one in classes])).max() != MISSING:
            numbers[name] = numbered
    return NewData(named.name, named.images, numbers, named.given, array=named.name)


def _size(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} features"
    channels, height, width = shape
    return f"{height} x {width} with {channels} channel{'' if channels == 1 else 's'}"
