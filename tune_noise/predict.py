"""`python -m tune_noise.predict`: predict the classes of new inputs with a winner of a search."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tune_noise.command_line.options import Threads, parse_path
from tune_noise.command_line.passwords import given_uri
from tune_noise.command_line.run import print_result, run_command
from tune_noise.data.npz_dataset import LABELS_OF
from tune_noise.data.npz_names import role_of
from tune_noise.errors import UserError
from tune_noise.system.files import replace_file
from tune_noise.tracking.uri import OPTION


def predict(
    inputs: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            help="Raw inputs like those that the model was trained on: a file (.csv, .tsv, "
            ".parquet, .jsonl, .npz, .npy) or a folder of pictures.",
            metavar="INPUTS",
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
            help="Array to predict if an .npz file holds several: images, val_images, test_images, "
            "or its name in the file.",
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
            help="Factory of your own network, if the model is one. Its code is run. Name an "
            "encoder, method or noise of your own after a comma.",
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
    """Predict the class of every input, with its probability.

    If the data also hold labels, print the accuracy.
    """
    # Imported here because torch takes a second to import and `--help` does not need it.
    from tune_noise.training.process import prepare_process
    from tune_noise.training.saved_model import load_model
    from tune_noise.winners.find_model import model_folder
    from tune_noise.winners.new_data import read_new_data
    from tune_noise.winners.prediction_table import (
        accuracies,
        accuracy_sentences,
        as_csv,
        as_rows,
    )

    if array is not None and role_of(array) not in LABELS_OF:
        raise UserError(f"--array {array}: must be {' or '.join(LABELS_OF)}")
    prepare_process(threads=threads)
    tracking = given_uri(tracking_uri, OPTION)
    with model_folder(model, tracking_uri=tracking.uri, source=tracking.source) as folder:
        saved = load_model(folder, own_network=own_network)
    data = read_new_data(inputs, saved, array=array)
    predictions = saved.predictions(data.inputs, keep_all=probabilities)
    if as_json:
        is_named = "class_names" in saved.about
        facts = {
            "model": model,
            "file": str(inputs),
            "array": data.array,
            "accuracy": accuracies(data, predictions),
            **({"class_names": saved.class_names} if is_named else {}),
            "predictions": as_rows(data, predictions, is_named=is_named),
        }
        text = json.dumps(facts, indent=1) + "\n"
    else:
        text = as_csv(data, predictions)
    _write(text, output)
    notes = Console(stderr=output is None, markup=False, highlight=False, soft_wrap=True)
    for sentence in (*saved.warnings, *data.notes, *accuracy_sentences(data, predictions)):
        notes.print(sentence)
    if output is not None:
        notes.print(f"{len(data.inputs)} predictions in {output}")


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


if __name__ == "__main__":
    run_command(predict, name="predict")
