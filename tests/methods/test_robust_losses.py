"""Generalised (arXiv:1805.07836) and symmetric (arXiv:1908.06112) cross-entropy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import (
    batch_of,
    method_of,
    numeric_gradient,
    random_batch,
    slow_cross_entropy,
    softmax,
)


def slow_gce(logits, labels, q):
    p = softmax(logits)[np.arange(len(labels)), labels]
    return ((1 - p**q) / q).mean()


def slow_sce(logits, labels, alpha, beta):
    """alpha H(t, p) + beta H(p, t), with log 0 = -4 in the second."""
    probabilities, targets = softmax(logits), np.eye(logits.shape[1])[labels]
    logarithms = np.where(targets == 1.0, 0.0, -4.0)
    forward = -np.log(probabilities[targets == 1.0])
    return (alpha * forward - beta * (probabilities * logarithms).sum(axis=1)).mean()


def check(batch, outcome, functions):
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    for r, function in enumerate(functions):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        np.testing.assert_allclose(outcome.losses[r, 0].item(), function(logits, labels))
        gradient = numeric_gradient(lambda z, f=function, y=labels: f(z, y), logits)
        np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, atol=1e-7)


@given(
    qs=st.lists(st.floats(0.05, 1.0), min_size=2, max_size=2),
    batch_size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_generalised_cross_entropy_is_the_papers_formula(qs, batch_size, seed):
    batch = random_batch(2, batch_size, seed, networks=1, num_classes=3, scale=1.0)
    outcome = method_of("gce", batch, gce_q=qs)(batch)
    check(batch, outcome, [lambda z, y, q=q: slow_gce(z, y, q) for q in qs])


def test_generalised_cross_entropy_lies_between_cross_entropy_and_absolute_error():
    batch = random_batch(1, 9, 1, networks=1)
    logits, labels = batch.logits[0, 0].detach().numpy(), batch.noisy_labels[0].numpy()
    near_0 = method_of("gce", batch, gce_q=1e-7)(batch).losses.item()
    assert near_0 == pytest.approx(slow_cross_entropy(logits, labels)[0].mean(), rel=1e-5)
    at_1 = method_of("gce", batch, gce_q=1.0)(batch).losses.item()
    absolute_error = np.abs(softmax(logits) - np.eye(5)[labels]).sum(axis=1).mean()
    assert at_1 == pytest.approx(absolute_error / 2)


@given(
    alphas=st.lists(st.floats(0.01, 10.0), min_size=2, max_size=2),
    betas=st.lists(st.floats(0.0, 10.0), min_size=2, max_size=2),
    batch_size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_symmetric_cross_entropy_is_the_papers_formula(alphas, betas, batch_size, seed):
    batch = random_batch(2, batch_size, seed, networks=1, num_classes=3, scale=1.0)
    outcome = method_of("sce", batch, sce_alpha=alphas, sce_beta=betas)(batch)
    functions = [
        lambda z, y, a=alpha, b=beta: slow_sce(z, y, a, b)
        for alpha, beta in zip(alphas, betas, strict=True)
    ]
    check(batch, outcome, functions)


@pytest.mark.parametrize("name", ["gce", "sce"])
def test_a_hopeless_label_gives_finite_losses_and_gradients(name):
    batch = batch_of([[[[1e4, 0.0]]]], [[1]])
    outcome = method_of(name, batch)(batch)
    outcome.losses.sum().backward()
    assert outcome.losses.isfinite().all()
    assert batch.logits.grad.isfinite().all()
    if name == "gce":  # a wrong label that the network is sure of teaches nothing
        assert torch.equal(batch.logits.grad, torch.zeros_like(batch.logits))
        assert outcome.losses.item() == pytest.approx(1 / 0.7)
