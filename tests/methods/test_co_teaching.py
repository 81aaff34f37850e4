"""Co-teaching against Algorithm 1 of arXiv:1804.06872, derived again in float64 NumPy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import batch_of, method_of, random_batch, slow_cross_entropy
from tune_noise.methods.protocol import Batch
from tune_noise.methods.selection import num_kept


def outcome_of(batch, **fields):
    """What co-teaching makes of a batch; a list of values means one per replicate."""
    peers = batch.logits.shape[1]
    return method_of("co_teaching", batch, peers=peers, **{"ramp_epochs": 1} | fields)(batch)


@given(
    replicates=st.integers(1, 3),
    batch_size=st.integers(2, 20),
    percents=st.lists(st.integers(0, 90), min_size=3, max_size=3),
    seed=st.integers(0, 2**31),
)
def test_each_network_minimises_the_mean_loss_of_what_its_peer_selected(
    replicates, batch_size, percents, seed
):
    batch = random_batch(replicates, batch_size, seed)
    rates = [percent / 100 for percent in percents[:replicates]]
    outcome = outcome_of(batch, tau=rates)
    outcome.losses.sum().backward()
    raw, labels = batch.logits.detach().numpy(), batch.noisy_labels.numpy()
    for r, rate in enumerate(rates):
        own = [slow_cross_entropy(raw[r, p], labels[r]) for p in (0, 1)]
        for p in (0, 1):
            peer_losses = own[1 - p][0]
            selected = np.argsort(peer_losses, kind="stable")[: num_kept(batch_size, rate)]
            kept = np.isin(np.arange(batch_size), selected)
            np.testing.assert_array_equal(outcome.kept[r, p].numpy(), kept)
            losses, gradient = own[p]
            # One mean over the kept, not divided by their number once more.
            np.testing.assert_allclose(outcome.losses[r, p].item(), losses[kept].mean())
            expected = np.where(kept[:, None], gradient / kept.sum(), 0.0)
            np.testing.assert_allclose(batch.logits.grad[r, p], expected, atol=1e-12)
            np.testing.assert_allclose(outcome.cross_entropies[r, p].detach(), losses)


def test_where_the_selections_differ_each_learns_the_others():
    # Label 0 everywhere; network 0 finds the first two easy, network 1 the last two.
    easy, hard = [5.0, 0.0], [-5.0, 0.0]
    batch = batch_of([[[easy, easy, hard, hard], [hard, hard, easy, easy]]], [[0, 0, 0, 0]])
    outcome = outcome_of(batch, tau=0.5)
    assert outcome.kept.tolist() == [[[False, False, True, True], [True, True, False, False]]]
    # So each learns from what it finds hard: both selections come from one forward pass.
    expected = math.log(1 + math.exp(5.0))
    np.testing.assert_allclose(outcome.losses.detach(), [[expected, expected]], rtol=1e-6)
    outcome.losses[0, 0].backward()
    assert (batch.logits.grad[0, 1] == 0).all(), "network 1 selects, it does not learn"
    assert (batch.logits.grad[0, 0, :2] == 0).all()
    assert (batch.logits.grad[0, 0, 2:] != 0).all()


@given(seed=st.integers(0, 2**31), percent=st.integers(0, 90))
def test_identical_networks_learn_the_plain_mean_of_their_own_small_losses(seed, percent):
    batch = random_batch(1, 16, seed)
    twins = batch_of(
        batch.logits.detach()[:, :1].repeat(1, 2, 1, 1).numpy(), batch.noisy_labels.numpy()
    )
    outcome = outcome_of(twins, tau=percent / 100)
    losses = np.sort(
        slow_cross_entropy(twins.logits[0, 0].detach().numpy(), twins.noisy_labels[0])[0]
    )
    expected = losses[: num_kept(16, percent / 100)].mean()
    np.testing.assert_allclose(outcome.losses.detach(), [[expected, expected]])


@given(seed=st.integers(0, 2**31))
def test_forgetting_nothing_is_standard_training_of_each_network(seed):
    batch = random_batch(2, 12, seed, epoch=0)
    outcome = outcome_of(batch, tau=[0.5, 0.9])
    assert outcome.kept.all()
    assert list(outcome.forget_rates) == [0.0, 0.0]
    for p in (0, 1):
        logits = batch.logits.detach()[:, p : p + 1].requires_grad_()
        one = Batch(logits, batch.noisy_labels, batch.indices, 0)
        alone = method_of("standard", one)(one)
        torch.testing.assert_close(outcome.losses[:, p], alone.losses[:, 0])


def test_a_dropped_example_reaches_no_network():
    batch = random_batch(1, 10, 3)
    outcome = outcome_of(batch, tau=0.6)
    outcome.losses.sum().backward()
    moved = (batch.logits.grad != 0).any(dim=3)
    assert torch.equal(moved, outcome.kept)


@given(
    peers=st.integers(2, 8),
    batch_size=st.integers(2, 12),
    percent=st.integers(0, 80),
    seed=st.integers(0, 2**31),
)
def test_each_of_several_peers_learns_the_selections_of_all_others_put_together(
    peers, batch_size, percent, seed
):
    batch = random_batch(1, batch_size, seed, networks=peers)
    outcome = outcome_of(batch, tau=percent / 100)
    outcome.losses.sum().backward()
    raw, labels = batch.logits.detach().numpy()[0], batch.noisy_labels.numpy()[0]
    own = [slow_cross_entropy(logits, labels) for logits in raw]
    count = num_kept(batch_size, percent / 100)
    selections = [np.argsort(losses, kind="stable")[:count] for losses, _ in own]
    for p, (losses, gradient) in enumerate(own):
        others = np.concatenate([selections[q] for q in range(peers) if q != p])
        np.testing.assert_allclose(outcome.losses[0, p].item(), losses[others].mean())
        expected = np.zeros_like(gradient)
        np.add.at(expected, others, gradient[others] / len(others))
        np.testing.assert_allclose(batch.logits.grad[0, p], expected, atol=1e-12)
        assert set(np.flatnonzero(outcome.kept[0, p])) == set(others)


def test_an_infinite_loss_that_nobody_selects_does_no_harm():
    fine, lost = [0.0, 0.0], [-math.inf, 0.0]
    batch = batch_of([[[fine, lost]] * 3], [[0, 0]])
    outcome = outcome_of(batch, tau=0.5)
    np.testing.assert_allclose(outcome.losses.detach(), [[math.log(2)] * 3])


@pytest.mark.parametrize("peers", [1, 9])
def test_there_are_two_to_eight_peers(peers):
    with pytest.raises(ValueError, match="peers"):
        method_of("co_teaching", random_batch(1, 4, 0), peers=peers)
