"""The predictions of a winner for examples whose label is missing."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.models.networks import build_network
from tune_noise.training.saved_model import load_model, save_model
from tune_noise.winners import unlabelled
from tune_noise.winners.unlabelled import write_unlabelled

NAMES = ("zero, nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture
def written(few_digits: Dataset, tmp_path: Path) -> Dataset:
    """Digits of which some have no label, and the model of an untrained network beside."""
    network = build_network("perceptron", members=2, input_shape=(1, 8, 8), num_classes=10)
    config = TrialConfig(model="perceptron", method="co_teaching")
    dataset = replace(
        few_digits,
        class_names=NAMES,
        unlabelled_inputs=np.array(few_digits.test_inputs[:23]),
        unlabelled_ids=np.array([f"photo {n}.png" for n in range(23)]),
    )
    save_model(tmp_path, network.state_dict(), config, dataset, {})
    return dataset


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "unlabelled.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_example_without_a_label_is_predicted_by_name(
    written: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlabelled, "_BLOCK", 70)  # seven rows at once
    write_unlabelled(tmp_path, written, own_network="perceptron")
    chances = load_model(tmp_path).predict_probabilities(written.unlabelled_inputs)
    table = rows(tmp_path)
    assert [row["id"] for row in table] == list(written.unlabelled_ids)
    assert [row["predicted_label"] for row in table] == [NAMES[k] for k in chances.argmax(axis=1)]
    given = [float(row["probability"]) for row in table]
    np.testing.assert_allclose(given, chances.max(axis=1), rtol=1e-5)


def test_without_ids_rows_are_counted_from_0(written: Dataset, tmp_path: Path) -> None:
    dataset = replace(written, unlabelled_ids=None)
    write_unlabelled(tmp_path, dataset, own_network="perceptron")
    assert [row["index"] for row in rows(tmp_path)] == [str(n) for n in range(23)]


def test_where_every_example_has_a_label_there_is_no_file(
    few_digits: Dataset, tmp_path: Path
) -> None:
    write_unlabelled(tmp_path, few_digits, own_network="perceptron")
    assert not (tmp_path / "unlabelled.csv").exists()
