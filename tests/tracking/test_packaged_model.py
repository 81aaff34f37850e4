"""What is uploaded to MLflow loads by MLflow's own command, and predicts as our own folder does."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.models import own_networks
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.tracking.entry import CARD_FILE
from tune_noise.tracking.logged_model import package
from tune_noise.training import Trial
from tune_noise.training.saved_model import load_model, save_model

from .winners import PLAIN, entry

pytestmark = WARNINGS_OF_MLFLOW
LOGGED = SimpleNamespace(artifact_location="x", model_id="m-1", source_run_id=None)
OWN = f"{own_networks.__name__}:linear"


def packaged(folder: Path, few_digits: Dataset, config: TrialConfig, **changes: Any) -> Path:
    trial = Trial([config], few_digits)
    trial.train_epoch()
    save_model(folder / "own", trial.replicate_weights(0), config, few_digits, {})
    (folder / "own" / CARD_FILE).write_text("# A card\n")
    shape = {"input_shape": (1, 8, 8), "example": few_digits.test_inputs[0].tolist()}
    package(entry("x", "s", PLAIN, **shape, **changes), folder / "own", folder / "model", LOGGED)
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
