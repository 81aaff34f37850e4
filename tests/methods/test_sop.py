"""Sparse over-parameterisation from arXiv:2202.14026, over several batches."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.methods.derivations import facts_of, method_of, numeric_gradient, random_batch, softmax
from tune_noise.methods.protocol import Batch

N, CLASSES, EPS = 10, 4, 1e-4


def slow_losses(logits, labels, u, v, held_v):
    """The cross-entropy, with v held there, and the squared distance to the label."""
    targets = np.eye(CLASSES)[labels]
    added = np.clip(u**2 * targets, 0, 1)
    corrected = np.maximum(softmax(logits) + added - np.clip(held_v**2 * (1 - targets), 0, 1), EPS)
    corrected /= corrected.sum(axis=1, keepdims=True)
    cross_entropy = -np.log(np.maximum((corrected * targets).sum(axis=1), EPS))
    predicted = np.eye(CLASSES)[logits.argmax(axis=1)]
    taken = np.clip(v**2 * (1 - targets), 0, 1)
    return cross_entropy.mean(), ((predicted + added - taken - targets) ** 2).sum() / len(labels)


def batches(seed, count):
    random = np.random.default_rng(seed)
    for _ in range(count):
        one = random_batch(2, 4, int(random.integers(2**31)), networks=1, num_classes=CLASSES)
        indices = np.stack([random.permutation(N)[:4] for _ in range(2)])
        yield Batch(one.logits, one.noisy_labels, torch.from_numpy(indices), 0)


def method_for(batch, *, scale=None, **fields):
    facts = facts_of(batch, num_examples=N)
    method = method_of("sop", batch, facts=facts, **fields)
    if scale is not None:
        random = np.random.default_rng(3)
        state = {
            name: torch.from_numpy(random.normal(scale=scale, size=value.shape)).float()
            for name, value in method.state().items()
        }
        method.load_state(state)
    return method


@settings(max_examples=20)
@given(
    us=st.lists(st.floats(0.0, 2.0), min_size=2, max_size=2),
    vs=st.lists(st.floats(0.0, 2.0), min_size=2, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_the_corrections_and_the_networks_follow_their_own_gradients(us, vs, seed):
    method = None
    for batch in batches(seed, 3):
        method = method or method_for(batch, scale=0.4, sop_lr_u=us, sop_lr_v=vs)
        before = {name: value.double().numpy() for name, value in method.state().items()}
        outcome = method(batch)
        outcome.losses.sum().backward()
        for r in range(2):
            logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
            places = batch.indices[r].numpy()
            u, v = (before[name][r, 0, places] for name in ("u", "v"))

            def value(z, new_u, new_v, *, y=labels, held=v, both=True):
                parts = slow_losses(z, y, new_u, new_v, held)
                return sum(parts) if both else parts[0]

            loss = value(logits, u, v, both=False)
            np.testing.assert_allclose(outcome.losses[r, 0].item(), loss, rtol=1e-5)
            gradient = numeric_gradient(lambda z, u=u, v=v, f=value: f(z, u, v, both=False), logits)
            np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, rtol=1e-4, atol=1e-6)
            moved = {name: value[r, 0, places] for name, value in method.state().items()}
            for name, old, rate, function in (
                ("u", u, us[r], lambda new, z=logits, v=v, f=value: f(z, new, v)),
                ("v", v, vs[r], lambda new, z=logits, u=u, f=value: f(z, u, new)),
            ):
                expected = old - rate * numeric_gradient(function, old)
                np.testing.assert_allclose(moved[name], expected, rtol=1e-3, atol=1e-4)
            others = np.setdiff1d(np.arange(N), places)
            for name, tensor in method.state().items():
                np.testing.assert_array_equal(tensor[r, 0, others], before[name][r, 0, others])


def test_without_rates_it_is_all_but_standard_training():
    [batch] = batches(0, 1)
    outcome = method_for(batch, sop_lr_u=0.0, sop_lr_v=0.0)(batch)
    standard = method_of("standard", batch)(batch)
    torch.testing.assert_close(outcome.losses, standard.losses, rtol=1e-3, atol=1e-3)


def test_a_label_that_the_network_rejects_is_explained_away():
    logits = torch.tensor([[[[6.0, 0.0, 0.0, 0.0]]]], dtype=torch.float64, requires_grad=True)
    batch = Batch(logits, torch.tensor([[1]]), torch.tensor([[0]]), 0)
    method = method_for(batch, sop_lr_u=0.1, sop_lr_v=0.1)
    first = method(batch).losses.item()
    for _ in range(300):
        last = method(batch).losses.item()
    assert first > 5.0
    assert last < 0.7
    assert method.state()["u"][0, 0, 0] ** 2 > 0.7
