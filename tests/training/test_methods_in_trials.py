"""What the training loop does for methods: more networks, predictions of all examples, noise."""

import numpy as np
import pytest
import torch

from tests.support.trials import SHORT, train, trained
from tune_noise.config.trial import TrialConfig, applies
from tune_noise.methods.declarations import METHODS
from tune_noise.training import Trial
from tune_noise.training.saved_model import load_model, save_model


def config_of(method, **fields):
    given = {"model": "mlp1", "batch_size": 32, "epochs": 4, "lr": 0.003}
    first = ("warm_up_epochs", "first_epochs", "last_layer_epochs")
    given |= {name: SHORT[name] for name in first if applies(name, {"method": method})}
    return TrialConfig(method=method, **given | fields)


def test_three_peers_are_trained_resumed_saved_and_heard(few_digits, tmp_path):
    config = config_of("co_teaching", peers=3, tau=0.2, ramp_epochs=2)
    whole, first = trained([config], few_digits), trained([config], few_digits, 2)
    rows = whole.progress[0].epochs
    resumed = Trial([config], few_digits)
    resumed.load_state(*first.state())
    train(resumed)
    weights = whole.replicate_weights(0)
    for name, value in resumed.replicate_weights(0).items():
        assert torch.equal(value, weights[name])
        assert len(value) == 3
    numbers = [rows[-1][f"test_accuracy_clean_network_{n}"] for n in (1, 2, 3)]
    assert rows[-1]["test_accuracy_clean"] == pytest.approx(np.mean(numbers))
    save_model(tmp_path, weights, config, few_digits, {})
    predicted = load_model(tmp_path).predict(few_digits.test_inputs)
    best = rows[whole.progress[0].best_epoch - 1]
    accuracy = (predicted == few_digits.test_labels).mean()
    assert accuracy == pytest.approx(best["test_accuracy_clean_ensemble"])


@pytest.mark.parametrize("fields", [{}, {"noise": "dilution", "alpha": 2}], ids=str)
def test_all_examples_are_predicted_in_the_order_of_their_labels(fields, few_digits):
    # Batch norm tells evaluation from training mode.
    config = config_of("standard_ensemble", model="conv9_small", **fields)
    trial = Trial([config, config.model_copy(update={"seed": 1})], few_digits)
    trial.train_epoch()
    found = trial._predict_examples()
    assert not found.requires_grad
    images = trial.data.train_inputs.batch(trial.data.input_of[0])
    trial.network.eval()
    expected = trial.network(images.expand(4, *images.shape)).view_as(found)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.shape[2] == trial.data.noisy_labels.shape[1]


@pytest.mark.parametrize("method", [n for n, one in METHODS.items() if not one.needs_answers])
def test_a_method_learns_from_diluted_labels_too(method, few_digits):
    config = config_of(method, noise="dilution", alpha=1, epochs=4, batch_size=64)
    rows = trained([config], few_digits).progress[0].epochs
    assert rows[-1]["test_accuracy_clean"] > 0.5


@pytest.mark.parametrize("noise", ["symmetric", "pair_flip", "dilution"])
def test_forward_correction_takes_the_known_matrix_of_any_synthetic_noise(noise, few_digits):
    level = {"alpha": 1} if noise == "dilution" else {"noise_rate": 0.3}
    config = config_of("forward", transition="known", warm_up_epochs=0, noise=noise, **level)
    rows = trained([config], few_digits).progress[0].epochs
    assert rows[-1]["test_accuracy_clean"] > 0.6


def test_the_time_between_epochs_counts_as_training_time(few_digits, monkeypatch):
    trial = Trial([config_of("gmm", warm_up_epochs=0)], few_digits)
    clock = iter([10.0, 20.0])
    steps = []
    monkeypatch.setattr(trial.method, "start_epoch", lambda *_: steps.append("prepared"))
    monkeypatch.setattr(
        "tune_noise.training.trial.time.perf_counter",
        lambda: steps.append("clock") or next(clock),
    )
    trial.train_epoch()
    assert steps == ["clock", "prepared", "clock"]
    assert trial.seconds == 10.0
