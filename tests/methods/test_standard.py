import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import method_of, random_batch, slow_cross_entropy
from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.methods.losses import cross_entropy, mean_of_kept


@given(
    replicates=st.integers(1, 3),
    networks=st.integers(1, 2),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**31),
)
def test_cross_entropy_is_minus_the_log_softmax_of_the_label(
    replicates, networks, batch_size, seed
):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(replicates, networks, batch_size, 4)) * 5
    labels = random.integers(4, size=(replicates, batch_size))
    found = cross_entropy(torch.tensor(logits), torch.tensor(labels)).numpy()
    softmax = np.exp(logits) / np.exp(logits).sum(axis=3, keepdims=True)
    for r, p, i in np.ndindex(found.shape):
        np.testing.assert_allclose(found[r, p, i], -np.log(softmax[r, p, i, labels[r, i]]))


@pytest.mark.parametrize("name", ["standard", "standard_ensemble", "standard_long"])
@given(replicates=st.integers(1, 3), batch_size=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_standard_training_is_the_mean_over_the_batch_and_keeps_all(
    name, replicates, batch_size, seed
):
    networks = 2 if name == "standard_ensemble" else 1
    batch = random_batch(replicates, batch_size, seed, networks=networks)
    outcome = method_of(name, batch)(batch)
    outcome.losses.sum().backward()
    for r, p in np.ndindex(replicates, networks):
        logits, labels = batch.logits[r, p].detach().numpy(), batch.noisy_labels[r].numpy()
        losses, gradient = slow_cross_entropy(logits, labels)
        np.testing.assert_allclose(outcome.losses[r, p].item(), losses.mean())
        np.testing.assert_allclose(batch.logits.grad[r, p], gradient / batch_size, atol=1e-12)
    assert outcome.kept.all()
    assert list(outcome.forget_rates) == [0.0] * replicates


def test_an_extreme_logit_gives_a_finite_loss():
    logits = torch.tensor([[[[1e4, 0.0]]]])
    assert cross_entropy(logits, torch.tensor([[1]])).item() == 1e4


def test_a_network_that_keeps_nothing_has_no_loss_and_no_gradient():
    losses = torch.tensor([[[1.0, torch.inf], [2.0, 4.0]]], requires_grad=True)
    kept = torch.tensor([[[False, False], [True, True]]])
    means = mean_of_kept(losses, kept)
    assert means.tolist() == [[0.0, 3.0]]
    means.sum().backward()
    assert losses.grad.tolist() == [[[0.0, 0.0], [0.5, 0.5]]]


# --- what the compute of two networks buys without a method


def trained_by(method, few_digits, **fields):
    fields = {"model": "mlp1", "batch_size": 32, "lr": 0.003} | fields
    return trained([TrialConfig(method=method, **fields)], few_digits)


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_a_long_trial_is_a_standard_one_of_twice_the_epochs(schedule, few_digits):
    long = trained_by("standard_long", few_digits, epochs=3, lr_schedule=schedule)
    standard = trained_by("standard", few_digits, epochs=6, lr_schedule=schedule)
    for ours, theirs in zip(long.network.parameters(), standard.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    every_second = standard.progress[0].epochs[1::2]
    for row, other in zip(long.progress[0].epochs, every_second, strict=True):
        for name in row:
            if name.startswith(("val_", "test_")):
                assert row[name] == other[name]
    assert long.configs[0].passes_per_epoch == 2


def test_the_networks_of_an_ensemble_are_standard_ones_of_different_starts(few_digits):
    pair = trained_by("standard_ensemble", few_digits, epochs=2)
    alone = trained_by("standard", few_digits, epochs=2)
    for name, value in alone.network.state_dict().items():
        own = pair.network.state_dict()[name]
        torch.testing.assert_close(own[:1], value, rtol=1e-4, atol=1e-5)
        assert not torch.equal(own[0], own[1])
    assert "test_accuracy_clean_ensemble" in pair.progress[0].epochs[-1]
