"""Estimates of clean accuracy and noise rate, against closed forms and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.known import NOISES, K, known_transition, over
from tune_noise.metrics.unmixing import (
    clean_accuracy,
    confident_transition,
    is_invertible,
    noise_rate,
)
from tune_noise.noise import corrupt

all_noises = over(NOISES)


@given(
    num_images=st.integers(2, 60),
    num_classes=st.integers(2, 6),
    rate=st.floats(0.0, 0.4),
    seed=st.integers(0, 2**32),
)
def test_under_symmetric_noise_clean_accuracy_is_affine_in_the_noisy_one(
    num_images, num_classes, rate, seed
):
    random = np.random.default_rng(seed)
    predicted = random.integers(num_classes, size=num_images)
    noisy = random.integers(num_classes, size=(num_images, 1))
    matrix = known_transition("symmetric", num_classes=num_classes, noise_rate=rate)
    found = clean_accuracy(predicted, noisy, matrix)
    chance = rate / (num_classes - 1)
    agreement = (predicted == noisy[:, 0]).mean()
    assert found.value == pytest.approx((agreement - chance) / (1 - rate - chance), abs=1e-9)


def test_it_is_the_trace_of_the_counts_times_the_inverse():
    random = np.random.default_rng(0)
    matrix = random.dirichlet(np.ones(4), size=4) / 2 + np.eye(4) / 2
    predicted, noisy = random.integers(4, size=50), random.integers(4, size=(50, 3))
    counts = np.zeros((4, 4))
    for k, labels in zip(predicted, noisy, strict=True):
        for label in labels:
            counts[k, label] += 1 / 150
    found = clean_accuracy(predicted, noisy, matrix)
    assert found.value == pytest.approx(np.trace(counts @ np.linalg.inv(matrix)))


def drawn(random, noise, num_images, strength):
    """Predicted probabilities, labels, and the share of right predictions."""
    clean = random.integers(K, size=num_images)
    logits = 1.5 * random.normal(size=(num_images, K))
    logits[np.arange(num_images), clean] += strength
    values = np.exp(logits)
    noisy = corrupt(**noise, clean_labels=clean, num_classes=K, generator=random)
    right = (values.argmax(axis=1) == clean).mean()
    return values / values.sum(axis=1, keepdims=True), noisy, right


@pytest.mark.parametrize("strength", [2.0, 5.0])
@pytest.mark.parametrize("num_images", [126, 1000])
@all_noises
def test_clean_accuracy_is_met_without_bias_and_its_error_is_its_spread(
    noise, num_images, strength
):
    random, matrix = np.random.default_rng(1), known_transition(**noise, num_classes=K)
    found, right = [], []
    for _ in range(300):
        probabilities, noisy, share = drawn(random, noise, num_images, strength)
        found.append(clean_accuracy(probabilities.argmax(axis=1), noisy, matrix))
        right.append(share)
    values = np.array([each.value for each in found])
    spread = values.std(ddof=1)
    assert values.mean() == pytest.approx(np.mean(right), abs=3 * spread / math.sqrt(300))
    stated = math.sqrt(np.mean([each.standard_error**2 for each in found]))
    assert stated == pytest.approx(spread, rel=0.1 + 2 / math.sqrt(600))


@pytest.mark.parametrize("strength", [2.0, 8.0])
@all_noises
def test_the_noise_rate_is_met_by_a_good_network_and_overstated_by_a_poor_one(noise, strength):
    random, matrix = np.random.default_rng(2), known_transition(**noise, num_classes=K)
    true = 1 - np.trace(matrix) / K
    found, naive = [], []
    for _ in range(400):
        probabilities, noisy, _ = drawn(random, noise, 1000, strength)
        found.append(noise_rate(probabilities, noisy, K))
        naive.append((probabilities.argmax(axis=1)[:, None] != noisy).mean())
    values = np.array([each.value for each in found])
    assert values.mean() > true - 0.005
    # Better than what all predictions say, which take every error for noise.
    assert abs(values.mean() - true) <= abs(np.mean(naive) - true) + 0.002
    if strength == 8.0:
        assert values.mean() == pytest.approx(true, abs=0.005)
        stated = np.mean([each.standard_error for each in found])
        # Under dilution one label of each image is certain, which the stated error does not know.
        assert 0.85 * values.std() < stated < (2.0 if "alpha" in noise else 1.2) * values.std()


def test_a_class_that_is_never_predicted_counts_for_nothing():
    probabilities = np.eye(3)[[0, 0, 1, 1]] * 0.9 + 0.1 / 3
    matrix, images = confident_transition(probabilities, np.array([[0], [2], [1], [1]]), 3)
    assert images.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(matrix[2], [0, 0, 1])
    estimate = noise_rate(probabilities, np.array([[0], [2], [1], [1]]), 3)
    assert estimate.value == 0.0
    assert estimate.standard_error > 0.0


def test_a_transition_that_mixes_two_classes_evenly_says_nothing():
    even = known_transition("pair_flip", num_classes=2, noise_rate=0.5)
    assert not is_invertible(even)
    assert clean_accuracy(np.array([0, 1]), np.array([[0], [1]]), even) is None
    assert is_invertible(known_transition("dilution", num_classes=10, alpha=1000))
