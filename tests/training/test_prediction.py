"""A saved model predicts raw inputs, by the names of their columns, in words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tune_noise.config.data_source import DataSource
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.own_data import make_dataset
from tune_noise.data.sources.raw import RawData, RawForm, RawSplit
from tune_noise.errors import DataError
from tune_noise.training import Trial, prediction
from tune_noise.training.saved_model import CONFIG_FILE, SavedModel, load_model, save_model

NAMES = ("cold", "tepid", "warm")
COLUMNS = ("width", "height", "depth")
FORM = RawForm(kind="features", columns=COLUMNS, label="feeling")


def split(size: int, seed: int) -> RawSplit:
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=size)
    points = np.eye(3)[labels] + rng.normal(0.0, 0.4, (size, 3))
    return RawSplit(points.astype(np.float32), np.array(NAMES, object)[labels])


@pytest.fixture(scope="module")
def held_out() -> RawSplit:
    return split(90, 1)


@pytest.fixture(scope="module")
def dataset(held_out: RawSplit) -> Dataset:
    raw = RawData("points", "features", split(200, 0), None, held_out, NAMES, form=FORM)
    return make_dataset(raw, DataSource(train="points"), val_fraction=0.2)


@pytest.fixture(scope="module")
def trial(dataset: Dataset) -> Trial:
    config = TrialConfig(noise="given", method="co_teaching", model="mlp1", lr=0.01, epochs=2)
    trial = Trial([config], dataset)
    while not trial.finished:
        trial.train_epoch()
    return trial


@pytest.fixture(scope="module")
def folder(trial: Trial, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, trial.replicate_weights(0), trial.configs[0], dataset, {})
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> SavedModel:
    return load_model(folder)


def test_columns_are_found_by_name_and_classes_told_in_words(
    model: SavedModel, trial: Trial, held_out: RawSplit
) -> None:
    frame = pd.DataFrame(held_out.inputs, columns=list(COLUMNS), index=range(500, 590))
    shuffled = frame[["depth", "width", "height"]].assign(feeling="?", price=1.5)
    predicted = model.predict_raw(shuffled, probabilities=True)
    assert list(predicted.index) == list(frame.index)
    progress = trial.progress[0]
    recorded = progress.epochs[progress.best_epoch - 1]["test_accuracy_clean_ensemble"]
    assert (predicted.predicted_label == held_out.labels).mean() == recorded > 0.7
    chances = model.predict_probabilities(held_out.inputs)
    np.testing.assert_array_equal(predicted[[f"probability_{n}" for n in NAMES]], chances)
    np.testing.assert_array_equal(predicted.probability, chances.max(axis=1))
    arrays = (held_out.inputs, held_out.inputs.astype(np.float64), held_out.inputs.tolist())
    for array in arrays:
        expected = predicted.predicted_label.tolist()
        assert model.predict_raw(array).predicted_label.tolist() == expected


def test_many_inputs_are_predicted_in_blocks(
    model: SavedModel, held_out: RawSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model.predictions(held_out.inputs, keep_all=True)
    monkeypatch.setattr(prediction, "EVALUATION_BATCH", 7)
    blocks = model.predictions(held_out.inputs, keep_all=True)
    np.testing.assert_array_equal(blocks.labels, whole.labels)
    np.testing.assert_array_equal(blocks.by_network, whole.by_network)
    np.testing.assert_allclose(blocks.probabilities, whole.probabilities, rtol=1e-5)


def test_no_inputs_are_refused(model: SavedModel, held_out: RawSplit) -> None:
    with pytest.raises(DataError, match="no inputs"):
        model.predict_raw(held_out.inputs[:0])


def test_a_folder_of_an_older_version_takes_arrays(few_digits: Dataset, tmp_path: Path) -> None:
    config = TrialConfig(model="perceptron", epochs=1)
    trial = Trial([config], few_digits)
    trial.train_epoch()
    save_model(tmp_path, trial.replicate_weights(0), config, few_digits, {})
    about = (tmp_path / CONFIG_FILE).read_text()
    (tmp_path / CONFIG_FILE).write_text(about.replace('"input_shape"', '"image_shape"'))
    model = load_model(tmp_path)
    assert model.form == RawForm(kind="pixels")
    predicted = model.predict_raw(few_digits.test_inputs)
    expected = model.predict(few_digits.test_inputs)
    assert predicted.predicted_label.tolist() == [str(label) for label in expected]
