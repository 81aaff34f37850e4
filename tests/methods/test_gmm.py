"""DivideMix's selection (arXiv:2002.07394) against its own expectation-maximisation in NumPy."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import facts_of, method_of, random_batch, slow_cross_entropy
from tune_noise.methods.gmm import clean_probabilities


def two_groups(seed, *, clean=300, wrong=200):
    random = np.random.default_rng(seed)
    low = random.gamma(1.5, 0.1, size=clean)
    high = random.normal(3.0, 0.5, size=wrong)
    return np.concatenate([low, np.abs(high)])


def slow_clean_probabilities(losses):
    """Ten steps of EM for two Gaussians, or until the mean log-likelihood gains under 0.01."""
    x = (losses - losses.min()) / (losses.max() - losses.min())
    groups = min(
        ([x[x <= limit], x[x > limit]] for limit in np.unique(x)[:-1]),
        key=lambda both: sum(((group - group.mean()) ** 2).sum() for group in both),
    )
    weights = np.array([len(group) / len(x) for group in groups])
    means = np.array([group.mean() for group in groups])
    variances = np.array([group.var() + 5e-4 for group in groups])

    def log_joint():
        exponents = -((x[:, None] - means) ** 2) / (2 * variances)
        return np.log(weights) + exponents - np.log(2 * np.pi * variances) / 2

    previous = -np.inf
    for _ in range(10):
        joint = log_joint()
        evidence = np.logaddexp(*joint.T)
        shares = np.exp(joint - evidence[:, None])
        totals = shares.sum(axis=0)
        weights, means = totals / len(x), (shares * x[:, None]).sum(axis=0) / totals
        variances = (shares * (x[:, None] - means) ** 2).sum(axis=0) / totals + 5e-4
        gain, previous = evidence.mean() - previous, evidence.mean()
        if abs(gain) < 1e-2:
            break
    joint = log_joint()
    shares = np.exp(joint - np.logaddexp(*joint.T)[:, None])
    return shares[:, means.argmin()]


@given(seed=st.integers(0, 2**31))
def test_the_mixture_is_that_of_expectation_maximisation(seed):
    losses = two_groups(seed)
    np.testing.assert_allclose(
        clean_probabilities(losses), slow_clean_probabilities(losses), atol=1e-6
    )


def test_small_losses_are_clean_and_large_ones_are_not():
    clean = clean_probabilities(two_groups(0))
    assert (clean[:300] > 0.5).mean() > 0.97
    assert (clean[300:] < 0.5).mean() > 0.97


def test_the_fit_depends_on_the_losses_alone():
    losses = two_groups(1)
    np.random.seed(0)  # noqa: NPY002 - to show that nobody draws from the global generator
    first = clean_probabilities(losses)
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(first, clean_probabilities(losses))
    np.testing.assert_array_equal(first, clean_probabilities(losses * 8.0))  # exact in binary


def test_losses_that_tell_nothing_drop_nothing():
    for losses in (np.ones(5), np.array([1.0, np.nan, 2.0]), np.array([1.0, np.inf])):
        assert (clean_probabilities(losses) == 1.0).all()


def test_two_losses_are_enough():
    clean = clean_probabilities(np.array([0.0, 1.0]))
    assert clean[0] > 0.5 > clean[1]


def prepared(epoch=10, **fields):
    """A method that has selected among 60 examples, and these as one batch."""
    batch = random_batch(2, 60, 4, num_classes=3, scale=3.0, epoch=epoch)
    method = method_of("gmm", batch, facts=facts_of(batch), **fields)
    method.start_epoch(epoch, lambda: batch.logits.detach())
    return method, batch


def test_each_network_learns_the_mean_loss_of_what_the_other_ones_mixture_keeps():
    thresholds = [0.5, 0.9]
    method, batch = prepared(gmm_threshold=thresholds)
    outcome = method(batch)
    outcome.losses.sum().backward()
    assert outcome.forget_rates is None
    for r, threshold in enumerate(thresholds):
        logits, labels = batch.logits[r].detach().numpy(), batch.noisy_labels[r].numpy()
        own = [slow_cross_entropy(each, labels) for each in logits]
        for p in (0, 1):
            kept = slow_clean_probabilities(own[1 - p][0]) >= threshold
            np.testing.assert_array_equal(outcome.kept[r, p], kept)
            losses, gradient = own[p]
            np.testing.assert_allclose(outcome.losses[r, p].item(), losses[kept].mean())
            expected = np.where(kept[:, None], gradient / kept.sum(), 0.0)
            np.testing.assert_allclose(batch.logits.grad[r, p], expected, atol=1e-12)


def test_a_batch_is_looked_up_by_the_indices_of_its_examples():
    method, batch = prepared()
    whole = method(batch).kept
    order = torch.stack(
        [torch.randperm(60, generator=torch.Generator().manual_seed(r)) for r in (0, 1)]
    )
    fields = {"logits": batch.logits, "noisy_labels": batch.noisy_labels, "epoch": 10}
    shuffled = method(type(batch)(indices=order, **fields)).kept
    for r in (0, 1):
        assert torch.equal(shuffled[r], whole[r][:, order[r]])


def test_during_the_warm_up_nothing_is_dropped_and_nothing_is_predicted():
    batch = random_batch(2, 20, 0)
    method = method_of("gmm", batch, warm_up_epochs=3)
    for epoch in range(3):
        method.start_epoch(epoch, lambda: 1 / 0)
    assert method(batch).kept.all()


def test_a_replicate_begins_when_its_own_warm_up_is_over():
    method, batch = prepared(epoch=5, warm_up_epochs=[5, 6])
    kept = method(batch).kept
    assert not kept[0].all()
    assert kept[1].all()
