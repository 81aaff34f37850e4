"""Training in bfloat16: what is rounded, and what is not."""

import pytest
import torch

from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.models.declarations import NETWORKS


def config_of(precision="bfloat16", **settings):
    return TrialConfig(batch_size=64, epochs=4, lr=0.01, precision=precision, **settings)


SMALL = [name for name, network in NETWORKS.items() if network.min_image_size <= 8]


@pytest.mark.parametrize("model", [*SMALL, "tests.models.own_networks:everything"])
def test_every_network_trains_with_float32_weights(model, few_digits):
    trial = trained([config_of(model=model)], few_digits, epochs=1)
    assert all(tensor.dtype != torch.bfloat16 for tensor in trial.state()[0].values())
    assert trial.progress[0].epochs[0]["train_loss_noisy"] < 10.0


@pytest.mark.parametrize("model", ["perceptron", "mlp1", "conv4"])
@pytest.mark.parametrize("method", ["standard", "co_teaching"])
def test_it_learns_as_float32_does_but_for_rounding(model, method, few_digits):
    losses = [
        trained([config_of(precision, model=model, method=method)], few_digits, 2)
        .progress[0]
        .epochs[-1]["train_loss_noisy"]
        for precision in ("bfloat16", "float32")
    ]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_a_replicate_of_a_stack_learns_as_alone(few_digits):
    stack = trained([config_of(model="mlp1", seed=seed) for seed in (1, 2)], few_digits, 2)
    alone = trained([config_of(model="mlp1", seed=2)], few_digits, 2)
    ours, theirs = stack.progress[1].epochs[-1], alone.progress[0].epochs[-1]
    assert ours["train_loss_noisy"] == pytest.approx(theirs["train_loss_noisy"], rel=0.02)


def test_evaluation_is_in_float32(few_digits):
    trial = trained([config_of(model="mlp1")], few_digits, epochs=1)
    seen = []
    trial.network.register_forward_hook(lambda module, inputs, logits: seen.append(logits))
    trial._evaluate()
    values = torch.cat([logits.flatten() for logits in seen])
    assert not torch.equal(values, values.bfloat16().float())
