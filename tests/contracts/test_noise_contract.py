"""What every noise promises; a new kind needs a line in NOISES."""

from typing import get_args

import numpy as np
import pytest

from tune_noise.config.trial import NoiseName, TrialConfig
from tune_noise.noise import corrupt, realised_noise_rate
from tune_noise.training.labelled_data import noise_fingerprint, noisy_labels

# name, parameters, expected share of wrong labels, share of labels that are drawn at all
NOISES = [
    ("dilution", {"alpha": 0}, 0.0, 0.0),
    ("dilution", {"alpha": 5}, 5 / 6 * 0.9, 5 / 6),
    ("dilution", {"alpha": 100}, 100 / 101 * 0.9, 100 / 101),
    ("symmetric", {"noise_rate": 0.0}, 0.0, 0.0),
    ("symmetric", {"noise_rate": 0.5}, 0.5, 1.0),
    ("pair_flip", {"noise_rate": 0.0}, 0.0, 0.0),
    ("pair_flip", {"noise_rate": 0.45}, 0.45, 1.0),
    ("given", {}, 0.0, 0.0),
]
CLEAN = np.arange(6000, dtype=np.int64) * 7 % 10
all_noises = pytest.mark.parametrize(("noise", "parameters", "rate", "drawn"), NOISES)


def draw(noise, parameters, *, seed=0, clean=CLEAN):
    generator = np.random.default_rng(seed)
    return corrupt(noise, clean, num_classes=10, generator=generator, **parameters)


def test_the_contract_covers_every_noise():
    assert {noise for noise, *_ in NOISES} == set(get_args(NoiseName))


@all_noises
def test_labels_are_classes_one_row_for_each_image(noise, parameters, rate, drawn):
    noisy = draw(noise, parameters)
    assert noisy.dtype == np.int64
    assert noisy.shape == (len(CLEAN), 1 + parameters.get("alpha", 0))
    assert noisy.min() >= 0
    assert noisy.max() <= 9


@all_noises
def test_the_realised_rate_is_the_requested_one_within_binomial_error(
    noise, parameters, rate, drawn
):
    noisy = draw(noise, parameters)
    probability = rate / drawn if drawn else 0.0
    error = drawn * np.sqrt(probability * (1 - probability) / max(1.0, drawn * noisy.size))
    assert abs(realised_noise_rate(noisy, CLEAN) - rate) <= 5 * error


@all_noises
def test_the_seed_fixes_every_label_and_another_seed_draws_others(noise, parameters, rate, drawn):
    first, again, other = (draw(noise, parameters, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (rate == 0.0)


@all_noises
def test_no_noise_leaves_labels_clean(noise, parameters, rate, drawn):
    noisy = draw(noise, parameters)
    assert np.array_equal(noisy, CLEAN[:, None]) == (rate == 0.0)


@all_noises
def test_the_global_generator_has_no_part_in_it(noise, parameters, rate, drawn):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    draw(noise, parameters)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@all_noises
def test_the_clean_labels_are_left_as_they_were(noise, parameters, rate, drawn):
    clean = CLEAN.copy()
    noisy = draw(noise, parameters, clean=clean)
    noisy[...] = 0
    np.testing.assert_array_equal(clean, CLEAN)


@all_noises
def test_a_label_outside_the_classes_is_refused_by_every_noise(noise, parameters, rate, drawn):
    with pytest.raises(ValueError, match=r"\[0, 10\), got 0..10"):
        draw(noise, parameters, clean=np.array([0, 10]))


@all_noises
def test_no_examples_give_no_labels(noise, parameters, rate, drawn):
    assert len(draw(noise, parameters, clean=np.empty(0, dtype=np.int64))) == 0


@pytest.mark.parametrize(
    ("noise", "parameters"),
    [
        ("dilution", {}),
        ("dilution", {"noise_rate": 0.2}),
        ("symmetric", {}),
        ("symmetric", {"alpha": 5}),
        ("pair_flip", {}),
        ("symetric", {"noise_rate": 0.2}),
    ],
)
def test_an_unknown_noise_or_a_missing_parameter_is_refused(noise, parameters):
    with pytest.raises(ValueError, match=f"noise '{noise}' with .* is not defined"):
        draw(noise, parameters)


@pytest.mark.parametrize("noise", ["symmetric", "pair_flip"])
@pytest.mark.parametrize("noise_rate", [-0.1, 1.0, 45])
def test_a_rate_out_of_range_is_refused_by_every_flip(noise, noise_rate):
    with pytest.raises(ValueError, match="fraction"):
        draw(noise, {"noise_rate": noise_rate})


@all_noises
def test_the_noise_seed_alone_decides_the_labels_of_a_trial(
    noise, parameters, rate, drawn, few_digits
):
    config = TrialConfig(noise=noise, noise_seed=1, **parameters)
    twin = config.model_copy(update={"seed": 9, "model": "conv4", "lr": 0.5, "batch_size": 4})
    other = config.model_copy(update={"noise_seed": 2})
    labels = noisy_labels(few_digits, config)
    np.testing.assert_array_equal(labels, noisy_labels(few_digits, twin))
    assert noise_fingerprint(few_digits, config) == noise_fingerprint(few_digits, twin)
    is_same = noise_fingerprint(few_digits, config) == noise_fingerprint(few_digits, other)
    assert is_same == np.array_equal(labels, noisy_labels(few_digits, other)) == (rate == 0.0)
