"""CORES2's regulariser and sieve, from arXiv:2010.02347."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.methods.derivations import batch_of, method_of, numeric_gradient, random_batch, softmax

CLASSES = 5
SCHEDULE = {"warm_up_epochs": 10, "ramp_epochs": 30}


def slow_kept(logits, labels):
    losses = -np.log(softmax(logits))
    return losses[np.arange(len(labels)), labels] <= losses.mean(axis=1)


def slow_loss(logits, labels, prior, beta, kept):
    """(CE - beta E[CE of a label drawn from the prior]) / (1 + beta), mean over what is kept."""
    p = softmax(logits)
    losses = -np.log(p[np.arange(len(labels)), labels])
    drawn = -(np.log(p + 1e-8) * prior).sum(axis=1)
    return ((losses - beta * drawn) / (1 + beta))[kept].sum() / max(1, kept.sum())


@settings(max_examples=25)
@given(
    betas=st.lists(st.floats(0.0, 4.0), min_size=2, max_size=2),
    epoch=st.sampled_from([0, 10, 25, 30, 31, 40, 99]),
    seed=st.integers(0, 2**31),
)
def test_it_is_the_papers_loss_at_every_point_of_the_schedule(betas, epoch, seed):
    batch = random_batch(2, 6, seed, networks=1, num_classes=CLASSES, epoch=epoch, scale=1.0)
    outcome = method_of("cores2", batch, cores_beta=betas, **SCHEDULE)(batch)
    outcome.losses.sum().backward()
    for r, final in enumerate(betas):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        prior = np.bincount(labels, minlength=CLASSES) / len(labels)
        beta = final * np.interp(epoch, [10, 40], [0, 1])
        kept = slow_kept(logits, labels) if epoch > 30 else np.ones(len(labels), dtype=bool)
        assert outcome.kept[r, 0].tolist() == kept.tolist()
        expected = slow_loss(logits, labels, prior, beta, kept)
        np.testing.assert_allclose(outcome.losses[r, 0].item(), expected, rtol=1e-5, atol=1e-6)
        gradient = numeric_gradient(
            lambda z, y=labels, p=prior, b=beta, k=kept: slow_loss(z, y, p, b, k), logits
        )
        np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, rtol=1e-5, atol=1e-6)


def test_the_prior_of_an_epoch_is_what_the_sieve_kept_in_the_one_before():
    # Two labels are hopeless: the sieve drops both examples of class 0, and keeps class 1 alone.
    logits = np.zeros((1, 1, 4, 3))
    logits[0, 0, :, 1] = 5.0
    batch = batch_of(logits, [[0, 0, 1, 1]], epoch=50)
    method = method_of("cores2", batch, **SCHEDULE)
    method.start_epoch(50, None)
    first = method(batch).losses.item()
    method.start_epoch(51, None)
    again = method(dataclasses.replace(batch, epoch=51))
    assert again.kept[0, 0].tolist() == [False, False, True, True]
    labels, kept = np.array([0, 0, 1, 1]), np.array([False, False, True, True])
    priors = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    for prior, loss in zip(priors, (first, again.losses.item()), strict=True):
        assert loss == pytest.approx(slow_loss(logits[0, 0], labels, prior, 2.0, kept), rel=1e-5)


def test_a_sure_network_has_a_finite_loss():
    batch = random_batch(1, 4, 0, networks=1, scale=1e4)
    outcome = method_of("cores2", batch, **SCHEDULE)(batch)
    outcome.losses.sum().backward()
    assert outcome.losses.isfinite().all()
    assert torch.isfinite(batch.logits.grad).all()
