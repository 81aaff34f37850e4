"""ELR+ from section 4.3 of arXiv:2007.00151, over several batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.methods.derivations import facts_of, method_of, numeric_gradient, random_batch, softmax
from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.methods.protocol import Mixing

N, K, SIZE = 12, 5, 4


def batches(seed, count):
    """Mixed batches of two replicates with averaged networks, each in its own order."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        one = random_batch(2, SIZE, int(random.integers(2**31)))
        partners = np.stack([random.permutation(SIZE) for _ in range(2)])
        yield replace(
            one,
            indices=torch.from_numpy(np.stack([random.permutation(N)[:SIZE] for _ in range(2)])),
            mixing=Mixing(torch.from_numpy(partners), torch.from_numpy(random.uniform(0.5, 1, 2))),
            averaged_logits=torch.from_numpy(random.normal(size=(2, 2, SIZE, K))),
        )


def slow_loss(logits, targets, remembered, weight):
    """CE of mixed labels + lambda log(1 - <q, p>), mean over the examples."""
    probabilities = softmax(logits)
    agreement = (remembered * np.clip(probabilities, 1e-4, 1 - 1e-4)).sum(axis=1)
    return (-(targets * np.log(probabilities)).sum(axis=1) + weight * np.log(1 - agreement)).mean()


@settings(max_examples=20)
@given(weight=st.floats(0.0, 10.0), beta=st.floats(0.0, 0.99), seed=st.integers(0, 2**31))
def test_each_network_follows_the_averaged_other_one(weight, beta, seed):
    memory, method = np.zeros((2, 2, N, K)), None
    for batch in batches(seed, 3):
        facts = facts_of(batch, num_examples=N)
        fields = {"elr_lambda": weight, "elr_beta": beta}
        method = method or method_of("elr_plus", batch, facts=facts, **fields)
        outcome = method(batch)
        outcome.losses.sum().backward()
        assert outcome.kept.all()
        for r, p in np.ndindex(2, 2):
            places, partners = batch.indices[r].numpy(), batch.mixing.partners[r].numpy()
            share = float(batch.mixing.shares[r])
            taught = softmax(batch.averaged_logits[r, 1 - p].numpy())
            memory[r, p, places] = beta * memory[r, p, places] + (1 - beta) * taught
            own = memory[r, p, places]
            one_hot = np.eye(K)[batch.noisy_labels[r].numpy()]
            targets, remembered = (share * t + (1 - share) * t[partners] for t in (one_hot, own))
            logits = batch.logits[r, p].detach().numpy()
            expected = slow_loss(logits, targets, remembered, weight)
            # The memory is float32.
            np.testing.assert_allclose(outcome.losses[r, p].item(), expected, rtol=1e-4, atol=1e-4)
            gradient = numeric_gradient(
                lambda z, t=targets, q=remembered: slow_loss(z, t, q, weight), logits
            )
            np.testing.assert_allclose(batch.logits.grad[r, p], gradient, rtol=1e-3, atol=1e-4)


def test_the_larger_share_is_an_examples_own():
    [batch] = batches(0, 1)
    method = method_of("elr_plus", batch, seed=[3, 4])
    mixup = method_of("mixup", batch, seed=[3, 4])
    for number in range(4):
        one, plain = method.mixing(2, number, 9), mixup.mixing(2, number, 9)
        assert torch.equal(one.partners, plain.partners)
        assert torch.equal(one.shares, plain.shares.max(1 - plain.shares))


def test_a_batch_that_nobody_averaged_is_refused():
    [batch] = batches(0, 1)
    with pytest.raises(ValueError, match="needs a mixed batch and averaged networks"):
        method_of("elr_plus", batch)(replace(batch, averaged_logits=None))


@pytest.mark.long
def test_it_remembers_what_plain_training_learns_by_heart(digits):
    fields = {"model": "mlp1", "batch_size": 32, "epochs": 20, "noise_rate": 0.5, "lr": 0.003}
    last = {}
    for method in ("standard", "elr_plus"):
        trial = trained([TrialConfig(method=method, **fields)], digits)
        last[method] = trial.progress[0].epochs[-1]["test_accuracy_clean"]
    assert last["elr_plus"] > last["standard"] + 0.1
