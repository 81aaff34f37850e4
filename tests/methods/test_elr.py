"""Early-learning regularisation from arXiv:2007.00151, over several batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import facts_of, method_of, numeric_gradient, random_batch, softmax
from tune_noise.methods.protocol import Batch

N = 12


def clipped(logits):
    return np.clip(softmax(logits), 1e-4, 1 - 1e-4)


def slow_loss(logits, labels, targets, weight):
    """CE + lambda log(1 - <t, p>) with t held constant, mean over the examples."""
    cross_entropies = -np.log(softmax(logits)[np.arange(len(labels)), labels])
    agreement = (targets * clipped(logits)).sum(axis=1)
    return (cross_entropies + weight * np.log(1 - agreement)).mean()


def batches(seed, count, *, replicates=2, batch_size=4):
    """Batches of N examples, each replicate in its own order."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        one = random_batch(replicates, batch_size, int(random.integers(2**31)), networks=1)
        indices = np.stack([random.permutation(N)[:batch_size] for _ in range(replicates)])
        yield Batch(one.logits, one.noisy_labels, torch.from_numpy(indices), 0)


def method_for(batch, **fields):
    return method_of("elr", batch, facts=facts_of(batch, num_examples=N), **fields)


@given(
    weights=st.lists(st.floats(0.0, 10.0), min_size=2, max_size=2),
    betas=st.lists(st.floats(0.0, 0.99), min_size=2, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_targets_follow_each_example_and_no_gradient_passes_through_them(weights, betas, seed):
    memory = np.zeros((2, N, 5))
    method = None
    for batch in batches(seed, 4):
        method = method or method_for(batch, elr_lambda=weights, elr_beta=betas)
        outcome = method(batch)
        outcome.losses.sum().backward()
        assert outcome.kept.all()
        for r, (weight, beta) in enumerate(zip(weights, betas, strict=True)):
            logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
            places = batch.indices[r].numpy()
            p = clipped(logits)
            own = beta * memory[r, places] + (1 - beta) * p / p.sum(axis=1, keepdims=True)
            memory[r, places] = own
            # The memory is float32.
            expected = slow_loss(logits, labels, own, weight)
            np.testing.assert_allclose(outcome.losses[r, 0].item(), expected, rtol=1e-4, atol=1e-4)
            gradient = numeric_gradient(
                lambda z, y=labels, t=own, w=weight: slow_loss(z, y, t, w), logits
            )
            np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(method.state()["targets"][:, 0], memory, atol=1e-6)


def test_without_a_regulariser_it_is_standard_training():
    [batch] = batches(0, 1)
    outcome = method_for(batch, elr_lambda=0.0)(batch)
    standard = method_of("standard", batch)(batch)
    torch.testing.assert_close(outcome.losses, standard.losses)


def test_a_sure_network_has_a_finite_loss_and_gradient():
    batch = random_batch(1, 4, 0, networks=1, scale=1e4)
    method = method_for(batch, elr_beta=0.0)
    for _ in range(3):
        outcome = method(batch)
        assert outcome.losses.isfinite().all()
    outcome.losses.sum().backward()
    assert batch.logits.grad.isfinite().all()


def test_its_memory_survives_as_a_state():
    first, second = batches(3, 2)
    one = method_for(first)
    one(first)
    state = {name: tensor.clone() for name, tensor in one.state().items()}
    again = method_for(first)
    again.load_state(state)
    state["targets"].zero_()  # the state was copied
    assert torch.equal(one(second).losses, again(second).losses)


@pytest.mark.parametrize(
    "state",
    [{}, {"targets": torch.zeros(2, 1, N - 1, 5)}, {"target": torch.zeros(2, 1, N, 5)}],
    ids=["nothing", "of another training set", "of another name"],
)
def test_another_methods_state_is_refused(state):
    [batch] = batches(0, 1)
    with pytest.raises(ValueError, match="a method's state must be"):
        method_for(batch).load_state(state)
