"""What is uploaded to MLflow loads by MLflow's own command, and predicts as our own folder does."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.models import own_networks
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tune_noise.config.data_source import DataSource
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.own_data import make_dataset
from tune_noise.data.sources.raw import RawData, RawForm, RawSplit
from tune_noise.tracking.entry import CARD_FILE
from tune_noise.tracking.logged_model import package
from tune_noise.training import Trial
from tune_noise.training.saved_model import load_model, save_model

from .winners import PLAIN, entry

pytestmark = WARNINGS_OF_MLFLOW
LOGGED = SimpleNamespace(artifact_location="x", model_id="m-1", source_run_id=None)
OWN = f"{own_networks.__name__}:linear"


def packaged(folder: Path, data: Dataset, config: TrialConfig, **changes: Any) -> Path:
    trial = Trial([config], data)
    trial.train_epoch()
    save_model(folder / "own", trial.replicate_weights(0), config, data, {})
    (folder / "own" / CARD_FILE).write_text("# A card\n")
    shape = {"input_shape": (1, 8, 8), "example": data.test_inputs[0].tolist()}
    package(entry("x", "s", PLAIN, **shape | changes), folder / "own", folder / "model", LOGGED)
    return folder / "model"


def test_it_predicts_labels_and_on_request_probabilities(
    few_digits: Dataset, tmp_path: Path
) -> None:
    import mlflow

    config = TrialConfig(method="co_teaching", model="perceptron", epochs=1)
    model = mlflow.pyfunc.load_model(str(packaged(tmp_path, few_digits, config)))
    ours, images = load_model(tmp_path / "own"), few_digits.test_inputs
    labels = model.predict(images)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, ours.predict(images))
    probabilities = model.predict(images, params={"probabilities": True})
    np.testing.assert_array_equal(probabilities, ours.predict_probabilities(images))
    each = model.predict(images, params={"each_network": True})
    np.testing.assert_array_equal(each, ours.predict_each(images))
    assert each.shape == (2, len(images))
    np.testing.assert_array_equal(model.input_example, images[:1])
    np.testing.assert_array_equal(model.predict(model.input_example), labels[:1])


def test_its_signature_refuses_other_images(few_digits: Dataset, tmp_path: Path) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    config = TrialConfig(model="perceptron", epochs=1)
    model = mlflow.pyfunc.load_model(str(packaged(tmp_path, few_digits, config)))
    for images in (few_digits.test_inputs / 255.0, few_digits.test_inputs[:, :, 1:]):
        with pytest.raises(MlflowException, match="enforce schema"):
            model.predict(images)


def test_named_features_are_taken_by_name_and_answered_in_words(tmp_path: Path) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    data = points()
    frame = pd.DataFrame(data.test_inputs, columns=["height", "width"], index=range(7, 47))
    columns = {"height": "double", "width": "any"}
    config = TrialConfig(model="perceptron", noise="given", method="co_teaching", epochs=3)
    shape = {"input_shape": (2,), "example": [0.5, 2.0], "columns": columns}
    folder = str(packaged(tmp_path, data, config, **shape))
    model = mlflow.pyfunc.load_model(folder)
    ours = load_model(tmp_path / "own").predict_raw(frame, probabilities=True, each_network=True)
    answer = model.predict(frame[["width", "height"]].assign(price=1))
    pd.testing.assert_frame_equal(answer, ours[["predicted_label", "probability"]])
    asked = {"probabilities": True, "each_network": True}
    pd.testing.assert_frame_equal(model.predict(frame, params=asked), ours)
    assert list(ours.columns[2:]) == [
        "probability_long", "probability_short", "network_1", "network_2"
    ]  # fmt: skip
    whole = model.predict(pd.DataFrame({"width": [1, 2], "height": [0.5, 1.5]}))
    assert set(whole.predicted_label) <= {"long", "short"}
    assert model.predict(model.input_example).shape == (1, 2)
    assert "predicted_label" in str(model.metadata.signature.outputs)
    with pytest.raises(MlflowException, match="missing inputs"):
        model.predict(frame[["width"]])


def test_an_array_is_answered_in_words_if_asked(tmp_path: Path) -> None:
    import mlflow

    data = dataclasses.replace(points(), form=RawForm(kind="features"))
    config = TrialConfig(model="perceptron", noise="given", epochs=1)
    shape = {"input_shape": (2,), "example": [0.5, 2.0]}
    model = mlflow.pyfunc.load_model(str(packaged(tmp_path, data, config, **shape)))
    labels = model.predict(data.test_inputs)
    assert labels.dtype == np.int64
    words = model.predict(data.test_inputs, params={"names": True})
    assert words.tolist() == [("long", "short")[label] for label in labels]
    # A DataFrame has the same values in the same order.
    np.testing.assert_array_equal(model.predict(pd.DataFrame(data.test_inputs)), labels)


def points() -> Dataset:
    rng = np.random.default_rng(0)
    words = np.array(["short", "long"], object)[rng.integers(2, size=140)]
    inputs = rng.normal(2.0 * (words == "long")[:, None], 1.0, (140, 2)).astype(np.float32)
    train, test = RawSplit(inputs[:100], words[:100]), RawSplit(inputs[100:], words[100:])
    form = RawForm(kind="features", columns=("height", "width"))
    raw = RawData("p", "features", train, test=test, class_names=("long", "short"), form=form)
    return make_dataset(raw, DataSource(train="p"), val_fraction=0.2)


def test_it_holds_neither_pickles_nor_training_images(few_digits: Dataset, tmp_path: Path) -> None:
    config = TrialConfig(model="perceptron", epochs=1)
    folder = packaged(tmp_path, few_digits, config)
    (tmp_path / "own" / "suspects.csv").write_text("index\n")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {f for f in files if f.startswith("data/")} == {
        f"data/network/{name}" for name in ("weights.safetensors", "config.json", CARD_FILE)
    }
    assert not [name for name in files if name.endswith((".pkl", ".pickle"))]
    assert "loader_module: tune_noise.training.pyfunc" in (folder / "MLmodel").read_text()
    assert "tune-noise==0.2.0" in (folder / "requirements.txt").read_text()


def test_a_network_of_ones_own_runs_only_where_the_caller_names_it(
    few_digits: Dataset, tmp_path: Path
) -> None:
    import mlflow

    from tune_noise.errors import DataError

    config = TrialConfig(model=OWN, epochs=1)
    folder = str(packaged(tmp_path, few_digits, config, own_network=OWN))
    with pytest.raises(DataError, match="a network of your own"):
        mlflow.pyfunc.load_model(folder)
    model = mlflow.pyfunc.load_model(folder, model_config={"own_network": OWN})
    assert model.predict(few_digits.test_inputs).shape == few_digits.test_labels.shape
