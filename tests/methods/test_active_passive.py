"""NCE + RCE (arXiv:2006.13554), AGCE (arXiv:2106.03110) and ANL (arXiv:2412.02373)."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.methods.derivations import batch_of, method_of, numeric_gradient, random_batch, softmax

CLIP = 1e-7
weights = st.lists(st.floats(0.01, 10.0), min_size=2, max_size=2)


def per_class(logits):
    """The cross-entropy of each class, float64 [n, K]."""
    return -np.log(softmax(logits))


def slow_nce(logits, targets):
    losses = per_class(logits)
    return (losses * targets).sum(axis=1) / losses.sum(axis=1)


def slow_nce_rce(logits, labels, nce_weight, rce_weight):
    targets = np.eye(logits.shape[1])[labels]
    reverse = -(softmax(logits) * np.where(targets == 1.0, 0.0, -4.0)).sum(axis=1)
    return (nce_weight * slow_nce(logits, targets) + rce_weight * reverse).mean()


def slow_agce(logits, labels, nce_weight, agce_a, agce_q):
    targets = np.eye(logits.shape[1])[labels]
    p = (softmax(logits) * targets).sum(axis=1)
    passive = ((agce_a + 1) ** agce_q - (agce_a + p) ** agce_q) / agce_q
    return (nce_weight * slow_nce(logits, targets) + passive).mean()


def slow_anl(logits, labels, nce_weight, nnce_weight):
    """The paper's negative loss: A less the cross-entropy of a class, normalised and turned."""
    targets = np.eye(logits.shape[1])[labels]
    negative = -np.log(CLIP) - np.minimum(per_class(logits), -np.log(CLIP))
    turned = 1 - (negative * targets).sum(axis=1) / negative.sum(axis=1)
    return (nce_weight * slow_nce(logits, targets) + nnce_weight * turned).mean()


def check(name, function, seed, batch_size=3, **fields):
    batch = random_batch(2, batch_size, seed, networks=1, num_classes=4, scale=1.0)
    outcome = method_of(name, batch, **fields)(batch)
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    for r in range(2):
        values = {field: column[r] for field, column in fields.items()}
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        expected = function(logits, labels, **values)
        np.testing.assert_allclose(outcome.losses[r, 0].item(), expected)
        gradient = numeric_gradient(lambda z, y=labels, v=values: function(z, y, **v), logits)
        np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, atol=1e-7)


@settings(max_examples=25)
@given(active=weights, passive=weights, seed=st.integers(0, 2**31))
def test_nce_and_rce_are_the_papers_formulas(active, passive, seed):
    check("nce_rce", slow_nce_rce, seed, nce_weight=active, rce_weight=passive)


@settings(max_examples=25)
@given(
    active=weights,
    a=weights,
    q=st.lists(st.floats(0.1, 3.0), min_size=2, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_agce_is_the_papers_formula(active, a, q, seed):
    check("agce", slow_agce, seed, nce_weight=active, agce_a=a, agce_q=q)


@settings(max_examples=25)
@given(active=weights, negative=weights, seed=st.integers(0, 2**31))
def test_anl_is_the_papers_formula(active, negative, seed):
    check("anl", slow_anl, seed, nce_weight=active, nnce_weight=negative)


def test_anl_takes_no_gradient_from_classes_that_are_out_of_the_question():
    batch = batch_of([[[[3.0, 1.0, -40.0]]]], [[0]])
    method_of("anl", batch, nce_weight=0.0)(batch).losses.sum().backward()
    logits = batch.logits[0, 0].detach().numpy()
    gradient = numeric_gradient(lambda z: slow_anl(z, np.array([0]), 0.0, 5.0), logits)
    np.testing.assert_allclose(batch.logits.grad[0, 0], gradient, atol=1e-8)


@pytest.mark.parametrize("name", ["nce_rce", "agce", "anl"])
def test_the_sum_over_all_labels_is_bounded_so_even_noise_moves_no_minimum(name):
    # RCE, NCE and NNCE are symmetric: their sum over the labels is a constant. AGCE is not.
    sums = []
    for seed in range(3):
        logits = np.random.default_rng(seed).normal(size=(1, 1, 1, 4)).repeat(4, axis=2)
        batch = batch_of(logits, [[0, 1, 2, 3]])
        sums.append(method_of(name, batch)(batch).losses.item())
    spread = max(sums) - min(sums)
    assert spread > 1e-3 if name == "agce" else spread < 1e-9


@pytest.mark.parametrize("name", ["nce_rce", "agce", "anl"])
def test_a_hopeless_label_gives_finite_losses_and_gradients(name):
    batch = batch_of([[[[1e4, 0.0, 0.0]]]], [[1]])
    outcome = method_of(name, batch)(batch)
    outcome.losses.sum().backward()
    assert outcome.losses.isfinite().all()
    assert batch.logits.grad.isfinite().all()
    assert torch.equal(outcome.cross_entropies, torch.tensor([[[1e4]]], dtype=torch.float64))
