"""The smallest difference in accuracy that can be seen, against simulated pairs of classifiers."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.known import NOISES, K, known_transition, over
from tests.support.noisy_labels import corrupt
from tune_noise.config.loader import read_search
from tune_noise.metrics.information import information
from tune_noise.service.resolution import least_differences
from tune_noise.verdict.power import Z_TEST, compare, least_visible_difference

all_noises = over([*NOISES, {"noise": "dilution", "alpha": 20}])


def slow_compare(noise, better, worse, num_classes):
    """Every true class, pair of predictions and image's labels, one after another."""
    matrix = known_transition(**noise, num_classes=num_classes)
    others = num_classes - 1

    def log_likelihood(accuracy, predicted, label):
        shares = [
            accuracy if i == predicted else (1 - accuracy) / others for i in range(num_classes)
        ]
        return math.log(sum(s * matrix[i, label] for i, s in enumerate(shares)))

    alpha = noise.get("alpha")
    mean = square = 0.0
    for true, first, second in itertools.product(range(num_classes), repeat=3):
        if first == second:
            share = worse if first == true else (1 - better) / others
        else:
            share = (better - worse) / others if first == true else 0.0
        for labels in itertools.product(range(num_classes), repeat=alpha or 1):
            if alpha is None:
                chance, shown = matrix[true, labels[0]], labels
            else:
                chance, shown = num_classes**-alpha, (true, *labels)
            if share * chance > 0:
                terms = [
                    log_likelihood(better, first, y) - log_likelihood(worse, second, y)
                    for y in shown
                ]
                value = sum(terms) / len(terms)
                mean += share * chance * value / num_classes
                square += share * chance * value**2 / num_classes
    return mean, math.sqrt(square - mean**2)


@pytest.mark.parametrize(
    "noise", [*NOISES[:3], {"noise": "dilution", "alpha": 1}, {"noise": "dilution", "alpha": 3}]
)
def test_a_comparison_is_the_sum_over_all_that_may_happen(noise):
    matrix = known_transition(**noise, num_classes=3)
    found = compare(matrix, better=0.9, worse=0.7, alpha=noise.get("alpha"))
    expected = slow_compare(noise, 0.9, 0.7, 3)
    assert (found.difference, found.spread) == pytest.approx(expected, rel=1e-9)


def old_compare(matrix, better, worse, alpha):
    """The same sums from arrays [true class, prediction, label]."""
    k = len(matrix)
    first, second = (
        np.log(np.maximum(((a - b) * np.eye(k) + b) @ matrix, 1e-12))
        for a, b in ((a, (1 - a) / (k - 1)) for a in (better, worse))
    )
    gap, others = first - second, (1.0 - np.eye(k)) / (k - 1)
    cases = [
        (worse, np.ones((k, 1)), gap[:, None]),
        (1.0 - better, others, np.broadcast_to(gap, (k, k, k))),
        (better - worse, others, first[:, None] - second[None]),
    ]
    mean = square = 0.0
    for share, weights, ratio in cases:
        if alpha is None:
            centre = np.einsum("icy,iy->ic", ratio, matrix)
            scatter = np.einsum("icy,iy->ic", ratio**2, matrix) - centre**2
        else:
            centre = (np.einsum("ici->ic", ratio) + alpha * ratio.mean(axis=2)) / (1 + alpha)
            scatter = alpha * ratio.var(axis=2) / (1 + alpha) ** 2
        mean += share * (weights * centre).sum() / k
        square += share * (weights * (centre**2 + scatter)).sum() / k
    return mean, max(0.0, square - mean**2)


@given(
    st.integers(2, 12),
    st.integers(0, 2**32),
    st.floats(-2, 2),
    st.sampled_from([None, 1, 3, 20]),
    st.floats(0.05, 1.0),
    st.floats(0.05, 0.95),
)
def test_sums_of_two_indices_are_those_of_three(k, seed, spread, alpha, better, part):
    matrix = np.random.default_rng(seed).dirichlet(np.full(k, 10.0**spread), size=k)
    if alpha is not None:
        matrix = (np.eye(k) + alpha / k) / (1 + alpha)
    found = compare(matrix, better=better, worse=part * better, alpha=alpha)
    expected = old_compare(matrix, better, part * better, alpha)
    assert (found.difference, found.spread**2) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_thousand_classes_fit_into_memory():
    matrix = known_transition("symmetric", num_classes=1000, noise_rate=0.4)
    tracemalloc.start()
    try:
        compare(matrix, better=0.95, worse=0.9)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * matrix.nbytes  # [K, K, K] would be a thousand of them


def differences(noise, *, num_images, gap, draws):
    random, found = np.random.default_rng(0), []
    for _ in range(draws):
        clean, luck = random.integers(K, size=num_images), random.random(num_images)
        wrong = (clean + random.integers(1, K, size=num_images)) % K
        noisy = corrupt(**noise, clean_labels=clean, num_classes=K, generator=random)
        better, worse = (np.where(luck < a, clean, wrong) for a in (0.95, 0.95 - gap))
        found.append(information(better, noisy, K).nats - information(worse, noisy, K).nats)
    return np.array(found)


@pytest.mark.parametrize(("num_images", "draws"), [(126, 200), (380, 200), (1000, 150)])
@all_noises
def test_the_difference_that_is_stated_is_seen_four_times_out_of_five(noise, num_images, draws):
    matrix = known_transition(**noise, num_classes=K)
    gap = least_visible_difference(matrix, num_images, alpha=noise.get("alpha"))
    assert gap is not None
    found = differences(noise, num_images=num_images, gap=gap, draws=draws)
    power = (found > Z_TEST * found.std(ddof=1)).mean()
    # The formula takes That for known, which at 126 images it is not.
    assert (0.55 if num_images == 126 else 0.68) < power < 0.92


@all_noises
def test_more_images_see_smaller_differences_and_more_noise_hides_larger_ones(noise):
    matrix, alpha = known_transition(**noise, num_classes=K), noise.get("alpha")
    seen = [least_visible_difference(matrix, n, alpha=alpha) for n in (380, 1000, 6000)]
    assert seen == sorted(seen, reverse=True)
    clean = [least_visible_difference(np.eye(K), n) for n in (380, 1000, 6000)]
    assert all(one < other for one, other in zip(clean, seen, strict=True))


def test_labels_that_are_noise_alone_see_nothing():
    assert least_visible_difference(np.full((K, K), 1 / K), 10**6) is None


def test_a_search_says_what_its_validation_set_cannot_see(digits):
    sentences = least_differences(read_search("symmetric"), digits)
    assert sentences
    for sentence in sentences:
        assert "validation examples cannot tell configurations apart that differ by" in sentence
    other = read_search("symmetric", {"objective": "val_accuracy_noisy"})
    assert least_differences(other, digits) == []
