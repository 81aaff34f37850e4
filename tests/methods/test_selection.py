"""Small-loss selection and its schedule, against the formulas of arXiv:1804.06872."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.methods.selection import (
    ForgetRates,
    forget_rate,
    num_kept,
    small_loss_selection,
    small_losses,
)

taus = st.floats(min_value=0.0, max_value=0.99)
ramps = st.integers(min_value=1, max_value=50)
exponents = st.floats(min_value=0.1, max_value=5.0)


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


def test_each_replicate_follows_its_own_schedule():
    rates = ForgetRates(tau=[0.5, 0.5, 0.25], ramp_epochs=[1, 4, 4], exponent=[1.0, 1.0, 2.0])(2)
    assert rates == [0.5, 0.25, 0.25]
    assert small_losses(torch.rand(3, 2, 8), rates).sum(dim=2).tolist() == [[4, 4], [6, 6], [6, 6]]
