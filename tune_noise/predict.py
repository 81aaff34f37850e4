"""`python -m tune_noise.predict`: predict the classes of images with a winner of a search."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from tune_noise.command_line.options import Threads, parse_path
from tune_noise.command_line.passwords import given_uri
from tune_noise.command_line.run import print_result, run_command
from tune_noise.data.npz_dataset import LABELS_OF
from tune_noise.data.npz_images import NamedImages, load_named_images
from tune_noise.data.npz_names import role_of
from tune_noise.errors import DataError, UserError
from tune_noise.system.files import replace_file
from tune_noise.tracking.uri import OPTION


def predict(
    images: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            help="Path of an .npz file with images: uint8 [N, H, W], [N, H, W, C] or [N, C, H, W].",
            metavar="IMAGES.npz",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="Folder such as runs/uniform/winners/alpha=5, or models:/NAME@champion in "
            "MLflow's registry."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(parser=parse_path, help="File to write. Default: standard output."),
    ] = None,
    array: Annotated[
        str | None,
        typer.Option(
            help="Array to predict if the file holds several: images, val_images, test_images.",
            metavar="NAME",
        ),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add the probability of every class.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of CSV.")] = False,
    own_network: Annotated[
        str | None,
        typer.Option(
            metavar="PACKAGE.MODULE:FACTORY",
            help="Factory of your own network, if the model is one. Its code is run. Name a method "
            "or noise of your own after a comma.",
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            envvar="MLFLOW_TRACKING_URI",
            help="Tracking URI of MLflow for models:/... Default: sqlite:///runs/mlflow.db.",
        ),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Predict the class of every image, with its probability.

    If the file also holds labels, print the accuracy.
    """
    # Imported here because torch takes a second to import and `--help` does not need it.
    from tune_noise.training.process import prepare_process
    from tune_noise.training.saved_model import load_model
    from tune_noise.winners.find_model import model_folder

    if array is not None and role_of(array) not in LABELS_OF:
        raise UserError(f"--array {array}: must be {' or '.join(LABELS_OF)}")
    prepare_process(threads=threads)
    named = load_named_images(images, array=array)
    tracking = given_uri(tracking_uri, OPTION)
    with model_folder(model, tracking_uri=tracking.uri, source=tracking.source) as folder:
        saved = load_model(folder, own_network=own_network)
    named = _checked(named, saved.about, images)
    class_names = saved.about.get("class_names")
    chances = saved.predict_probabilities(named.images)
    accuracy = _accuracies(named, chances, saved.predict_each(named.images))
    if as_json:
        facts = {"model": model, "file": str(images), "array": named.name, "accuracy": accuracy}
        if class_names is not None:
            facts["class_names"] = class_names
        rows = _rows(chances, class_names, with_all=probabilities)
        text = json.dumps({**facts, "predictions": rows}, indent=1) + "\n"
    else:
        text = _csv(chances, class_names, with_all=probabilities)
    _write(text, output)
    notes = Console(stderr=output is None, markup=False, highlight=False, soft_wrap=True)
    for sentence in _sentences(accuracy, named, output):
        notes.print(sentence)


def _checked(named: NamedImages, about: Mapping[str, Any], path: Path) -> NamedImages:
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
    number_of = {word: number for number, word in enumerate(names or range(num_classes))}
    numbers = {}
    for name, labels in named.labels.items():
        classes: list[Any] = labels.tolist()
        if names is not None and labels.dtype.kind != "U":
            if named.class_names is None:
                raise DataError(
                    f"{path}: {name} holds numbers, and this model knows its classes by name, "
                    f"{_first(names)}: save words, name them by class_names, or leave {name} out"
                )
            word_of = dict(enumerate(named.class_names))
            classes = [word_of.get(number, number) for number in classes]
        unknown = next((one for one in classes if one not in number_of), None)
        if unknown is not None:
            known = f"0 to {num_classes - 1}" if names is None else _first(names)
            raise DataError(
                f"{path}: {name} has class {unknown}, and this model knows {known}: leave {name} "
                "out, or those images"
            )
        numbers[name] = np.array([number_of[one] for one in classes])
    return replace(named, labels=numbers)


def _first(names: list[str]) -> str:
    """Return the first ten names; a longer list helps nobody."""
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height} x {width} with {channels} channel{'' if channels == 1 else 's'}"


def _accuracies(
    named: NamedImages, chances: np.ndarray, predicted_by_each: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Return array of labels -> accuracy; for several networks also the accuracy of each."""
    accuracies: dict[str, dict[str, Any]] = {}
    predicted = chances.argmax(axis=1)
    for name, labels in named.labels.items():
        correct = int((predicted == labels).sum())
        accuracies[name] = {"accuracy": correct / len(labels), "correct": correct}
        accuracies[name]["images"] = len(labels)
        if len(predicted_by_each) > 1:
            shares = (predicted_by_each == labels).mean(axis=1)
            accuracies[name] |= {"of_networks": shares.tolist(), "mean_of_networks": shares.mean()}
    return accuracies


def _rows(
    chances: np.ndarray, class_names: list[str] | None, *, with_all: bool
) -> list[dict[str, Any]]:
    labels = chances.argmax(axis=1).tolist()
    rows: list[dict[str, Any]] = [
        {
            "index": i,
            "predicted_label": label if class_names is None else class_names[label],
            "probability": float(chances[i, label]),
        }
        for i, label in enumerate(labels)
    ]
    if with_all:
        for row, chance in zip(rows, chances.tolist(), strict=True):
            row["probabilities"] = chance
    return rows


def _csv(chances: np.ndarray, class_names: list[str] | None, *, with_all: bool) -> str:
    """Return the table as CSV, with probabilities of six digits."""
    header = ["index", "predicted_label", "probability"]
    classes = class_names or [str(label) for label in range(chances.shape[1])]
    if with_all:
        header += [f"probability_{name}" for name in classes]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for i, row in enumerate(chances):
        label = int(row.argmax())
        values = [row[label], *(row if with_all else ())]
        writer.writerow([i, classes[label], *(f"{value:.6g}" for value in values)])
    return text.getvalue()


def _write(text: str, output: Path | None) -> None:
    if output is None:
        print_result(text)
        return
    try:
        replace_file(output, text.encode())
    except OSError as error:
        raise UserError(
            f"--output {output} cannot be written ({error.strerror}): choose another file"
        ) from None


def _sentences(
    accuracy: dict[str, dict[str, Any]], named: NamedImages, output: Path | None
) -> list[str]:
    sentences = []
    for name, of in accuracy.items():
        share = f"{100.0 * of['accuracy']:.4g} % ({of['correct']} of {of['images']})"
        note = " (as given: some may be wrong)" if name in named.given else ""
        sentence = f"accuracy {share} of {named.name} against {name}{note}"
        if "of_networks" in of:
            mean = f"{100.0 * of['mean_of_networks']:.4g} %"
            sentence += f"; by one of its {len(of['of_networks'])} networks alone {mean} on average"
        sentences.append(sentence)
    if output is not None:
        sentences.append(f"{len(named.images)} predictions in {output}")
    return sentences


if __name__ == "__main__":
    run_command(predict, name="predict")
