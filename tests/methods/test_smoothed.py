"""Label smoothing (arXiv:1512.00567) and Rolnick's H_alpha (arXiv:1705.10694)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import method_of, random_batch, softmax


def slow_losses(logits, labels, share):
    """- sum_k target_k log p_k and its gradient, of each example, float64 [n] and [n, K]."""
    classes = logits.shape[1]
    targets = (1 - share) * np.eye(classes)[labels] + share / classes
    probabilities = softmax(logits)
    return -(targets * np.log(probabilities)).sum(axis=1), probabilities - targets


def check(batch, outcome, shares):
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    for r, share in enumerate(shares):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        losses, gradient = slow_losses(logits, labels, share)
        np.testing.assert_allclose(outcome.losses[r, 0].item(), losses.mean())
        np.testing.assert_allclose(
            batch.logits.grad[r, 0], gradient / len(labels), atol=1e-12, rtol=1e-9
        )


@given(
    shares=st.lists(st.floats(0.0, 0.99), min_size=2, max_size=2),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**31),
)
def test_a_smoothed_label_gives_its_share_to_all_classes(shares, batch_size, seed):
    batch = random_batch(2, batch_size, seed, networks=1)
    check(batch, method_of("label_smoothing", batch, smoothing=shares)(batch), shares)


@given(
    alphas=st.lists(st.floats(0.0, 1000.0), min_size=2, max_size=2),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**31),
)
def test_an_infinite_batch_is_label_smoothing_of_alpha_over_1_plus_alpha(alphas, batch_size, seed):
    batch = random_batch(2, batch_size, seed, networks=1)
    outcome = method_of("infinite_batch", batch, h_alpha=alphas)(batch)
    check(batch, outcome, [alpha / (1 + alpha) for alpha in alphas])


@pytest.mark.parametrize("alpha", [0, 5, 20])
def test_an_infinite_batch_is_the_mean_loss_over_many_diluted_labels(alpha):
    batch = random_batch(1, 1, 7, networks=1, num_classes=10)
    found = method_of("infinite_batch", batch, h_alpha=float(alpha))(batch).losses.item()
    losses = -np.log(softmax(batch.logits[0, 0, 0].detach().numpy()))
    draws = 20_000
    random = np.random.default_rng(0).integers(10, size=(draws, alpha))
    label = batch.noisy_labels[0].numpy()
    labels = np.concatenate([np.broadcast_to(label, (draws, 1)), random], axis=1)
    per_batch = losses[labels].mean(axis=1)
    error = per_batch.std() / np.sqrt(draws)
    assert abs(per_batch.mean() - found) <= 4 * error + 1e-12
