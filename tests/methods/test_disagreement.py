"""Decoupling (arXiv:1706.02613) and co-teaching+ (arXiv:1901.04215) from their algorithms."""

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import batch_of, method_of, random_batch, slow_cross_entropy
from tune_noise.methods.co_teaching_plus import select_among


def arrays(batch, r):
    return batch.logits[r].detach().numpy(), batch.noisy_labels[r].numpy()


def disagreeing(logits):
    return np.flatnonzero(logits[0].argmax(axis=1) != logits[1].argmax(axis=1))


def check_learns(batch, outcome, r, p, chosen):
    """Network p of replicate r minimises the mean cross-entropy of the chosen examples."""
    logits, labels = arrays(batch, r)
    losses, gradient = slow_cross_entropy(logits[p], labels)
    kept = np.isin(np.arange(len(labels)), chosen)
    np.testing.assert_array_equal(outcome.kept[r, p], kept)
    expected = losses[kept].mean() if len(chosen) else 0.0
    np.testing.assert_allclose(outcome.losses[r, p].item(), expected)
    expected_gradient = np.where(kept[:, None], gradient / max(1, len(chosen)), 0.0)
    np.testing.assert_allclose(batch.logits.grad[r, p], expected_gradient, atol=1e-12)


@given(batch_size=st.integers(1, 20), num_classes=st.integers(2, 4), seed=st.integers(0, 2**31))
def test_decoupled_networks_learn_where_they_disagree(batch_size, num_classes, seed):
    batch = random_batch(2, batch_size, seed, num_classes=num_classes)
    outcome = method_of("decoupling", batch)(batch)
    outcome.losses.sum().backward()
    for r in (0, 1):
        chosen = disagreeing(arrays(batch, r)[0])
        for p in (0, 1):
            check_learns(batch, outcome, r, p, chosen)
    assert outcome.forget_rates is None


@given(
    batch_size=st.integers(1, 20),
    num_classes=st.integers(2, 4),
    percents=st.lists(st.integers(0, 90), min_size=2, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_co_teaching_plus_exchanges_the_small_losses_among_the_disagreement(
    batch_size, num_classes, percents, seed
):
    batch = random_batch(2, batch_size, seed, num_classes=num_classes)
    rates = [percent / 100 for percent in percents]
    outcome = method_of("co_teaching_plus", batch, tau=rates, ramp_epochs=1)(batch)
    outcome.losses.sum().backward()
    for r, percent in enumerate(percents):
        logits, labels = arrays(batch, r)
        candidates = disagreeing(logits)
        # floor((1 - rate) n) in whole numbers; one at the least, if there is one.
        count = min(len(candidates), max(1, (100 - percent) * len(candidates) // 100))
        for p in (0, 1):
            peer_losses, _ = slow_cross_entropy(logits[1 - p], labels)
            order = candidates[np.argsort(peer_losses[candidates], kind="stable")]
            check_learns(batch, outcome, r, p, order[:count])


def test_the_example_of_index_0_counts_as_any_other():
    # The official code drops it from the disagreement.
    easy, other = [3.0, 0.0], [0.0, 1.0]
    batch = batch_of([[[easy], [other]]], [[0]])
    outcome = method_of("co_teaching_plus", batch, tau=0.0)(batch)
    assert batch.indices.tolist() == [[0]]
    assert outcome.kept.all()


def test_the_loss_is_that_of_logits_and_not_of_probabilities():
    # The official code takes the softmax of a softmax: its loss never falls below 0.31.
    sure, unsure = [30.0, 0.0], [0.0, 0.1]
    batch = batch_of([[[sure], [unsure]]], [[0]])
    outcome = method_of("co_teaching_plus", batch, tau=0.0)(batch)
    assert outcome.losses[0, 0].item() < 1e-12


def test_a_batch_on_which_the_networks_agree_teaches_nothing():
    batch = batch_of([[[[1.0, 0.0]], [[2.0, 0.0]]]], [[1]])
    for name in ("co_teaching_plus", "decoupling"):
        outcome = method_of(name, batch)(batch)
        assert not outcome.kept.any()
        assert outcome.losses.tolist() == [[0.0, 0.0]]


def test_during_the_warm_up_co_teaching_plus_is_co_teaching():
    batch = random_batch(2, 16, 5, epoch=3)
    fields = {"tau": 0.5, "ramp_epochs": 1}
    plus = method_of("co_teaching_plus", batch, warm_up_epochs=[4, 3], **fields)(batch)
    plain = method_of("co_teaching", batch, **fields)(batch)
    assert torch.equal(plus.kept[0], plain.kept[0])
    assert torch.equal(plus.losses[0], plain.losses[0])
    chosen = disagreeing(arrays(batch, 1)[0])
    assert plus.kept[1].sum(dim=1).tolist() == [len(chosen) // 2] * 2


def test_an_infinite_loss_among_the_disagreement_is_the_last_to_be_kept():
    lost, fine = [-math.inf, 0.0], [0.0, 1.0]
    peer = [1.0, 0.0]
    batch = batch_of([[[lost, fine], [peer, peer]]], [[0, 0]])
    outcome = method_of("co_teaching_plus", batch, tau=0.5, ramp_epochs=1)(batch)
    assert outcome.kept[0, 1].tolist() == [False, True]


def test_an_example_without_disagreement_never_stands_in_for_an_undefined_loss():
    candidates = torch.tensor([[True, False, True]])
    losses = torch.tensor([[[math.nan, 1.0, math.inf]]])
    assert select_among(candidates, losses, [0.0]).tolist() == [[[False, False, True]]]
