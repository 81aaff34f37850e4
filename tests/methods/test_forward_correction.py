"""Forward correction from arXiv:1609.03683, derived again in float64 NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import (
    facts_of,
    method_of,
    numeric_gradient,
    random_batch,
    softmax,
)
from tune_noise.config.trial import TrialConfig
from tune_noise.methods.forward_correction import anchor_estimate
from tune_noise.noise import pair_flip, symmetric
from tune_noise.training import Trial


def slow_loss(logits, labels, matrix):
    """-log (T^t p)_y, mean over the examples."""
    return -np.log((softmax(logits) @ matrix)[np.arange(len(labels)), labels]).mean()


def random_matrices(seed, count, num_classes):
    return np.random.default_rng(seed).dirichlet(np.ones(num_classes), size=(count, num_classes))


@given(batch_size=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_the_loss_is_taken_through_the_known_matrix(batch_size, seed):
    batch = random_batch(2, batch_size, seed, networks=1, num_classes=3, scale=1.0)
    matrices = random_matrices(seed, 2, 3)
    facts = facts_of(batch, transition=torch.from_numpy(matrices))
    outcome = method_of("forward", batch, facts=facts, transition="known")(batch)
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    for r, matrix in enumerate(matrices):
        logits, labels = batch.logits[r, 0].detach().numpy(), batch.noisy_labels[r].numpy()
        np.testing.assert_allclose(outcome.losses[r, 0].item(), slow_loss(logits, labels, matrix))
        gradient = numeric_gradient(lambda z, y=labels, t=matrix: slow_loss(z, y, t), logits)
        np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, atol=1e-7)


def test_probabilities_of_0_in_the_matrix_do_no_harm():
    batch = random_batch(1, 8, 0, networks=1, num_classes=4, scale=30.0)
    facts = facts_of(batch, transition=torch.from_numpy(pair_flip(4, 0.45))[None])
    outcome = method_of("forward", batch, facts=facts, transition="known")(batch)
    outcome.losses.sum().backward()
    assert outcome.losses.isfinite().all()
    assert batch.logits.grad.isfinite().all()


def test_the_matrix_without_noise_gives_cross_entropy():
    batch = random_batch(1, 8, 0, networks=1)
    facts = facts_of(batch, transition=torch.eye(5, dtype=torch.float64)[None])
    outcome = method_of("forward", batch, facts=facts, transition="known")(batch)
    torch.testing.assert_close(outcome.losses, method_of("standard", batch)(batch).losses)


def slow_estimate(probabilities):
    """Anchors by NumPy's percentile; every row from the untouched table."""
    rows = []
    for k in range(probabilities.shape[1]):
        limit = np.percentile(probabilities[:, k], 97, method="higher")
        below = np.where(probabilities[:, k] >= limit, -1.0, probabilities[:, k])
        rows.append(probabilities[below.argmax()])
    return np.array(rows)


@given(num_examples=st.integers(2, 300), seed=st.integers(0, 2**31))
def test_a_row_of_the_estimate_is_the_prediction_for_an_anchor(num_examples, seed):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(4, 0.3), size=(2, num_examples))
    found = anchor_estimate(torch.from_numpy(probabilities)).numpy()
    for each, matrix in zip(probabilities, found, strict=True):
        np.testing.assert_allclose(matrix, slow_estimate(each), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), 1.0)


def test_a_perfect_model_of_the_noisy_labels_reveals_the_matrix():
    # Clean classes that the images tell apart: the network predicts the row of T.
    matrix = symmetric(5, 0.4)
    classes = np.random.default_rng(0).integers(5, size=1000)
    sharpness = np.random.default_rng(1).uniform(0.9, 1.0, size=(1000, 1))
    posterior = sharpness * np.eye(5)[classes] + (1 - sharpness) / 5
    found = anchor_estimate(torch.from_numpy(posterior @ matrix)[None])[0].numpy()
    np.testing.assert_allclose(found, matrix, atol=0.05)


def test_the_estimate_is_made_once_at_the_end_of_each_replicates_warm_up():
    batch = random_batch(2, 40, 0, networks=1, num_classes=3)
    method = method_of("forward", batch, warm_up_epochs=[1, 2])
    calls = []

    def predict():
        calls.append(None)
        return batch.logits.detach()

    identity = torch.eye(3, dtype=torch.float64)
    expected = [slow_estimate(softmax(logits[0].detach().numpy())) for logits in batch.logits]
    for epoch in range(4):
        method.start_epoch(epoch, predict)
        first, second = method.state()["transition"]
        assert torch.equal(first, identity) == (epoch < 1)
        assert torch.equal(second, identity) == (epoch < 2)
    np.testing.assert_allclose(method.state()["transition"], expected, rtol=1e-9)
    assert len(calls) == 2


def test_during_the_warm_up_it_is_standard_training():
    batch = random_batch(2, 40, 0, networks=1, num_classes=3, epoch=1)
    method = method_of("forward", batch, warm_up_epochs=[1, 2])
    method.start_epoch(1, lambda: batch.logits.detach())
    outcome, standard = method(batch), method_of("standard", batch)(batch)
    assert outcome.losses[1] == standard.losses[1]
    assert outcome.losses[0] != standard.losses[0]


def test_a_known_matrix_must_be_there():
    with pytest.raises(ValueError, match="transition known needs a transition matrix"):
        method_of("forward", random_batch(1, 4, 0, networks=1), transition="known")


def test_only_who_declares_it_is_told_the_matrix(few_digits):
    told = []
    for fields in ({"transition": "known"}, {"transition": "estimated", "warm_up_epochs": 1}):
        config = TrialConfig(method="forward", model="perceptron", epochs=2, **fields)
        trial = Trial([config], few_digits)
        trial.train_epoch()
        told.append(trial.method._known is not None)
    assert told == [True, False]
