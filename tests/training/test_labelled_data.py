import dataclasses

import numpy as np
import pytest
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.data.resident import channel_statistics
from tune_noise.noise import realised_noise_rate
from tune_noise.training.labelled_data import noise_fingerprint, noisy_labels, prepare, true_labels

CPU = torch.device("cpu")


def prepared(dataset, *configs):
    return prepare(dataset, configs, device=CPU)


def val_images_of(data, dataset):
    """The indices in the data set of the validation images, found by their pixels."""
    train = set(data.image_of.tolist())
    return np.array([i for i in range(len(dataset.train_labels)) if i not in train])


@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_validation_is_disjoint_from_training_and_together_they_are_all(digits, fraction):
    data = prepared(digits, TrialConfig(val_fraction=fraction))
    train = data.image_of.numpy()
    assert len(set(train)) == len(train)
    rest = val_images_of(data, digits)
    assert len(rest) == round(fraction * len(digits.train_labels)) == len(data.val_images)
    mean, std = channel_statistics(digits.train_images)
    expected = (digits.train_images[rest] / 255 - mean) / std
    found = data.val_images.batch(torch.arange(len(rest)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_validation_is_as_noisy_as_training(digits):
    config = TrialConfig(noise_rate=0.5, val_fraction=0.5)
    data = prepared(digits, config)
    rest = val_images_of(data, digits)
    val_rate = realised_noise_rate(data.val_noisy_labels[0].numpy(), digits.true_labels[rest])
    train_rate = data.facts[0]["realised_noise_rate"]
    for rate in (val_rate, train_rate):
        assert abs(rate - 0.5) < 5 * np.sqrt(0.25 / len(rest))
    drawn = noisy_labels(digits, config)
    np.testing.assert_array_equal(data.val_noisy_labels[0], drawn[rest])
    np.testing.assert_array_equal(data.noisy_labels[0], drawn[data.image_of, 0])


def test_the_test_split_is_clean_and_whole(digits):
    data = prepared(digits, TrialConfig(noise_rate=0.9))
    np.testing.assert_array_equal(data.test_labels, digits.test_labels)
    assert len(data.test_images) == len(digits.test_images) == 540


@pytest.mark.parametrize("alpha", [0, 3, 100])
def test_an_image_lends_its_alpha_plus_1_labels_and_is_not_copied(digits, alpha):
    config = TrialConfig(noise="dilution", alpha=alpha)
    data = prepared(digits, config)
    train_images = len(digits.train_labels) - len(data.val_images)
    assert data.val_noisy_labels.shape == (1, len(data.val_images), alpha + 1)
    assert data.noisy_labels.shape == (1, train_images * (alpha + 1))
    counts = torch.bincount(data.image_of)
    assert set(counts.tolist()) == {0, alpha + 1}
    # The one tensor of pixels is the data set's own memory.
    assert len(data.train_images) == len(digits.train_images)
    assert data.train_images._pixels.data_ptr() == digits.train_images.ctypes.data
    drawn = noisy_labels(digits, config)
    for image in (0, 1, 2):
        if counts[image]:
            own = data.noisy_labels[0][data.image_of == image]
            np.testing.assert_array_equal(own, drawn[image])


def test_the_clean_mask_and_the_facts_are_those_of_the_labels(digits):
    data = prepared(digits, TrialConfig(noise="dilution", alpha=4))
    truth = torch.from_numpy(digits.true_labels.copy())[data.image_of]
    assert torch.equal(data.is_clean[0], data.noisy_labels[0] == truth)
    facts = data.facts[0]
    assert facts["realised_noise_rate"] == pytest.approx(1 - data.is_clean.double().mean().item())
    assert facts["train_examples"] == len(data.image_of)
    assert facts["val_examples"] == data.val_noisy_labels.numel()


def test_the_split_moves_with_no_seed(digits):
    one = prepared(digits, TrialConfig())
    other = prepared(digits, TrialConfig(seed=5, noise_seed=9, noise="pair_flip"))
    assert torch.equal(one.image_of, other.image_of)


def test_each_replicate_has_its_own_noise_on_the_same_split(digits):
    rows = [{"noise_seed": 0}, {"noise_seed": 1}, {"noise_seed": 0, "noise_rate": 0.5}]
    configs = [TrialConfig(**row) for row in rows]
    data = prepared(digits, *configs)
    for r, config in enumerate(configs):
        alone = prepared(digits, config)
        assert torch.equal(data.image_of, alone.image_of)
        assert torch.equal(data.noisy_labels[r], alone.noisy_labels[0])
        assert torch.equal(data.val_noisy_labels[r], alone.val_noisy_labels[0])
        assert data.facts[r] == alone.facts[0]
    assert len({noise_fingerprint(digits, config) for config in configs}) == 3


def test_given_labels_stay_as_they_come_and_the_truth_serves_the_mask_alone(digits):
    wrong = digits.train_labels.copy()
    wrong[::4] = (wrong[::4] + 1) % 10
    dataset = dataclasses.replace(digits, train_labels=wrong)
    data = prepared(dataset, TrialConfig(noise="given"))
    np.testing.assert_array_equal(data.noisy_labels[0], wrong[data.image_of])
    rate = (wrong != digits.true_labels)[data.image_of].mean()
    assert data.facts[0]["realised_noise_rate"] == pytest.approx(rate)


def test_given_labels_without_a_truth_have_no_clean_mask(digits):
    dataset = dataclasses.replace(digits, true_labels=None)
    data = prepared(dataset, TrialConfig(noise="given"))
    assert data.is_clean is None
    assert "realised_noise_rate" not in data.facts[0]
    assert true_labels(dataset, "given") is None
    # Whoever asks for synthetic noise says that the labels are right.
    np.testing.assert_array_equal(true_labels(dataset, "symmetric"), digits.train_labels)


def test_synthetic_noise_corrupts_the_true_labels_where_they_are_known(digits):
    wrong = (digits.train_labels + 1) % 10
    dataset = dataclasses.replace(digits, train_labels=wrong)
    drawn = noisy_labels(dataset, TrialConfig(noise_rate=0.0))
    np.testing.assert_array_equal(drawn[:, 0], digits.true_labels)


def test_a_data_set_without_a_test_split_has_none(digits):
    dataset = dataclasses.replace(digits, test_images=None, test_labels=None)
    data = prepared(dataset, TrialConfig())
    assert data.test_images is None
    assert data.test_labels is None
