import dataclasses

import numpy as np
import pytest
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.data.resident import channel_statistics
from tune_noise.errors import DataError
from tune_noise.noise import realised_noise_rate
from tune_noise.training import with_material
from tune_noise.training.known_noise import noisy_labels, true_labels
from tune_noise.training.labelled_data import prepare

CPU = torch.device("cpu")


def prepared(dataset, *configs):
    return prepare(dataset, configs, device=CPU)


def val_images_of(data, dataset):
    """The indices in the data set of the validation images, found by their pixels."""
    train = set(data.input_of[0].tolist())
    return np.array([i for i in range(len(dataset.train_labels)) if i not in train])


@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_validation_is_disjoint_from_training_and_together_they_are_all(digits, fraction):
    data = prepared(digits, TrialConfig(val_fraction=fraction))
    train = data.input_of[0].numpy()
    assert len(set(train)) == len(train)
    rest = val_images_of(data, digits)
    assert len(rest) == round(fraction * len(digits.train_labels)) == len(data.val_inputs)
    mean, std = channel_statistics(digits.train_inputs)
    expected = (digits.train_inputs[rest] / 255 - mean) / std
    found = data.val_inputs.batch(torch.arange(len(rest)))
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
    np.testing.assert_array_equal(data.noisy_labels[0], drawn[data.input_of[0], 0])


def test_the_test_split_is_clean_and_whole(digits):
    data = prepared(digits, TrialConfig(noise_rate=0.9))
    np.testing.assert_array_equal(data.test_labels, digits.test_labels)
    assert len(data.test_inputs) == len(digits.test_inputs) == 540


@pytest.mark.parametrize("alpha", [0, 3, 100])
def test_an_image_lends_its_alpha_plus_1_labels_and_is_not_copied(digits, alpha):
    config = TrialConfig(noise="dilution", alpha=alpha)
    data = prepared(digits, config)
    train_images = len(digits.train_labels) - len(data.val_inputs)
    assert data.val_noisy_labels.shape == (1, len(data.val_inputs), alpha + 1)
    assert data.noisy_labels.shape == (1, train_images * (alpha + 1))
    counts = torch.bincount(data.input_of[0])
    assert set(counts.tolist()) == {0, alpha + 1}
    # The one tensor of pixels is the data set's own memory.
    assert len(data.train_inputs) == len(digits.train_inputs)
    assert data.train_inputs._pixels.data_ptr() == digits.train_inputs.ctypes.data
    drawn = noisy_labels(digits, config)
    for image in (0, 1, 2):
        if counts[image]:
            own = data.noisy_labels[0][data.input_of[0] == image]
            np.testing.assert_array_equal(own, drawn[image])


def test_the_clean_mask_and_the_facts_are_those_of_the_labels(digits):
    data = prepared(digits, TrialConfig(noise="dilution", alpha=4))
    truth = torch.from_numpy(digits.true_labels.copy())[data.input_of[0]]
    assert torch.equal(data.is_clean[0], data.noisy_labels[0] == truth)
    facts = data.facts[0]
    assert facts["realised_noise_rate"] == pytest.approx(1 - data.is_clean.double().mean().item())
    assert facts["train_examples"] == len(data.input_of[0])
    assert facts["val_examples"] == data.val_noisy_labels.numel()


def test_the_split_moves_with_no_seed(digits):
    one = prepared(digits, TrialConfig())
    other = prepared(digits, TrialConfig(seed=5, noise_seed=9, noise="pair_flip"))
    assert torch.equal(one.input_of[0], other.input_of[0])


def test_each_replicate_has_its_own_noise_on_the_same_split(digits):
    rows = [{"noise_seed": 0}, {"noise_seed": 1}, {"noise_seed": 0, "noise_rate": 0.5}]
    configs = [TrialConfig(**row) for row in rows]
    data = prepared(digits, *configs)
    for r, config in enumerate(configs):
        alone = prepared(digits, config)
        assert torch.equal(data.input_of[0], alone.input_of[0])
        assert torch.equal(data.noisy_labels[r], alone.noisy_labels[0])
        assert torch.equal(data.val_noisy_labels[r], alone.val_noisy_labels[0])
        assert data.facts[r] == alone.facts[0]
    assert len({noisy_labels(digits, config).tobytes() for config in configs}) == 3


