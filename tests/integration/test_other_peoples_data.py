"""A search on a file with other names, words for classes and a validation split of its own."""

import csv
import json

import numpy as np
import pytest

from tests.support.shell import Shell
from tune_noise.data import load_dataset

pytestmark = pytest.mark.long

# In the order of the alphabet they are not in that of the digits; a table must quote the first.
NAMES = np.array(
    ["zero, nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)


def test_names_words_and_a_given_validation_split_go_all_the_way(shell: Shell) -> None:
    digits = load_dataset("digits")
    images, words = digits.train_inputs[:, 0], NAMES[digits.train_labels][:, None]
    arrays = {
        **{"train_images": images[:400], "train_labels": words[:400]},
        **{"val_images": images[400:600], "val_labels": words[400:600]},
        **{"test_images": digits.test_inputs[:, 0], "test_labels": NAMES[digits.test_labels]},
    }
    np.savez(shell.folder / "medmnist.npz", **arrays)
    changes = {"dataset": "medmnist.npz", "noise": "given", "conditions": {}}
    space = shell.space(
        **changes, fixed={"model": "perceptron", "ramp_epochs": 2, "val_fraction": 0.3}
    )
    refused = shell.run("tune_noise.search", "--space", space, "--dry-run", code=2)
    assert "medmnist.npz, which brings 200 validation examples: take it out (--set val" in refused

    asked = ["--space", space, "--set", "val_fraction=null", "--set", "suspects.folds=2"]
    plan = " ".join(shell.search(*asked, "--dry-run").split())
    assert (
        "400 training examples (images of 8 x 8 with 1 channel), 10 classes, 200 examples of"
        in plan
    )
    said = shell.search(*asked)
    reading = (
        "medmnist.npz: read train_images as images, train_labels as labels, val_images, val_labels "
        "as the validation split, test_images, test_labels as the test set (MedMNIST); "
        "train_labels, val_labels [N, 1] as [N]; its words as 10 classes: eight, five, four"
    )
    assert said.startswith(reading)

    folder = shell.folder / "runs" / "tiny"
    summary = json.loads((folder / "summary.json").read_text())
    data = summary["search"]["data"]
    assert data["class_names"] == sorted(NAMES)
    assert (data["train_images"], data["validation_images"]) == (400, 200)
    winner = folder / "winners" / "all"
    facts = json.loads((winner / "config.json").read_text())["facts"]
    assert (facts["train_examples"], facts["val_examples"]) == (400, 200)
    with (winner / "suspects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["given_label"] for row in rows} == set(NAMES)
    for row in rows:
        given = arrays[f"{row['split'][:5].replace('valid', 'val')}_labels"][int(row["index"]), 0]
        assert row["given_label"] == given
    page = (folder / "report.html").read_text()
    assert "zero, nil" in page
    assert (
        "400 training, 200 validation and 540 test images" in (winner / "model_card.md").read_text()
    )

    predicting = ["predict", "--model", str(winner), "medmnist.npz", "--array", "test_images"]
    predicted = json.loads(shell.run("tune-noise", *predicting, "--json"))
    recorded = json.loads((winner / "config.json").read_text())["metrics_of_these_weights"]
    told = predicted["accuracy"]["test_labels"]
    accuracy = told["accuracy"]
    assert told.get("mean_of_networks", accuracy) == recorded["test_accuracy_clean"]
    labels = [row["predicted_label"] for row in predicted["predictions"]]
    assert np.mean(np.array(labels) == arrays["test_labels"]) == accuracy

    np.savez(shell.folder / "medmnist.npz", **arrays | {"val_labels": words[399:599]})
    changed = shell.run("tune_noise.search", *asked, "--resume", code=2)
    assert f"data: fingerprint {data['fingerprint']} there" in changed
    other = shell.run("tune-noise", "suspects", str(folder), code=2)
    assert other.strip().endswith("bring back medmnist.npz")
