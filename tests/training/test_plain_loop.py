"""Standard training against a loop of torch's own layers and optimizers, written down by hand."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tune_noise.config.trial import TrialConfig
from tune_noise.data.resident import channel_statistics
from tune_noise.seeding import generator
from tune_noise.training import Trial


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("model", ["perceptron", "mlp1"])
def test_standard_training_is_a_plain_torch_loop_on_the_same_order(model, optimizer, digits):
    fields = {"noise_rate": 0.3, "seed": 4, "lr_schedule": "linear", "lr_decay_start": 0.0}
    config = TrialConfig(
        model=model, optimizer=optimizer, lr=0.01, batch_size=50, epochs=2, **fields
    )
    trial = Trial([config], digits)
    twin = nn.Sequential(nn.Linear(64, 10))
    if model == "mlp1":
        twin = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    linears = [layer for layer in twin if isinstance(layer, nn.Linear)]
    state = trial.network.state_dict()
    weights = [name for name in state if name.endswith("weight")]
    with torch.no_grad():
        for layer, name in zip(linears, weights, strict=True):
            layer.weight.copy_(state[name][0].T)
            layer.bias.copy_(state[name.replace("weight", "bias")][0, 0])
    own = (
        torch.optim.SGD(twin.parameters(), lr=0.01, momentum=0.9)
        if optimizer == "sgd"
        else torch.optim.Adam(twin.parameters(), lr=0.01)
    )
    mean, std = channel_statistics(digits.train_inputs)
    pixels = ((digits.train_inputs / 255 - mean) / std).astype(np.float32).reshape(-1, 64)
    x = torch.from_numpy(pixels)[trial.data.input_of[0]]
    y = trial.data.noisy_labels[0]
    for epoch in range(2):
        own.param_groups[0]["lr"] = 0.01 * (2 - epoch) / 2
        order = generator(4, "order", epoch).permutation(len(y))
        losses = []
        for chosen in np.array_split(order, math.ceil(len(y) / 50)):
            loss = F.cross_entropy(twin(x[chosen]), y[chosen])
            own.zero_grad()
            loss.backward()
            own.step()
            losses += [loss.item()] * len(chosen)
        [row] = trial.train_epoch()
        assert row["train_loss_noisy"] == pytest.approx(np.mean(losses), rel=1e-4)
    # Rounding decides the sign of a gradient near 0, and Adam steps by lr either way.
    atol = 1e-4 if optimizer == "sgd" else 2 * config.lr
    for layer, name in zip(linears, weights, strict=True):
        found = trial.network.state_dict()[name][0].T
        torch.testing.assert_close(found, layer.weight.detach(), rtol=1e-3, atol=atol)