def test_given_labels_stay_as_they_come_and_the_truth_serves_the_mask_alone(digits):
    wrong = digits.train_labels.copy()
    wrong[::4] = (wrong[::4] + 1) % 10
    dataset = dataclasses.replace(digits, train_labels=wrong)
    data = prepared(dataset, TrialConfig(noise="given"))
    np.testing.assert_array_equal(data.noisy_labels[0], wrong[data.input_of[0]])
    rate = (wrong != digits.true_labels)[data.input_of[0]].mean()
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
    dataset = dataclasses.replace(digits, test_inputs=None, test_labels=None)
    data = prepared(dataset, TrialConfig())
    assert data.test_inputs is None
    assert data.test_labels is None


# --- how many images


@pytest.mark.parametrize("noise", ["symmetric", "dilution"])
def test_a_larger_training_set_holds_a_smaller_one_with_the_same_labels(digits, noise):
    small, large, whole = (
        prepared(digits, TrialConfig(noise=noise, train_size=size)) for size in (100, 400, None)
    )
    for data, images in ((small, 100), (large, 400), (whole, 1131)):
        assert len(set(data.input_of[0].tolist())) == images
        labels = digits.train_labels[np.unique(data.input_of[0])]
        assert np.bincount(labels).min() >= 0.85 * images / 10
    held = (
        set(small.input_of[0].tolist()),
        set(large.input_of[0].tolist()),
        set(whole.input_of[0].tolist()),
    )
    assert held[0] < held[1] < held[2]
    for image in sorted(held[0])[:10]:
        own = small.noisy_labels[0][small.input_of[0] == image]
        assert torch.equal(own, whole.noisy_labels[0][whole.input_of[0] == image])


def test_validation_stays_whole_however_little_is_trained_on(digits):
    small, whole = (prepared(digits, TrialConfig(train_size=size)) for size in (50, None))
    assert torch.equal(small.val_noisy_labels, whole.val_noisy_labels)
    indices = torch.arange(len(whole.val_inputs))
    assert torch.equal(small.val_inputs.batch(indices), whole.val_inputs.batch(indices))
    assert small.facts[0]["val_examples"] == whole.facts[0]["val_examples"]
    rate = (~small.is_clean).double().mean().item()
    assert small.facts[0]["realised_noise_rate"] == pytest.approx(rate)


# --- foreign images


def foreign_data(digits, alpha=3, **fields):
    config = TrialConfig(noise="foreign", alpha=alpha, **fields)
    dataset = with_material(digits, [config])
    return config, dataset, prepared(dataset, config)


def test_the_clean_label_goes_with_its_own_image_and_the_others_with_foreign_ones(digits):
    config, dataset, data = foreign_data(digits)
    shown = data.input_of[0].view(-1, 4)
    number = len(digits.train_labels)
    assert torch.all(shown[:, 0] < number)
    assert torch.all(shown[:, 1:] >= number)
    # Nothing is lent twice, as there is white noise enough.
    assert len(torch.unique(shown)) == shown.numel()
    drawn = noisy_labels(dataset, config)
    np.testing.assert_array_equal(data.noisy_labels[0].view(-1, 4), drawn[shown[:, 0]])
    np.testing.assert_array_equal(drawn[:, 0], digits.true_labels)
    mean, std = channel_statistics(digits.train_inputs)
    white = dataset.extras["images/white"][shown[5, 2] - number]
    np.testing.assert_allclose(
        data.train_inputs.batch(shown[5, 2]), (white / 255 - mean) / std, atol=1e-5
    )


def test_a_foreign_image_is_never_clean_whatever_its_label(digits):
    _, _, data = foreign_data(digits)
    is_clean = data.is_clean[0].view(-1, 4)
    assert torch.all(is_clean[:, 0])
    assert not torch.any(is_clean[:, 1:])
    assert data.facts[0]["realised_noise_rate"] == pytest.approx(3 / 4)


def test_validation_holds_its_share_of_foreign_images_and_shares_none(digits):
    config, dataset, data = foreign_data(digits)
    number, clean_val = len(digits.train_labels), 126
    assert len(data.val_inputs) == 4 * clean_val
    assert data.val_noisy_labels.shape == (1, 4 * clean_val, 1)
    assert data.facts[0]["val_examples"] == 4 * clean_val
    own = val_images_of(data, digits)
    drawn = noisy_labels(dataset, config)
    np.testing.assert_array_equal(data.val_noisy_labels[0, :, 0], drawn[own].T.reshape(-1))
    plain = prepared(digits, TrialConfig())
    first = torch.arange(clean_val)
    assert torch.equal(data.val_inputs.batch(first), plain.val_inputs.batch(first))
    picked = set(data.val_inputs._indices.tolist())
    assert picked.isdisjoint(data.input_of[0].tolist())
    assert len(picked) == 4 * clean_val
    assert picked | set(data.input_of[0].tolist()) == set(range(4 * number))


