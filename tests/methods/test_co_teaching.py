"""Co-teaching against Algorithm 1 of arXiv:1804.06872, derived again in float64 NumPy."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.trial import TrialConfig
from tune_noise.methods import Batch
from tune_noise.methods.co_teaching import (
    CoTeaching,
    forget_rate,
    num_kept,
    small_loss_selection,
)
from tune_noise.methods.standard import Standard

taus = st.floats(min_value=0.0, max_value=0.99)
ramps = st.integers(min_value=1, max_value=50)
exponents = st.floats(min_value=0.1, max_value=5.0)


def config_of(**fields):
    return TrialConfig(method="co_teaching", **fields)


# --- the schedule


@given(tau=taus, ramp_epochs=ramps, exponent=exponents)
def test_the_first_epoch_forgets_nothing(tau, ramp_epochs, exponent):
    assert forget_rate(0, tau=tau, ramp_epochs=ramp_epochs, exponent=exponent) == 0.0


@given(tau=taus, ramp_epochs=ramps, epoch=st.integers(0, 300))
def test_a_linear_ramp_reaches_tau_exactly_at_t_k_and_stays(tau, ramp_epochs, epoch):
    rate = forget_rate(epoch, tau=tau, ramp_epochs=ramp_epochs, exponent=1.0)
    if epoch >= ramp_epochs:
        assert rate == tau
    else:
        assert rate == pytest.approx(tau * epoch / ramp_epochs)


@given(tau=taus, ramp_epochs=ramps, exponent=exponents, epoch=st.integers(0, 100))
def test_the_forget_rate_is_the_papers_formula_and_never_falls(tau, ramp_epochs, exponent, epoch):
    now, next_ = (
        forget_rate(e, tau=tau, ramp_epochs=ramp_epochs, exponent=exponent)
        for e in (epoch, epoch + 1)
    )
    # 1 - R(T), with R(T) = 1 - tau min(T^c / T_k, 1).
    expected = min(tau * epoch**exponent / ramp_epochs, tau)
    assert now == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert now <= next_ <= tau


def test_the_exponent_belongs_to_the_epoch_and_not_to_tau():
    # The official code raises tau: with tau 0.45 and c = 2 its ramp ends at 0.2025 and jumps.
    rates = [forget_rate(e, tau=0.45, ramp_epochs=10, exponent=2.0) for e in range(6)]
    np.testing.assert_allclose(rates, [0, 0.045, 0.18, 0.405, 0.45, 0.45], rtol=1e-12)
    rates = [forget_rate(e, tau=0.45, ramp_epochs=10, exponent=0.5) for e in (1, 4, 100)]
    np.testing.assert_allclose(rates, [0.045, 0.09, 0.45], rtol=1e-12)
    assert max(rates) <= 0.45  # the code's square root would over-drop: 0.67


# --- how many


@pytest.mark.parametrize(
    ("batch_size", "rate", "kept"),
    [
        (10, 0.8, 2),  # int((1 - 0.8) * 10) is 1
        (10, 0.7, 3),
        (100, 0.45, 55),
        (128, 0.45, 70),
        (128, 0.5, 64),
        (128, 0.0, 128),
        (1, 0.99, 1),
        (4, 0.99, 1),
    ],
)
def test_the_number_kept_is_exact_at_exact_products(batch_size, rate, kept):
    assert num_kept(batch_size, rate) == kept


@given(batch_size=st.integers(1, 2000), percent=st.integers(0, 99))
def test_the_number_kept_is_the_floor_of_the_exact_product_and_never_0(batch_size, percent):
    exact = math.floor((1 - Fraction(percent, 100)) * batch_size)
    assert num_kept(batch_size, percent / 100) == max(1, exact)


# --- which


@given(
    replicates=st.integers(1, 3),
    networks=st.integers(1, 2),
    batch_size=st.integers(1, 30),
    seed=st.integers(0, 2**31),
)
def test_the_kept_are_the_smallest_losses_and_the_earlier_of_equal_ones(
    replicates, networks, batch_size, seed
):
    random = np.random.default_rng(seed)
    losses = random.integers(5, size=(replicates, networks, batch_size)) / 4  # many ties
    counts = random.integers(1, batch_size + 1, size=replicates).tolist()
    kept = small_loss_selection(torch.tensor(losses), counts).numpy()
    for r, count in enumerate(counts):
        for p in range(networks):
            ranked = sorted(range(batch_size), key=lambda i: (losses[r, p, i], i))
            assert set(np.flatnonzero(kept[r, p])) == set(ranked[:count])


def test_of_equal_losses_exactly_count_are_kept():
    # A threshold at the quantile would keep all of them, or with < none.
    kept = small_loss_selection(torch.ones(1, 1, 8), [3])
    assert kept.tolist() == [[[True] * 3 + [False] * 5]]


def test_a_loss_that_is_not_a_number_is_the_last_to_be_kept():
    losses = torch.tensor([[[math.nan, 1.0, math.inf, 2.0]]])
    assert small_loss_selection(losses, [2]).tolist() == [[[False, True, False, True]]]


def test_selection_is_a_decision_without_a_gradient():
    losses = torch.rand(1, 2, 4, requires_grad=True)
    assert not small_loss_selection(losses, [2]).requires_grad


# --- the exchange


def slow_cross_entropy(logits, labels):
    """Losses and d loss / d logits of each example, float64 [n] and [n, K]."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax = exponentials / exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    gradient = softmax.copy()
    gradient[rows, labels] -= 1.0
    return -np.log(softmax[rows, labels]), gradient


