"""`tune-noise predict` on a real model, as a user meets it."""

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.models import own_networks
from tune_noise import cli
from tune_noise.command_line.run import run_app
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training import Trial
from tune_noise.training.saved_model import load_model, save_model


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Predict = Callable[..., Outcome]


@pytest.fixture(scope="module")
def trial(few_digits: Dataset) -> Trial:
    config = TrialConfig(method="co_teaching", model="perceptron", lr=0.01, epochs=3)
    trial = Trial([config], few_digits)
    while not trial.finished:
        trial.train_epoch()
    return trial


@pytest.fixture(scope="module")
def model(trial: Trial, few_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mine" / "winners" / "noise_rate=0.2"
    weights, config = trial.replicate_weights(0), trial.configs[0]
    save_model(folder, weights, config, few_digits, {})
    return folder


@pytest.fixture
def predict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Predict:
    """`tune-noise predict ARGUMENTS` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["tune-noise", "predict", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run_app(cli.app, prog_name="tune-noise")
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, " ".join(err.split()))

    return call


@pytest.fixture
def save(tmp_path: Path, few_digits: Dataset) -> Callable[..., Path]:
    """An .npz file; by default of the test images, which the model tells something of."""

    def write(**arrays: Any) -> Path:
        np.savez(tmp_path / "given.npz", **(arrays or {"images": few_digits.test_inputs}))
        return tmp_path / "given.npz"

    return write


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_image_gets_a_row_with_its_label_and_probability(
    predict: Predict, save: Callable[..., Path], model: Path, few_digits: Dataset
) -> None:
    found = predict("--model", model, save(), "--probabilities")
    assert (found.code, found.err) == (0, "")
    table = rows(found.out)
    expected = load_model(model).predict_probabilities(few_digits.test_inputs)
    assert [int(row["index"]) for row in table] == list(range(len(expected)))
    assert [int(row["predicted_label"]) for row in table] == expected.argmax(axis=1).tolist()
    shown = [[float(row[f"probability_{k}"]) for k in range(10)] for row in table]
    np.testing.assert_allclose(shown, expected, rtol=1e-5)
    assert [float(row["probability"]) for row in table] == [max(values) for values in shown]


@pytest.mark.parametrize("layout", ["NHW", "N1HW", "NHW1"])
def test_images_of_any_layout_are_the_same_images(
    predict: Predict, save: Callable[..., Path], model: Path, few_digits: Dataset, layout: str
) -> None:
    plain = few_digits.test_inputs[:, 0]
    images = {"NHW": plain, "N1HW": plain[:, None], "NHW1": plain[..., None]}[layout]
    found = predict("--model", model, save(images=images))
    assert found == predict("--model", model, save())
    assert found.code == 0


def test_beside_labels_it_tells_the_accuracy_that_training_recorded(
    predict: Predict, save: Callable[..., Path], model: Path, trial: Trial, few_digits: Dataset
) -> None:
    path = save(test_images=few_digits.test_inputs, test_labels=few_digits.test_labels)
    found = json.loads(predict("--model", model, path, "--json").out)
    progress = trial.progress[0]
    recorded = progress.epochs[progress.best_epoch - 1]
    accuracy = found["accuracy"]["test_labels"]
    assert accuracy["accuracy"] == recorded["test_accuracy_clean_ensemble"]
    assert accuracy["mean_of_networks"] == recorded["test_accuracy_clean"]
    assert accuracy["correct"] == sum(
        row["predicted_label"] == label
        for row, label in zip(found["predictions"], few_digits.test_labels, strict=True)
    )
    said = predict("--model", model, path).err
    share = f"({accuracy['correct']} of {accuracy['images']}) of test_images against test_labels"
    assert share in said
    assert "by one of its 2 networks alone" in said


def test_given_labels_are_said_to_be_possibly_wrong_and_true_ones_are_compared_too(
    predict: Predict, save: Callable[..., Path], model: Path, few_digits: Dataset
) -> None:
    labels = few_digits.test_labels
    images = few_digits.test_inputs
    wrong = (labels + 1) % 10
    found = predict("--model", model, save(images=images, labels=wrong, true_labels=labels))
    truth, given = found.err.split("accuracy ")[1:]
    assert "against true_labels;" in truth
    assert "against labels (as given: some may be wrong)" in given


def test_missing_labels_are_not_compared(
    predict: Predict, save: Callable[..., Path], model: Path, few_digits: Dataset
) -> None:
    labels = few_digits.test_labels.copy()
    labels[:3] = -1
    images = few_digits.test_inputs
    found = json.loads(predict("--model", model, save(images=images, labels=labels), "--json").out)
    assert found["accuracy"]["labels"]["images"] == len(labels) - 3
    everything = save(images=images, labels=np.full(len(labels), -1))
    assert not json.loads(predict("--model", model, everything, "--json").out)["accuracy"]


def test_an_output_file_takes_the_table_and_the_terminal_the_rest(
    predict: Predict, save: Callable[..., Path], model: Path, tmp_path: Path, few_digits: Dataset
) -> None:
    path = save(images=few_digits.test_inputs, labels=few_digits.test_labels)
    printed = predict("--model", model, path)
    found = predict("--model", model, path, "--output", "out.csv")
    assert (tmp_path / "out.csv").read_text() == printed.out
    assert found.err == ""
    assert found.out.startswith("accuracy ")
    assert found.out.endswith("predictions in out.csv\n")
    refused = predict("--model", model, path, "--output", tmp_path / "no" / "out.csv")
    assert refused.code == 2
    assert "cannot be written (No such file or directory): choose another file" in refused.err


def test_a_search_with_one_winner_names_it(
    predict: Predict, save: Callable[..., Path], model: Path
) -> None:
    expected = predict("--model", model, save()).out
    for folder in (model.parent, model.parents[1]):
        assert predict("--model", folder, save()).out == expected


def test_a_search_with_several_winners_lists_them(
    predict: Predict, save: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("alpha=0", "alpha=5"):
        (tmp_path / "runs" / "winners" / name).mkdir(parents=True)
        (tmp_path / "runs" / "winners" / name / "config.json").write_text("{}")
    found = predict("--model", "runs", save())
    assert found.code == 2
    expected = "holds 2 models, name one of them: runs/winners/alpha=0 runs/winners/alpha=5"
    assert expected in found.err
    found = predict("--model", "runs/winners/alpha=0", save())
    assert "not a model written by tune_noise" in found.err


ZEROS = np.zeros((3, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": [0]}, "write `numpy.savez_compressed(path, images=images)`"),
        ({"images": ZEROS, "test_images": ZEROS}, "by --array images or test_images"),
        ({"images": ZEROS.astype(float)}, "float64 must be uint8, 0 to 255"),
        ({"images": ZEROS, "labels": [0, 1]}, "has 2 entries for 3 images"),
        ({"images": ZEROS, "labels": [0, 1, 10]}, "labels has class 10, and this model knows 0"),
        ({"images": ZEROS[:, :7]}, "7 x 8 with 1 channel, and this model was trained on 8 x 8"),
        ({"images": ZEROS[..., :3, None].repeat(3, 3)}, "8 x 3 with 3 channels"),
        ({"imges": ZEROS}, "did you mean 'images'?"),
        ({"images": np.array([{"a": 1}])}, "it holds Python objects, which can run code"),
    ],
)
def test_images_that_cannot_be_predicted_are_refused_with_a_way_out(
    predict: Predict,
    save: Callable[..., Path],
    model: Path,
    arrays: dict[str, Any],
    message: str,
) -> None:
    found = predict("--model", model, save(**arrays))
    assert found.code == 2
    assert found.out == ""
    assert "Traceback" not in found.err
    assert message in found.err


def test_all_faults_of_a_file_are_told_at_once(
    predict: Predict, save: Callable[..., Path], model: Path
) -> None:
    path = save(images=ZEROS.astype(float), labels=[0.5, 1.0, 2.0])
    found = predict("--model", model, path)
    assert "has 2 problems" in found.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "nowhere",
            "--model nowhere is not a folder; name one such as runs/NAME/winners/CONDITION",
        ),
        (".", "holds no model"),
        ("models:/x@champion", "there is no MLflow store"),
    ],
)
def test_a_model_that_is_not_there_is_refused(
    predict: Predict, save: Callable[..., Path], given: str, message: str
) -> None:
    found = predict("--model", given, save())
    assert found.code == 2
    assert message in found.err


def test_the_code_of_a_network_of_ones_own_runs_only_if_named(
    predict: Predict, save: Callable[..., Path], few_digits: Dataset, tmp_path: Path
) -> None:
    name = f"{own_networks.__name__}:linear"
    config = TrialConfig(model=name, epochs=1)
    trial = Trial([config], few_digits)
    trial.train_epoch()
    save_model(tmp_path / "own", trial.replicate_weights(0), config, few_digits, {})
    found = predict("--model", tmp_path / "own", save())
    assert found.code == 2
    assert "a network of your own" in found.err
    assert predict("--model", tmp_path / "own", save(), "--own-network", name).code == 0


@pytest.fixture
def named_model(trial: Trial, few_digits: Dataset, tmp_path: Path) -> Path:
    """The model of digits whose names are not in the order of the numbers."""
    named = dataclasses.replace(few_digits, class_names=tuple(NAMES))
    save_model(tmp_path / "m", trial.replicate_weights(0), trial.configs[0], named, {})
    return tmp_path / "m"


NAMES = ["zero, nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def test_words_of_a_file_are_compared_by_name_whatever_their_numbers_would_be(
    predict: Predict, save: Callable[..., Path], model: Path, named_model: Path,
    few_digits: Dataset,
) -> None:  # fmt: skip
    images, labels = few_digits.test_inputs, few_digits.test_labels
    expected = json.loads(
        predict("--model", model, save(images=images, labels=labels), "--json").out
    )
    order = np.argsort(NAMES)
    files = {
        "words": {"labels": np.array(NAMES)[labels][:, None]},
        "ids and names in another order": {
            "labels": np.argsort(order)[labels],
            "class_names": np.array(NAMES)[order],
        },
    }
    for arrays in files.values():
        path = save(images=images, **arrays)
        found = json.loads(predict("--model", named_model, path, "--json").out)
        assert found["accuracy"] == expected["accuracy"]
        assert found["class_names"] == NAMES
        predicted = [NAMES[row["predicted_label"]] for row in expected["predictions"]]
        assert [row["predicted_label"] for row in found["predictions"]] == predicted
        table = rows(predict("--model", named_model, path, "--probabilities").out)
        assert [row["predicted_label"] for row in table] == predicted
        assert "probability_zero, nil" in table[0]
    refused = predict("--model", named_model, save(images=images, labels=labels))
    assert refused.code == 2
    assert (
        "labels holds numbers, and this model knows its classes by name, 'zero, nil'" in refused.err
    )
    unknown = predict(
        "--model", named_model, save(images=images, labels=np.array(["cow"] * len(images)))
    )
    assert "labels has class cow, and this model knows 'zero, nil'" in unknown.err
    words = predict("--model", model, save(images=images, labels=np.array(NAMES)[labels]))
    assert "and this model knows 0 to 9: leave labels out" in words.err
