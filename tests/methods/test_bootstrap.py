"""Bootstrapping from the equations of arXiv:1412.6596."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import method_of, numeric_gradient, random_batch, softmax
from tune_noise.config.trial import TrialConfig

betas = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2)


def slow_soft(logits, labels, beta):
    """-sum_k (beta t_k + (1 - beta) q_k) log q_k, mean over the examples."""
    probabilities = softmax(logits)
    targets = beta * np.eye(logits.shape[1])[labels] + (1 - beta) * probabilities
    return -(targets * np.log(probabilities)).sum(axis=1).mean()


@given(betas=betas, batch_size=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_soft_bootstrapping_is_differentiated_through_the_prediction_in_the_target(
    betas, batch_size, seed
):
    batch = random_batch(2, batch_size, seed, networks=1, num_classes=3, scale=1.0)
    outcome = method_of("bootstrap_soft", batch, bootstrap_beta=betas)(batch)
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    for r, beta in enumerate(betas):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        np.testing.assert_allclose(outcome.losses[r, 0].item(), slow_soft(logits, labels, beta))
        gradient = numeric_gradient(lambda z, y=labels, b=beta: slow_soft(z, y, b), logits)
        np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, atol=1e-7)


@given(betas=betas, batch_size=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_hard_bootstrapping_holds_the_predicted_class_constant(betas, batch_size, seed):
    batch = random_batch(2, batch_size, seed, networks=1)
    outcome = method_of("bootstrap_hard", batch, bootstrap_beta=betas)(batch)
    outcome.losses.sum().backward()
    for r, beta in enumerate(betas):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        probabilities, one_hot = softmax(logits), np.eye(logits.shape[1])
        targets = beta * one_hot[labels] + (1 - beta) * one_hot[logits.argmax(axis=1)]
        losses = -(targets * np.log(probabilities)).sum(axis=1)
        np.testing.assert_allclose(outcome.losses[r, 0].item(), losses.mean())
        # The gradient of a cross-entropy with a constant target.
        expected = (probabilities - targets) / batch_size
        np.testing.assert_allclose(batch.logits.grad[r, 0], expected, atol=1e-12)


def test_each_kind_has_the_papers_weight():
    assert TrialConfig(method="bootstrap_hard").bootstrap_beta == 0.8
    assert TrialConfig(method="bootstrap_soft").bootstrap_beta == 0.95


def test_a_sure_prediction_gives_finite_losses():
    batch = random_batch(1, 4, 0, networks=1, scale=1e4)
    for name in ("bootstrap_soft", "bootstrap_hard"):
        outcome = method_of(name, batch)(batch)
        outcome.losses.sum().backward()
        assert outcome.losses.isfinite().all()
        assert batch.logits.grad.isfinite().all()
