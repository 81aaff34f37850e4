"""Estimates of clean accuracy and noise rate, against closed forms and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.known import NOISES, K, known_transition, over
from tests.support.noisy_labels import corrupt
from tune_noise.metrics.unmixing import (
    MAX_CONDITION,
    MAX_ERROR,
    accuracy_bound,
    clean_accuracy,
    confident_transition,
    inverse_of,
    most_confident,
    noise_rate,
)

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
    found = clean_accuracy(predicted, noisy, np.linalg.inv(matrix))
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
    found = clean_accuracy(predicted, noisy, np.linalg.inv(matrix))
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
    random = np.random.default_rng(1)
    inverse = np.linalg.inv(known_transition(**noise, num_classes=K))
    found, right = [], []
    for _ in range(300):
        probabilities, noisy, share = drawn(random, noise, num_images, strength)
        found.append(clean_accuracy(probabilities.argmax(axis=1), noisy, inverse))
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
        assert 0.85 * values.std() < stated < 1.2 * values.std()


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
    assert inverse_of(even) is None
    assert inverse_of(known_transition("dilution", num_classes=10, alpha=1000)) is not None


@given(st.integers(0, 2**32), st.integers(2, 8), st.floats(-4, 2))
def test_a_matrix_is_inverted_exactly_where_its_condition_number_allows_it(seed, k, spread):
    matrix = np.random.default_rng(seed).dirichlet(np.full(k, 10.0**spread), size=k)
    inverse, condition = inverse_of(matrix), np.linalg.cond(matrix)
    assert (inverse is not None) == (condition <= MAX_CONDITION)
    assert inverse is None or (inverse == np.linalg.inv(matrix)).all()


def test_the_noise_of_a_thousand_classes_needs_no_singular_values(monkeypatch):
    monkeypatch.delattr(np.linalg, "cond")  # it takes seconds
    matrix = known_transition("symmetric", num_classes=1000, noise_rate=0.4)
    assert inverse_of(matrix) is not None


# --- accuracy without a known T


def expected(confusions, matrix, *, cell=64):
    """Images whose labels are exactly what a noise gives on average, of every predicted class.

    Args:
        confusions: A of the confident half and B of the other, each [K, K]: rows predicted class,
            columns true class; times `matrix` times `cell` whole numbers.
        matrix: T, [K, K].
    """
    number = len(matrix)
    probabilities, labels = [], []
    for confidence, confusion in zip((0.9, 0.8), confusions, strict=True):
        counts = np.rint(cell * confusion @ matrix).astype(int)
        np.testing.assert_allclose(counts, cell * confusion @ matrix)
        for k, j in np.ndindex(number, number):
            row = np.full(number, (1 - confidence) / (number - 1))
            row[k] = confidence
            probabilities += [row] * counts[k, j]
            labels += [j] * counts[k, j]
    return np.array(probabilities), np.array(labels)[:, None]


def even(right):
    """A confusion of three classes that errs evenly."""
    return np.full((3, 3), (1 - right) / 2) + (1.5 * right - 0.5) * np.eye(3)


THREE = [np.eye(3), even(0.5), even(0.75)]
THREE.append(0.75 * np.eye(3) + 0.25 * np.roll(np.eye(3), 1, axis=1))


@pytest.mark.parametrize("matrix", THREE, ids=["none", "even 50 %", "even 25 %", "pair 25 %"])
@pytest.mark.parametrize(("confident", "other"), [(1.0, 0.75), (1.0, 0.5), (0.75, 0.5)])
def test_without_a_known_matrix_the_bound_is_of_the_halves_alone_whatever_the_noise(
    confident, other, matrix
):
    probabilities, labels = expected((even(confident), even(other)), matrix, cell=640)
    found = accuracy_bound(probabilities, labels, 3)
    # Derived by hand: A and B are even, with eigenvalues a and b beside 1, so B A^-1 has b / a.
    ratio = (1.5 * other - 0.5) / (1.5 * confident - 0.5)
    assert found.value == pytest.approx(0.5 + 0.5 * (1 / 3 + 2 / 3 * ratio))
    true = (confident + other) / 2
    assert found.value >= true - 1e-9
    if confident == 1.0:
        assert found.value == pytest.approx(true)


def test_errors_that_both_halves_share_are_not_seen_at_all():
    learnt = 0.5 * np.eye(3) + 0.5 * np.roll(np.eye(3), 1, axis=1)
    matrix = 0.75 * np.eye(3) + 0.25 * np.roll(np.eye(3), 1, axis=1)
    probabilities, labels = expected((learnt, learnt), matrix, cell=640)
    assert accuracy_bound(probabilities, labels, 3).value == pytest.approx(1.0)


def halves(random, noise, num_images, *, confident, other):
    """Predictions of ten classes that err evenly: probabilities, labels, share of right ones."""
    clean = random.integers(K, size=num_images)
    is_confident = random.random(num_images) < 0.5
    wrong = random.random(num_images) > np.where(is_confident, confident, other)
    predicted = np.where(wrong, (clean + random.integers(1, K, size=num_images)) % K, clean)
    values = np.full((num_images, K), 1.0)
    values[np.arange(num_images), predicted] = np.where(is_confident, 30.0, 20.0)
    noisy = corrupt(**noise, clean_labels=clean, num_classes=K, generator=random)
    return values / values.sum(axis=1, keepdims=True), noisy, (predicted == clean).mean()


@pytest.mark.parametrize("num_images", [1500, 6000])
@all_noises
def test_where_the_confident_half_is_right_the_bound_is_the_accuracy_with_its_error(
    noise, num_images
):
    random = np.random.default_rng(5)
    found, right = [], []
    for _ in range(120):
        probabilities, noisy, share = halves(random, noise, num_images, confident=1.0, other=0.8)
        found.append(accuracy_bound(probabilities, noisy, K))
        right.append(share)
    known = [each for each in found if each is not None]
    assert len(known) >= 0.9 * len(found)
    values = np.array([each.value for each in known])
    errors = np.array([each.standard_error for each in known])
    # Inverting a counted matrix leaves a little too much: a point at 1,500 images, 0.2 at 6,000.
    luck = 3 * 1.25 * values.std() / math.sqrt(len(values))
    too_much = 15 / num_images
    assert np.mean(right) - luck < np.median(values) < np.mean(right) + too_much + luck
    held = np.abs(values - np.mean(right)) < 1.96 * errors
    assert held.mean() > 0.95 - 3 * math.sqrt(0.95 * 0.05 / len(known))


@all_noises
def test_where_it_errs_the_bound_is_above_the_accuracy(noise):
    random = np.random.default_rng(6)
    for confident, other in ((0.9, 0.7), (0.7, 0.5)):
        for _ in range(20):
            probabilities, noisy, share = halves(
                random, noise, 6000, confident=confident, other=other
            )
            found = accuracy_bound(probabilities, noisy, K)
            assert found.value + 2 * found.standard_error > share
            assert found.standard_error <= MAX_ERROR


def test_a_class_that_is_never_predicted_or_too_few_images_give_no_bound():
    probabilities = np.eye(3)[[0, 0, 1, 1]] * 0.9 + 0.1 / 3
    assert accuracy_bound(probabilities, np.array([[0], [2], [1], [1]]), 3) is None
    few = halves(np.random.default_rng(7), NOISES[2], 80, confident=1.0, other=0.8)
    assert accuracy_bound(few[0], few[1], K) is None


@given(
    num_images=st.integers(2, 80),
    num_classes=st.integers(2, 5),
    copies=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_the_confident_half_is_a_half_and_nothing_depends_on_what_classes_are_called(
    num_images, num_classes, copies, seed
):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(num_classes), size=num_images)
    noisy = random.integers(num_classes, size=(num_images, copies))
    chosen, predicted = most_confident(probabilities), probabilities.argmax(axis=1)
    for k in range(num_classes):
        of_class = predicted == k
        assert chosen[of_class].sum() == (of_class.sum() + 1) // 2
        inside, outside = (probabilities.max(axis=1)[of_class & c] for c in (chosen, ~chosen))
        assert not len(outside) or inside.min() >= outside.max()
    matrix, images = confident_transition(probabilities, noisy, num_classes)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    # Renamed: new class order[i] is the old class i.
    order = random.permutation(num_classes)
    renamed = np.empty_like(probabilities)
    renamed[:, order] = probabilities
    again, images_again = confident_transition(renamed, order[noisy], num_classes)
    np.testing.assert_allclose(again[np.ix_(order, order)], matrix)
    np.testing.assert_array_equal(images_again[order], images)
    for estimate in (noise_rate, accuracy_bound):
        one = estimate(probabilities, noisy, num_classes)
        other = estimate(renamed, order[noisy], num_classes)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.value == pytest.approx(other.value, rel=1e-6, abs=1e-6)
            assert one.standard_error == pytest.approx(other.standard_error, rel=1e-6, abs=1e-6)
