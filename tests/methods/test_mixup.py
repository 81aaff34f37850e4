"""Mixup from arXiv:1710.09412, its draws, and the mixing of a trial's images."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.derivations import batch_of, method_of, random_batch, softmax
from tune_noise.config.trial import TrialConfig
from tune_noise.methods.protocol import Mixing
from tune_noise.metrics.epoch_tally import EpochTally
from tune_noise.training import Trial


def mixing_of(partners, shares):
    return Mixing(torch.tensor(partners), torch.tensor(shares, dtype=torch.float64))


@given(batch_size=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_the_loss_is_that_of_the_mixed_labels(batch_size, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(2, 1, batch_size, 4))
    labels = random.integers(4, size=(2, batch_size))
    partners = np.stack([random.permutation(batch_size) for _ in range(2)])
    shares = random.uniform(size=2)
    batch = batch_of(logits, labels, mixing=mixing_of(partners, shares))
    outcome = method_of("mixup", batch)(batch)
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    one_hot = np.eye(4)
    for r, share in enumerate(shares):
        own, others = one_hot[labels[r]], one_hot[labels[r][partners[r]]]
        targets = share * own + (1 - share) * others
        probabilities = softmax(logits[r, 0])
        expected = -(targets * np.log(probabilities)).sum(axis=1).mean()
        np.testing.assert_allclose(outcome.losses[r, 0].item(), expected)
        gradient = (probabilities - targets) / batch_size
        np.testing.assert_allclose(batch.logits.grad[r, 0], gradient, atol=1e-12)


def test_images_are_mixed_in_the_same_shares():
    images = np.random.default_rng(0).normal(size=(2, 3, 1, 2, 2))
    partners, shares = np.array([[2, 0, 1], [1, 0, 2]]), [0.25, 1.0]
    found = mixing_of(partners, shares).applied_to(torch.tensor(images))
    for r, share in enumerate(shares):
        expected = share * images[r] + (1 - share) * images[r][partners[r]]
        np.testing.assert_allclose(found[r], expected, rtol=1e-12)


@given(seed=st.integers(0, 2**31), batch_size=st.integers(1, 30), epoch=st.integers(0, 50))
def test_a_draw_depends_on_seed_epoch_and_batch_alone(seed, batch_size, epoch):
    batch = random_batch(2, 3, 0, networks=1)
    method = method_of("mixup", batch, seed=[seed, seed + 1])
    twin = method_of("mixup", batch, seed=[seed + 1, seed])
    one, other = method.mixing(epoch, 3, batch_size), twin.mixing(epoch, 3, batch_size)
    assert torch.equal(one.partners.flip(0), other.partners)
    assert torch.equal(one.shares.flip(0), other.shares)
    assert torch.equal(one.partners.sort(dim=1).values[0], torch.arange(batch_size))
    assert ((one.shares >= 0) & (one.shares <= 1)).all()
    for elsewhere in (method.mixing(epoch + 1, 3, batch_size), method.mixing(epoch, 4, batch_size)):
        assert not torch.equal(one.shares, elsewhere.shares)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_shares_are_drawn_from_the_beta_distribution(alpha):
    batch = random_batch(1, 3, 0, networks=1)
    method = method_of("mixup", batch, mixup_alpha=alpha)
    shares = np.array([method.mixing(0, number, 2).shares.item() for number in range(3000)])
    variance = 1 / (4 * (2 * alpha + 1))
    assert shares.mean() == pytest.approx(0.5, abs=4 * np.sqrt(variance / 3000))
    assert shares.var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize(("predicted", "expected"), [((1, 0), 0.75), ((2, 0), 0.25)])
def test_a_mixture_agrees_with_each_label_by_its_share(predicted, expected):
    logits = 9.0 * torch.eye(3)[list(predicted)]
    mixing = mixing_of([[1, 0]], [0.75])
    batch = batch_of([[logits.tolist()]], [[1, 2]], mixing=mixing)
    tally = EpochTally(None)
    tally.add(batch, method_of("mixup", batch)(batch))
    # The other one of the two agrees with nothing.
    assert tally.metrics()[0]["train_accuracy_noisy"] == expected / 2


def test_an_unmixed_batch_is_refused():
    batch = random_batch(1, 3, 0, networks=1)
    with pytest.raises(ValueError, match="needs a mixed batch"):
        method_of("mixup", batch)(batch)


def test_a_trial_mixes_the_images_that_its_network_sees(few_digits):
    config = TrialConfig(method="mixup", model="perceptron", epochs=1)
    trial = Trial([config, config.model_copy(update={"seed": 1})], few_digits)
    batch = trial.step.forward(next(trial._examples(0)))
    images = trial.data.train_inputs.batch(trial.data.input_of[0][batch.indices])
    expected = trial.method.mixing(0, 0, batch.indices.shape[1])
    assert torch.equal(batch.mixing.partners, expected.partners)
    mixed = torch.stack(
        [
            share * own + (1 - share) * own[partners]
            for own, share, partners in zip(
                images, expected.shares.float(), expected.partners, strict=True
            )
        ]
    )
    torch.testing.assert_close(batch.logits[:, 0], trial.network(mixed))