def batch_of(logits, labels, *, epoch=10):
    logits = torch.tensor(logits, requires_grad=True)
    labels = torch.tensor(labels)
    indices = torch.arange(labels.shape[1]).repeat(len(labels), 1)
    return Batch(logits, labels, indices, epoch)


def random_batch(replicates, batch_size, seed, *, epoch=10):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(replicates, 2, batch_size, 5)) * 2
    return batch_of(logits, random.integers(5, size=(replicates, batch_size)), epoch=epoch)


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
    method = CoTeaching([config_of(tau=rate, ramp_epochs=1) for rate in rates])
    outcome = method(batch)
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
    outcome = CoTeaching([config_of(tau=0.5, ramp_epochs=1)])(batch)
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
    outcome = CoTeaching([config_of(tau=percent / 100, ramp_epochs=1)])(twins)
    losses = np.sort(
        slow_cross_entropy(twins.logits[0, 0].detach().numpy(), twins.noisy_labels[0])[0]
    )
    expected = losses[: num_kept(16, percent / 100)].mean()
    np.testing.assert_allclose(outcome.losses.detach(), [[expected, expected]])


@given(seed=st.integers(0, 2**31))
def test_forgetting_nothing_is_standard_training_of_each_network(seed):
    batch = random_batch(2, 12, seed, epoch=0)
    outcome = CoTeaching([config_of(tau=0.5), config_of(tau=0.9)])(batch)
    assert outcome.kept.all()
    assert list(outcome.forget_rates) == [0.0, 0.0]
    standard = Standard([TrialConfig()] * 2)
    for p in (0, 1):
        logits = batch.logits.detach()[:, p : p + 1].requires_grad_()
        alone = standard(Batch(logits, batch.noisy_labels, batch.indices, 0))
        torch.testing.assert_close(outcome.losses[:, p], alone.losses[:, 0])


def test_each_replicate_follows_its_own_schedule():
    configs = [
        config_of(tau=0.5, ramp_epochs=1),
        config_of(tau=0.5, ramp_epochs=4),
        config_of(tau=0.25, ramp_epochs=4, exponent=2.0),
    ]
    outcome = CoTeaching(configs)(random_batch(3, 8, 0, epoch=2))
    assert list(outcome.forget_rates) == [0.5, 0.25, 0.25]
    assert outcome.kept.sum(dim=2).tolist() == [[4, 4], [6, 6], [6, 6]]


def test_a_dropped_example_reaches_no_network():
    batch = random_batch(1, 10, 3)
    outcome = CoTeaching([config_of(tau=0.6, ramp_epochs=1)])(batch)
    outcome.losses.sum().backward()
    moved = (batch.logits.grad != 0).any(dim=3)
    assert torch.equal(moved, outcome.kept)


def test_a_configuration_without_a_schedule_is_refused():
    with pytest.raises(ValueError, match="needs tau, ramp_epochs and exponent"):
        CoTeaching([TrialConfig()])
