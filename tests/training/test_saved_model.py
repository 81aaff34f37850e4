import json

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.errors import DataError
from tune_noise.training import Trial
from tune_noise.training.saved_model import CONFIG_FILE, WEIGHTS_FILE, load_model, save_model


@pytest.fixture(
    scope="module", params=[("standard", "mlp1"), ("co_teaching", "conv9_small")], ids="-".join
)
def saved(request, few_digits, tmp_path_factory):
    """A trial of two replicates, trained; the second one's selected weights, saved."""
    method, model = request.param
    configs = [
        TrialConfig(method=method, model=model, lr=0.01, batch_size=32, epochs=4, seed=seed)
        for seed in (0, 1)
    ]
    trial = Trial(configs, few_digits)
    while not trial.finished:
        trial.train_epoch()
    folder = tmp_path_factory.mktemp("models") / "new" / "model"
    save_model(folder, trial.replicate_weights(1), configs[1], few_digits, {"note": "hello"})
    return trial, folder


def test_a_model_read_back_predicts_the_recorded_test_accuracy_exactly(saved, few_digits):
    trial, folder = saved
    model = load_model(folder)
    progress = trial.progress[1]
    selected = progress.epochs[progress.best_epoch - 1]
    name = "test_accuracy_clean_ensemble" if trial.networks == 2 else "test_accuracy_clean"
    predicted = model.predict(few_digits.test_inputs)
    assert predicted.dtype == np.int64
    assert (predicted == few_digits.test_labels).mean() == selected[name]


def test_probabilities_are_the_mean_over_the_networks_and_sum_to_1(saved, few_digits):
    model = load_model(saved[1])
    probabilities = model.predict_probabilities(few_digits.test_inputs[:50])
    assert probabilities.shape == (50, 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    one_by_one = [
        model.predict_probabilities(image[None])[0] for image in few_digits.test_inputs[:50]
    ]
    np.testing.assert_allclose(probabilities, one_by_one, atol=1e-5)


def test_it_carries_its_configuration_and_what_was_said_about_it(saved, few_digits):
    trial, folder = saved
    model = load_model(folder)
    assert model.config == trial.configs[1]
    assert model.about["note"] == "hello"
    assert model.about["input_shape"] == [1, 8, 8]
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG_FILE, WEIGHTS_FILE]
    assert not model.network.training


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 1, 8, 8), dtype=np.float32),
        np.zeros((2, 3, 8, 8), dtype=np.uint8),
        np.zeros((2, 1, 28, 28), dtype=np.uint8),
        np.zeros((1, 8, 8), dtype=np.uint8),
    ],
)
def test_images_of_another_shape_or_type_are_refused(saved, images):
    model = load_model(saved[1])
    with pytest.raises(DataError, match=r"uint8 \[N, 1, 8, 8\]: got"):
        model.predict(images)


def test_a_folder_that_is_no_model_is_the_users_mistake(tmp_path):
    with pytest.raises(DataError, match="not a model written by tune_noise"):
        load_model(tmp_path)
    (tmp_path / CONFIG_FILE).write_text("{")
    with pytest.raises(DataError, match="not a model written by tune_noise"):
        load_model(tmp_path)
    for text in ("{}", "[]", "[" * 100_000, '{"config": {"model": "resnet"}}', '{"config": {}}'):
        (tmp_path / CONFIG_FILE).write_text(text)
        with pytest.raises(DataError, match="not a model written by tune_noise"):
            load_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 9])
def test_damaged_weights_are_the_users_mistake(saved, tmp_path, content):
    (tmp_path / CONFIG_FILE).write_text((saved[1] / CONFIG_FILE).read_text())
    (tmp_path / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(DataError, match="not a model written by tune_noise"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "lie",
    [
        {"input_shape": [1, -1, 8]},
        {"input_shape": "abc"},
        {"num_classes": 10**12},
        {"num_classes": 1e300},
        {"config": []},
    ],
)
def test_a_description_that_lies_is_the_users_mistake(saved, tmp_path, lie):
    about = json.loads((saved[1] / CONFIG_FILE).read_text())
    (tmp_path / CONFIG_FILE).write_text(json.dumps(about | lie))
    (tmp_path / WEIGHTS_FILE).write_bytes((saved[1] / WEIGHTS_FILE).read_bytes())
    with pytest.raises(DataError, match="not a model written by tune_noise") as caught:
        load_model(tmp_path)
    assert "frame #" not in str(caught.value)


def test_weights_of_another_network_are_the_users_mistake(saved, tmp_path):
    about = json.loads((saved[1] / CONFIG_FILE).read_text())
    about["config"]["model"] = "perceptron"
    (tmp_path / CONFIG_FILE).write_text(json.dumps(about))
    (tmp_path / WEIGHTS_FILE).write_bytes((saved[1] / WEIGHTS_FILE).read_bytes())
    with pytest.raises(DataError, match="are not those of the perceptron that"):
        load_model(tmp_path)
