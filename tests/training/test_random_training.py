"""What is drawn while a network trains - dropout, crops - survives a resume and any stack."""

import pytest
import torch

from tests.support.trials import train, trained
from tune_noise.config.trial import TrialConfig
from tune_noise.errors import ConfigError, DataError
from tune_noise.training import Trial
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.training.saved_model import load_model, save_model

OWN = "tests.models.own_networks:everything"
SETTINGS = [
    {"model": OWN},
    {"model": OWN, "method": "co_teaching"},
    {"model": "mlp1", "augmentation": "standard"},
    {"model": "mlp1", "augmentation": "standard", "method": "co_teaching"},
]
all_settings = pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(s.values()))


def config_of(seed=0, **settings):
    return TrialConfig(lr=0.01, batch_size=64, epochs=4, seed=seed, **settings)


def metrics_of(trial, replicate=0):
    rows = trial.progress[replicate].epochs
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@all_settings
def test_a_resumed_trial_continues_bit_by_bit(settings, few_digits, tmp_path):
    whole = trained([config_of(**settings)], few_digits)
    write_checkpoint(tmp_path / "state", *trained([config_of(**settings)], few_digits, 2).state())
    resumed = Trial([config_of(**settings)], few_digits)
    resumed.load_state(*read_checkpoint(tmp_path / "state"))
    train(resumed, 2)
    assert metrics_of(resumed) == metrics_of(whole)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])


@all_settings
def test_a_replicate_draws_the_same_in_any_stack(settings, few_digits):
    stack = trained([config_of(seed=s, **settings) for s in (5, 6, 7)], few_digits, 2)
    alone = trained([config_of(seed=6, **settings)], few_digits, 2)
    for ours, theirs in zip(metrics_of(stack, 1), metrics_of(alone), strict=True):
        # Rounding may decide an example of the 180 that are tested.
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-2)


@all_settings
def test_no_global_generator_is_read_or_moved(settings, few_digits):
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        found.append(metrics_of(trained([config_of(**settings)], few_digits, 1)))
        assert torch.equal(torch.get_rng_state(), before)
    assert found[0] == found[1]


def test_augmentation_changes_training_and_both_networks_of_a_pair_see_one_image(few_digits):
    plain = trained([config_of(model="mlp1")], few_digits, 1)
    moved = trained([config_of(model="mlp1", augmentation="standard")], few_digits, 1)
    assert metrics_of(plain)[0]["train_loss_noisy"] < metrics_of(moved)[0]["train_loss_noisy"]
    pair = Trial([config_of(method="co_teaching", augmentation="standard")], few_digits)
    seen = []
    pair.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    pair.train_epoch()
    assert {len(images) for images in seen} == {1}


def test_a_model_of_a_users_network_is_loaded_where_its_code_is_named(few_digits, tmp_path):
    trial = trained([config_of(model=OWN)], few_digits)
    save_model(tmp_path, trial.replicate_weights(0), trial.configs[0], few_digits, {})
    for other in (None, "os:getcwd"):
        with pytest.raises(DataError, match=rf"load_model\(folder, own_network='{OWN}'\)"):
            load_model(tmp_path, own_network=other)
    model = load_model(tmp_path, own_network=OWN)
    progress = trial.progress[0]
    selected = progress.epochs[progress.best_epoch - 1]
    accuracy = (model.predict(few_digits.test_inputs) == few_digits.test_labels).mean()
    assert accuracy == selected["test_accuracy_clean"]


def test_a_model_whose_code_is_not_here_says_so(few_digits, tmp_path):
    trial = Trial([config_of(model=OWN)], few_digits)
    config = trial.configs[0].model_copy(update={"model": "gone:network"})
    save_model(tmp_path, trial.replicate_weights(0), config, few_digits, {})
    with pytest.raises(DataError, match="'gone:network': gone cannot be imported"):
        load_model(tmp_path, own_network="gone:network")


def test_a_network_that_does_not_suit_is_refused_before_training(few_digits):
    name = "tests.models.own_networks:too_few_logits"
    with pytest.raises(ConfigError, match=r"model  .*one per class; it gives \[4, 9\]"):
        Trial([config_of(model=name)], few_digits)
    with pytest.raises(ConfigError, match="conv9 needs images of at least 28 x 28 pixels; digits"):
        Trial([config_of(model="conv9")], few_digits)


def test_the_error_of_soft_information_is_measured_where_it_steers(few_digits):
    name = "val_information_soft_noisy_se"
    for objective in ("val_information_soft_noisy", "val_information_noisy"):
        config = config_of(model="perceptron", objective=objective)
        [row] = Trial([config], few_digits).train_epoch()
        assert (name in row) == (objective == "val_information_soft_noisy")
