"""JoCoR from its equations (arXiv:2003.02752), derived again in float64 NumPy."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import (
    method_of,
    numeric_gradient,
    random_batch,
    slow_cross_entropy,
    softmax,
)
from tune_noise.methods.selection import num_kept


def slow_joint_loss(first, second, labels, weight):
    """l(x) of each example from logits [n, K] of both networks, float64 [n]."""
    p, q = softmax(first), softmax(second)
    divergence = (p * np.log(p / q)).sum(axis=1) + (q * np.log(q / p)).sum(axis=1)
    supervised = slow_cross_entropy(first, labels)[0] + slow_cross_entropy(second, labels)[0]
    return (1 - weight) * supervised + weight * divergence


@given(
    batch_size=st.integers(2, 8),
    percents=st.lists(st.integers(0, 90), min_size=2, max_size=2),
    weights=st.lists(st.floats(0.0, 0.99), min_size=2, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_both_networks_select_and_learn_by_the_joint_loss(batch_size, percents, weights, seed):
    batch = random_batch(2, batch_size, seed, num_classes=3, scale=1.0)
    rates = [percent / 100 for percent in percents]
    fields = {"tau": rates, "ramp_epochs": 1, "jocor_lambda": weights}
    outcome = method_of("jocor", batch, **fields)(batch)
    outcome.losses.sum().backward()
    for r, weight in enumerate(weights):
        first, second = batch.logits[r].detach().numpy()
        labels = batch.noisy_labels[r].numpy()
        joint = slow_joint_loss(first, second, labels, weight)
        chosen = np.argsort(joint, kind="stable")[: num_kept(batch_size, rates[r])]
        kept = np.isin(np.arange(batch_size), chosen)
        np.testing.assert_array_equal(outcome.kept[r, 0], kept)
        np.testing.assert_array_equal(outcome.kept[r, 1], kept)
        np.testing.assert_allclose(outcome.losses[r].sum().item(), joint[kept].mean())

        def minimised(logits, fixed, swap, kept=kept, labels=labels, weight=weight):
            pair = (fixed, logits) if swap else (logits, fixed)
            return slow_joint_loss(*pair, labels, weight)[kept].mean()

        of_first = numeric_gradient(lambda z, s=second: minimised(z, s, swap=False), first)
        of_second = numeric_gradient(lambda z, f=first: minimised(z, f, swap=True), second)
        np.testing.assert_allclose(batch.logits.grad[r, 0], of_first, atol=1e-7)
        np.testing.assert_allclose(batch.logits.grad[r, 1], of_second, atol=1e-7)


def test_without_a_divergence_it_is_the_sum_of_the_cross_entropies():
    batch = random_batch(1, 6, 0)
    outcome = method_of("jocor", batch, tau=0.0, jocor_lambda=0.0)(batch)
    standard = method_of("standard_ensemble", batch)(batch)
    torch.testing.assert_close(outcome.losses.sum(), standard.losses.sum())


def test_networks_that_agree_have_no_divergence():
    from tune_noise.methods.jocor import symmetric_divergence

    logits = torch.randn(2, 1, 5, 4).expand(2, 2, 5, 4)
    assert (symmetric_divergence(logits) == 0).all()
    shifted = torch.cat([logits[:, :1], logits[:, :1] + 7.0], dim=1)
    assert symmetric_divergence(shifted).abs().max() < 1e-5
    assert (symmetric_divergence(torch.randn(2, 2, 5, 4)) > 0).all()
