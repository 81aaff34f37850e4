"""Label Wave: how many predictions changed, and which epoch that selects."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.methods.derivations import method_of, random_batch
from tests.support.trials import trained
from tune_noise.config.selected_epoch import first_minimum, selected_epoch
from tune_noise.config.trial import TrialConfig

NAME = "train_prediction_changes"


@pytest.mark.parametrize("length", [1, 3])
def test_the_share_of_changed_predictions_is_the_mean_of_the_last_epochs(length):
    batches = [random_batch(2, 40, seed, networks=1, num_classes=3) for seed in range(6)]
    labels = batches[0].noisy_labels
    made = method_of("label_wave", batches[0], wave_epochs=[length, length])
    predicted, shares = [], []
    for epoch, batch in enumerate(batches):
        made(dataclasses.replace(batch, noisy_labels=labels))
        predicted.append(batch.logits.detach().numpy()[:, 0].argmax(axis=2))
        if epoch:
            shares.append((predicted[-1] != predicted[-2]).mean(axis=1))
        rows = made.epoch_metrics()
        if len(shares) < length:
            assert rows == [{}, {}]
        else:
            expected = np.mean(shares[-length:], axis=0)
            assert [row[NAME] for row in rows] == pytest.approx(list(expected))


def test_the_loss_is_cross_entropy():
    batch = random_batch(2, 9, 1, networks=1)
    standard, wave = (method_of(name, batch)(batch) for name in ("standard", "label_wave"))
    assert torch.equal(standard.losses, wave.losses)


def test_training_ends_after_the_first_minimum_which_is_selected(digits):
    config = TrialConfig(
        method="label_wave",
        model="mlp1",
        epochs=60,
        noise_rate=0.5,
        batch_size=32,
        lr=0.003,
        wave_epochs=3,
    )
    [progress] = trained([config], digits).progress
    changes = [epoch.get(NAME) for epoch in progress.epochs]
    assert changes[:3] == [None, None, None]
    best = progress.best_epoch
    assert 3 < best == len(changes) - 1 < 59
    assert changes[best] > changes[best - 1] == min(changes[3:])
    assert progress.stop_reason == f"label_wave: {NAME} was least in epoch {best}"
    # The record comes to the same epoch.
    assert selected_epoch(config, progress.epochs) == first_minimum(progress.epochs, NAME)
