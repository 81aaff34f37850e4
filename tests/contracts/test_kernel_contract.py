"""A trial gives the same results whichever kernel serves its products."""

import math

import pytest

from tune_noise.config.trial import TrialConfig, applies
from tune_noise.models import product
from tune_noise.models.declarations import NETWORKS
from tune_noise.models.product import onednn_agrees
from tune_noise.training import Trial

MODELS = [name for name in NETWORKS if name not in ("conv9", "resnet18", "preact_resnet18")]


def training_with(kernel, config, dataset, monkeypatch):
    monkeypatch.setattr(product, "MIN_MULTIPLICATIONS", 0)
    monkeypatch.setattr(product, "onednn_is_faster", lambda: kernel == "onednn")
    trial = Trial([config], dataset)
    while not trial.finished:
        [report] = trial.train_epoch()
    return report


@pytest.mark.skipif(not onednn_agrees(), reason="this torch has no such operator")
@pytest.mark.parametrize(
    ("model", "method"),
    [(model, "co_teaching") for model in MODELS]
    # A kernel knows nothing of methods: one of each way to learn.
    + [("mlp1", method) for method in ("standard", "mixup", "elr", "gmm", "divide_mix", "prune")],
)
def test_the_losses_of_an_epoch_agree_to_four_digits(model, method, few_digits, monkeypatch):
    # A method that begins with something else is itself only afterwards.
    begins = {
        name: 1
        for name in ("warm_up_epochs", "first_epochs", "last_layer_epochs")
        if applies(name, {"method": method})
    }
    values = {"epochs": 1 + len(begins), **begins}
    config = TrialConfig(
        model=model, method=method, noise_rate=0.3, lr=0.002, batch_size=16, **values
    )
    plain, onednn = (
        training_with(kernel, config, few_digits, monkeypatch) for kernel in ("plain", "onednn")
    )
    for name in ("train_loss_noisy", "val_loss_noisy"):
        assert math.isclose(plain[name], onednn[name], rel_tol=1e-4)