def test_a_larger_alpha_shows_the_same_foreign_images_and_more(digits):
    _, few_set, few = foreign_data(digits, alpha=2)
    _, many_set, many = foreign_data(digits, alpha=4)
    np.testing.assert_array_equal(few.input_of[0].view(-1, 3), many.input_of[0].view(-1, 5)[:, :3])
    white = many_set.extras["images/white"]
    np.testing.assert_array_equal(few_set.extras["images/white"], white[: 2 * 1257])


def test_foreign_images_that_are_few_are_lent_again(digits, monkeypatch):
    monkeypatch.setattr("tune_noise.data.foreign_images.MAX_WHITE_BYTES", 100 * 64)
    _, dataset, data = foreign_data(digits)
    assert len(dataset.extras["images/white"]) == 100
    lent = data.input_of[0].view(-1, 4)[:, 1:] - len(digits.train_labels)
    assert set(lent.reshape(-1).tolist()) == set(range(100))
    counts = torch.bincount(lent.reshape(-1))
    assert counts.max() <= 2 * counts.min()


def test_without_noisy_images_the_data_is_clean(digits):
    _, _, data = foreign_data(digits, alpha=0)
    plain = prepared(digits, TrialConfig(noise_rate=0.0))
    assert torch.equal(data.input_of[0], plain.input_of[0])
    assert torch.equal(data.val_noisy_labels, plain.val_noisy_labels)


def test_images_of_its_own_make_foreign_noise_dilution(digits):
    _, _, data = foreign_data(digits, foreign_source="own")
    plain = prepared(digits, TrialConfig(noise="dilution", alpha=3))
    assert torch.equal(data.input_of[0], plain.input_of[0])
    assert data.val_noisy_labels.shape == plain.val_noisy_labels.shape
    assert len(data.train_inputs) == len(digits.train_labels)
    # A copy that drew the true class of its image is right.
    assert data.is_clean[0].view(-1, 4)[:, 1:].any()


def test_the_noise_seed_moves_foreign_labels_and_not_the_images(digits):
    configs = [TrialConfig(noise="foreign", alpha=2, noise_seed=seed) for seed in (0, 1)]
    dataset = with_material(digits, configs)
    data = prepared(dataset, *configs)
    assert not torch.equal(data.noisy_labels[0], data.noisy_labels[1])
    for r, config in enumerate(configs):
        alone = prepared(dataset, config)
        assert torch.equal(data.input_of[0], alone.input_of[0])
        assert torch.equal(data.noisy_labels[r], alone.noisy_labels[0])
        assert torch.equal(data.val_noisy_labels[r], alone.val_noisy_labels[0])


@pytest.mark.parametrize("noise", ["symmetric", "given"])
def test_a_given_validation_split_is_used_as_it_is(digits, noise):
    given = dataclasses.replace(digits, num_validation=300)
    config = TrialConfig.model_validate({"noise": noise, "train_size": 100})
    data = prepared(given, config)
    number = len(digits.train_labels)
    np.testing.assert_array_equal(
        val_images_of(data, given)[-300:], np.arange(number - 300, number)
    )
    assert data.facts[0]["val_examples"] == len(data.val_inputs) == 300
    assert data.input_of[0].max() < number - 300
    assert len(data.input_of[0]) == 100
    drawn = noisy_labels(given, config)[number - 300 :]
    np.testing.assert_array_equal(data.val_noisy_labels[0], drawn)
    # Unless the space declares that the noise is in the labels already, it is drawn for them, too.
    assert (drawn[:, 0] != digits.train_labels[-300:]).any() == (noise == "symmetric")


def test_a_given_validation_split_that_leaves_no_training_example_of_a_class_is_refused(digits):
    images, labels = digits.train_inputs[:200], digits.train_labels[:200]
    for copied, lost in ((labels >= 0, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"), (labels == 3, "3")):
        whole = dataclasses.replace(
            digits,
            train_inputs=np.concatenate([images, images[copied]]),
            train_labels=np.concatenate([labels, labels[copied]]),
            true_labels=None,
            num_validation=int(copied.sum()),
        )
        config = TrialConfig.model_validate({"noise": "given"})
        with pytest.raises(DataError, match=f"no training example of class {lost} is left"):
            prepared(whole, config)
