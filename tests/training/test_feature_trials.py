"""Trials on features: what works as on pictures, and what is refused in one sentence."""

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training.data_problems import data_problems
from tune_noise.training.material import with_material
from tune_noise.training.saved_model import load_model, save_model
from tune_noise.training.trial import Trial


@pytest.fixture(scope="module")
def points() -> Dataset:
    """Three Gaussian classes in 6 dimensions, of very different units."""
    random = np.random.default_rng(0)
    labels = np.arange(600) % 3
    features = random.normal(size=(600, 6)) + 3.0 * np.eye(6)[labels]
    features = (features * 10.0 ** np.arange(-3, 3)).astype(np.float32)
    return Dataset(
        name="points",
        train_inputs=features[:450],
        train_labels=labels[:450],
        true_labels=labels[:450],
        test_inputs=features[450:],
        test_labels=labels[450:],
        num_classes=3,
    )


def trained(dataset, **fields):
    config = TrialConfig(**{"epochs": 8, "batch_size": 32, "lr": 0.01} | fields)
    trial = Trial([config], with_material(dataset, [config]))
    while not trial.finished:
        [metrics] = trial.train_epoch()
    return trial, metrics


@pytest.mark.parametrize("model", ["perceptron", "mlp1", "mlp2", "mlp4"])
def test_a_network_learns_features(points, model):
    _, metrics = trained(points, model=model, noise_rate=0.2)
    assert metrics["test_accuracy_clean"] > 0.85


@pytest.mark.parametrize(
    "noise",
    [
        {"noise": "instance", "noise_rate": 0.2},
        {"noise": "structured", "alpha": 1, "delta": 0.2},
        {"noise": "dilution", "alpha": 1},
        {"noise": "given"},
        {"noise": "foreign", "alpha": 1, "foreign_source": "own"},
    ],
)
def test_noise_works_on_features(points, noise):
    trial, metrics = trained(points, model="perceptron", **noise)
    assert metrics["test_accuracy_clean"] > 0.8
    assert trial.data.facts[0]["realised_noise_rate"] < 0.5


@pytest.mark.parametrize("method", ["co_teaching", "mixup", "elr"])
def test_methods_work_on_features(points, method):
    _, metrics = trained(points, model="mlp1", method=method, input_dropout=0.2)
    assert metrics["test_accuracy_clean"] > 0.8


def test_what_only_pictures_have_is_refused(points):
    config = TrialConfig(
        model="conv4", augmentation="standard", noise="foreign", foreign_source="white", alpha=1
    )
    messages = {problem.place: problem.message for problem in data_problems(config, points)}
    assert messages.keys() == {"model", "augmentation", "foreign_source"}
    assert messages["model"] == (
        "conv4 takes pictures, and the inputs of points are features: use perceptron, mlp1, mlp2 "
        "or mlp4"
    )


def test_scaling_of_pictures_is_not_a_choice(few_digits):
    [problem] = data_problems(TrialConfig(scaling="unit"), few_digits)
    assert problem.place == "scaling"
    assert "which are scaled per channel" in problem.message


@pytest.mark.parametrize("scaling", ["standard", "unit", "none"])
def test_a_saved_model_predicts_what_the_trial_did(points, tmp_path, scaling):
    trial, _ = trained(points, model="mlp1", scaling=scaling, last_epochs=1)
    save_model(tmp_path, trial.replicate_weights(0), trial.configs[0], points, {})
    model = load_model(tmp_path)
    accuracy = (model.predict(points.test_inputs) == points.test_labels).mean()
    assert accuracy == trial.progress[0].epochs[-1]["test_accuracy_clean"]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adadelta"])
def test_decay_makes_weights_smaller(points, optimizer):
    def norm(decay):
        trial, _ = trained(points, model="perceptron", optimizer=optimizer, weight_decay=decay)
        return float(trial.network.state_dict()["1.weight"].norm())

    assert norm(0.5) < norm(0.0)
