"""Two trainings: which labels the first one finds, and what the second one learns."""

import numpy as np
import pytest
import torch

from tests.methods.derivations import method_of, random_batch, slow_cross_entropy, softmax
from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.methods.retraining import label_issues, label_margins

CLASSES = 6


def noisy_predictions(seed, num_examples=400):
    """Probabilities of a fair model, labels of which a third name the next class, and the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(CLASSES, size=num_examples)
    logits = random.normal(size=(num_examples, CLASSES))
    logits[np.arange(num_examples), truth] += 2.5
    labels = np.where(random.random(num_examples) < 0.3, (truth + 1) % CLASSES, truth)
    return softmax(logits), labels, truth


def test_wrong_labels_are_those_that_cleanlab_finds():
    from cleanlab.filter import find_label_issues

    probabilities, labels, truth = noisy_predictions(0)
    issues = label_issues(probabilities, labels)
    theirs = find_label_issues(
        labels, probabilities, filter_by="prune_by_noise_rate", min_examples_per_class=0
    )
    # Both round the numbers of the joint, by rules of their own: a label more or less for a pair.
    assert (issues != theirs).sum() <= CLASSES
    assert (labels != truth)[issues].mean() > 0.8


def test_a_class_without_labels_and_certain_predictions_are_no_trouble():
    probabilities, labels, _ = noisy_predictions(1)
    assert label_issues(probabilities, np.where(labels == 3, 0, labels)).dtype == bool
    certain = np.eye(CLASSES)[labels]
    assert not label_issues(certain, labels).any()


def start(method, batch, **fields):
    """Begin the second training with these logits of the training examples."""
    made = method_of(method, batch, first_epochs=10, **fields)
    made.start_epoch(10, lambda: batch.logits.detach())
    return made


@pytest.mark.parametrize("method", ["prune", "relabel"])
def test_the_second_training_learns_what_the_networks_of_the_folds_say(method):
    batch = random_batch(2, 60, 3, networks=2, num_classes=CLASSES, scale=3.0)
    made = method_of(method, batch, cross_folds=2, first_epochs=10)
    learnt_first = made.state()["kept"]
    # In the first training each network leaves out its fold, and each fold is left out once.
    assert (learnt_first.sum(dim=1) == 1).all()
    made.start_epoch(10, lambda: batch.logits.detach())
    outcome = made(batch)
    for r in range(2):
        held_out = (~learnt_first[r]).int().argmax(dim=0).numpy()
        logits = batch.logits[r].detach().numpy()
        probabilities = softmax(logits[held_out, np.arange(60)])
        labels = batch.noisy_labels[r].numpy()
        issues = label_issues(probabilities, labels)
        assert 0 < issues.sum() < 60
        kept = ~issues if method == "prune" else np.ones(60, bool)
        targets = labels if method == "prune" else np.where(issues, probabilities.argmax(1), labels)
        assert (outcome.kept[r].numpy() == kept).all()
        for p in range(2):
            losses, _ = slow_cross_entropy(logits[p], targets)
            np.testing.assert_allclose(outcome.losses[r, p].item(), losses[kept].mean())


def test_the_smallest_areas_under_the_margin_are_dropped():
    batch = random_batch(2, 50, 5, networks=1, num_classes=CLASSES, epoch=3)
    again = random_batch(2, 50, 6, networks=1, num_classes=CLASSES, epoch=4)
    again = type(again)(again.logits, batch.noisy_labels, again.indices, 4)
    made = method_of("aum_prune", batch, tau=[0.2, 0.5], first_epochs=10)
    made(batch), made(again)
    made.start_epoch(10, lambda: batch.logits)
    kept = made(batch).kept
    for r, number in enumerate((40, 25)):
        areas = np.zeros(50)
        for one in (batch, again):
            logits, labels = one.logits[r, 0].detach().numpy(), one.noisy_labels[r].numpy()
            for n, (row, label) in enumerate(zip(logits, labels, strict=True)):
                areas[n] += row[label] - np.delete(row, label).max()
        assert set(np.flatnonzero(kept[r, 0].numpy())) == set(np.argsort(-areas)[:number])
    assert label_margins(batch.logits, batch.noisy_labels).shape == (2, 1, 50)


@pytest.mark.parametrize("method", ["prune", "relabel", "aum_prune"])
def test_only_an_epoch_of_the_second_training_is_selected(method, tiny_digits):
    config = TrialConfig(
        method=method,
        model="mlp1",
        epochs=6,
        first_epochs=4,
        batch_size=32,
        lr=0.01,
        patience=1,
        noise_rate=0.3,
        weight_average=0.9,
    )
    trial = trained([config], tiny_digits)
    [progress] = trial.progress
    assert progress.best_epoch > 4
    losses = [epoch["train_loss_noisy"] for epoch in progress.epochs]
    # The networks know nothing when they start afresh.
    assert losses[4] > losses[3]


def test_networks_that_start_afresh_are_others(tiny_digits):
    config = TrialConfig(
        method="prune", model="mlp1", epochs=2, first_epochs=1, batch_size=512, lr=1e-9
    )
    trial = trained([config], tiny_digits, 1)
    before = next(iter(trial.network.parameters())).clone()
    trial.train_epoch()
    weights = next(iter(trial.network.parameters()))
    assert not torch.allclose(before, weights, atol=1e-3)
