"""SOP+ (arXiv:2202.14026): its two further terms, for the networks and for the corrections."""

import dataclasses

import numpy as np
import torch

from tests.methods.derivations import batch_of, facts_of, method_of, numeric_gradient, softmax
from tests.methods.test_sop import CLASSES, EPS, slow_losses

EXAMPLES = 6


def slow_loss(logits, labels, u, v, held_v, *, both):
    """All terms of one network on two views, with v held in the cross-entropy and the balance."""
    first, second = softmax(logits[:EXAMPLES]), softmax(logits[EXAMPLES:])
    entropy, squares = slow_losses(logits[:EXAMPLES], labels, u, v, held_v)
    targets = np.eye(CLASSES)[labels]
    corrected = np.maximum(first + u**2 * targets - held_v**2 * (1 - targets), EPS)
    corrected /= corrected.sum(axis=1, keepdims=True)
    balance = -np.log(np.maximum(corrected, EPS).mean(axis=0)).mean()
    divergence = (held_first(logits) * np.log(held_first(logits) / second)).sum(axis=1).mean()
    return entropy + 0.4 * balance + 0.9 * divergence + (squares if both else 0.0)


HELD = {}


def held_first(logits):
    """The prediction of the first view, which no gradient moves."""
    return HELD.setdefault("p", softmax(logits[:EXAMPLES]))


def test_the_loss_and_all_gradients_are_those_of_both_views():
    HELD.clear()
    random = np.random.default_rng(5)
    labels = random.integers(CLASSES, size=(1, EXAMPLES))
    logits = random.normal(size=(1, 1, 2 * EXAMPLES, CLASSES))
    batch = dataclasses.replace(
        batch_of(logits, np.tile(labels, 2)),
        num_views=2,
        indices=torch.arange(EXAMPLES).repeat(1, 2),
    )
    fields = {"sop_lr_u": 2.0, "sop_lr_v": 1.5, "sop_consistency": 0.9, "sop_balance": 0.4}
    facts = facts_of(batch, num_examples=EXAMPLES, noisy_labels=batch.noisy_labels[:, :EXAMPLES])
    method = method_of("sop_plus", batch, facts=facts, **fields)
    method.load_state(
        {
            name: torch.from_numpy(random.normal(scale=0.4, size=value.shape)).float()
            for name, value in method.state().items()
        }
    )
    u, v = (method.state()[name][0, 0].double().numpy() for name in ("u", "v"))
    outcome = method(batch)
    outcome.losses.sum().backward()
    value = logits[0, 0]

    def loss(z, new_u, new_v, *, both=True):
        return slow_loss(z, labels[0], new_u, new_v, v, both=both)

    np.testing.assert_allclose(outcome.losses.item(), loss(value, u, v, both=False), rtol=1e-6)
    slopes = numeric_gradient(lambda z: loss(z, u, v, both=False), value)
    np.testing.assert_allclose(batch.logits.grad[0, 0], slopes, atol=1e-6)
    for name, old, rate, function in (
        ("u", u, 2.0, lambda new: loss(value, new, v)),
        ("v", v, 1.5, lambda new: loss(value, u, new)),
    ):
        moved = method.state()[name][0, 0]
        np.testing.assert_allclose(moved, old - rate * numeric_gradient(function, old), atol=1e-5)
    assert outcome.kept.shape == (1, 1, 2 * EXAMPLES)


def test_only_the_second_view_is_distorted():
    batch = batch_of(np.zeros((2, 1, 4, 3)), np.zeros((2, 4), dtype=int))
    method = method_of("sop_plus", batch, view_strength=[0.2, 0.4])
    assert method.view_strengths == [[0.0, 0.0], [0.2, 0.4]]
