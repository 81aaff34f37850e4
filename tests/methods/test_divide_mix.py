"""DivideMix (arXiv:2002.07394) row by row in NumPy, and what a warm-up leaves out."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.methods.derivations import (
    batch_of,
    facts_of,
    method_of,
    numeric_gradient,
    slow_cross_entropy,
    softmax,
)
from tests.methods.test_gmm import slow_clean_probabilities

EXAMPLES, CLASSES, VIEWS = 12, 4, 2
FIELDS = {"warm_up_epochs": 3, "gmm_threshold": 0.6, "unlabelled_weight": 30.0}


def prepared(epoch=7, replicates=2, **fields):
    """A method that has divided 12 examples, and both views of them as one mixed batch."""
    random = np.random.default_rng(3)
    labels = random.integers(CLASSES, size=(replicates, EXAMPLES))
    shape = (replicates, 2, VIEWS * EXAMPLES, CLASSES)
    batch = batch_of(random.normal(size=shape), np.tile(labels, VIEWS), epoch=epoch)
    batch = dataclasses.replace(
        batch,
        num_views=VIEWS,
        indices=torch.arange(EXAMPLES).repeat(replicates, VIEWS),
        guesses=torch.tensor(random.normal(size=shape) * 2),
    )
    facts = facts_of(
        batch,
        num_examples=EXAMPLES,
        noisy_labels=batch.noisy_labels[:, :EXAMPLES],
        seeds=list(range(replicates)),
    )
    method = method_of("divide_mix", batch, facts=facts, **FIELDS | fields)
    look = torch.tensor(random.normal(size=(replicates, 2, EXAMPLES, CLASSES)) * 3)
    method.start_epoch(epoch, lambda: look)
    mixing = method.mixing(epoch, 5, VIEWS * EXAMPLES)
    return method, dataclasses.replace(batch, mixing=mixing), look.numpy()


def slow_loss(logits, r, p, batch, look, epoch):
    """The loss of one network, with every example and view on its own."""
    labels = batch.noisy_labels[r, :EXAMPLES].numpy()
    clean = slow_clean_probabilities(slow_cross_entropy(look[r, 1 - p], labels)[0])
    guesses = softmax(batch.guesses[r].numpy()).reshape(2, VIEWS, EXAMPLES, CLASSES)
    targets = np.empty((EXAMPLES, CLASSES))
    for i in range(EXAMPLES):
        if clean[i] >= 0.6:
            blend = (1 - clean[i]) * guesses[p, :, i].mean(axis=0)
            blend[labels[i]] += clean[i]
        else:
            blend = guesses[:, :, i].mean(axis=(0, 1))
        targets[i] = blend**2 / (blend**2).sum()
    share, partners = float(batch.mixing.shares[r]), batch.mixing.partners[r].numpy()
    labelled, unlabelled, probabilities = [], [], softmax(logits)
    for row in range(VIEWS * EXAMPLES):
        i, other = row % EXAMPLES, partners[row] % EXAMPLES
        target = share * targets[i] + (1 - share) * targets[other]
        if clean[i] >= 0.6:
            labelled.append(-(target * np.log(probabilities[row])).sum())
        else:
            unlabelled.append(((probabilities[row] - target) ** 2).mean())
    assert labelled
    assert unlabelled
    means = probabilities.mean(axis=0)
    penalty = (np.log(1 / CLASSES / means) / CLASSES).sum()
    weight = 30.0 * (epoch + 0.5 - 3) / 16
    return np.mean(labelled) + weight * np.mean(unlabelled) + penalty, clean >= 0.6


def test_the_loss_and_its_gradient_are_those_of_the_paper():
    method, batch, look = prepared()
    outcome = method(batch)
    outcome.losses.sum().backward()
    for r in (0, 1):
        for p in (0, 1):
            logits = batch.logits[r, p].detach().numpy()
            expected, kept = slow_loss(logits, r, p, batch, look, epoch=7)
            np.testing.assert_allclose(outcome.losses[r, p].item(), expected, rtol=1e-6)
            np.testing.assert_array_equal(outcome.kept[r, p], np.tile(kept, VIEWS))
    slopes = numeric_gradient(lambda x: slow_loss(x, 1, 1, batch, look, epoch=7)[0], logits)
    np.testing.assert_allclose(batch.logits.grad[1, 1], slopes, atol=1e-6)


def test_a_row_has_the_larger_share_of_its_mixture_and_partners_of_both_views():
    method, _, _ = prepared()
    drawn = [method.mixing(7, number, 2 * EXAMPLES) for number in range(20)]
    assert all((mixing.shares >= 0.5).all() for mixing in drawn)
    partners = torch.cat([mixing.partners[0, :EXAMPLES] for mixing in drawn])
    assert (partners < EXAMPLES).any()
    assert (partners >= EXAMPLES).any()


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_in_the_warm_up_both_views_are_learnt_by_cross_entropy_and_nothing_is_mixed(penalty):
    method, batch, _ = prepared(epoch=2, confidence_penalty=penalty)
    assert (batch.mixing.shares == 1.0).all()
    batch = dataclasses.replace(batch, guesses=None)
    outcome = method(batch)
    assert outcome.kept.all()
    for r in (0, 1):
        for p in (0, 1):
            logits = batch.logits[r, p].detach().numpy()
            losses, _ = slow_cross_entropy(logits, batch.noisy_labels[r].numpy())
            negative_entropy = (softmax(logits) * np.log(softmax(logits))).sum(axis=1)
            expected = losses.mean() + penalty * negative_entropy.mean()
            np.testing.assert_allclose(outcome.losses[r, p].item(), expected)


def test_a_replicate_in_its_warm_up_is_not_disturbed_by_one_beyond_it():
    method, batch, _ = prepared(epoch=4, warm_up_epochs=[5, 3])
    assert batch.mixing.shares[0] == 1.0 > batch.mixing.shares[1]
    outcome = method(batch)
    losses, _ = slow_cross_entropy(
        batch.logits[0, 0].detach().numpy(), batch.noisy_labels[0].numpy()
    )
    np.testing.assert_allclose(outcome.losses[0, 0].item(), losses.mean())
    assert outcome.kept[0].all()
    assert not outcome.kept[1].all()
