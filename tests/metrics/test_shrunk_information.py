"""Information with counts drawn towards one accuracy, against the definition and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.information_limits import class_noise, true_information
from tests.metrics.known import NOISES, K, known_transition, over
from tune_noise.metrics.information import information
from tune_noise.metrics.shrunk_information import (
    STRENGTHS,
    shrunk_information,
    shrunk_information_error,
)


def slow_estimate(predicted, noisy, num_classes):
    """The definition, one image after another."""
    flat = [label for labels in noisy for label in labels]
    shares = [flat.count(label) / len(flat) for label in set(flat)]
    means = []
    for strength in (num_classes * strength for strength in STRENGTHS):
        terms = []
        for i, (k, labels) in enumerate(zip(predicted, noisy, strict=True)):
            others = [(p, y) for j, p in enumerate(predicted) if j != i for y in noisy[j]]
            right = (sum(p == y for p, y in others) + 1) / (len(others) + 2)
            q = [
                (sum(y == c for _, y in others) + 0.5) / (len(others) + num_classes / 2)
                for c in range(num_classes)
            ]
            in_row = sum(p == k for p, _ in others)
            for label in labels:
                guess = right if label == k else (1 - right) * q[label] / (1 - q[k])
                count = sum((p, y) == (k, label) for p, y in others)
                terms.append(math.log((count + strength * guess) / (in_row + strength)))
        means.append(sum(terms) / len(terms))
    return max(means) - sum(share * math.log(share) for share in shares)


@given(
    num_images=st.integers(2, 12),
    num_classes=st.integers(2, 4),
    copies=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_it_equals_the_definition_derived_again_slowly(num_images, num_classes, copies, seed):
    random = np.random.default_rng(seed)
    predicted = random.integers(num_classes, size=num_images)
    noisy = random.integers(num_classes, size=(num_images, copies))
    value = shrunk_information(predicted, noisy, num_classes)
    slow = slow_estimate(predicted.tolist(), noisy.tolist(), num_classes)
    assert value == pytest.approx(slow, rel=1e-9, abs=1e-10)
    assert math.isfinite(shrunk_information_error(predicted, noisy, num_classes))


def test_a_class_for_all_tells_nothing_and_a_renaming_as_much_as_the_classes():
    random = np.random.default_rng(0)
    labels = random.integers(K, size=(2000, 1))
    assert shrunk_information(np.zeros(2000, np.int64), labels, K) == pytest.approx(0, abs=0.006)
    same, renamed = (shrunk_information((labels[:, 0] + shift) % K, labels, K) for shift in (0, 1))
    assert same == pytest.approx(math.log(K), abs=0.01)
    assert renamed == pytest.approx(same, abs=0.03)


@pytest.mark.parametrize("noise", ["symmetric 50 %", "pair flip 45 %"])
@pytest.mark.parametrize("images", [100, 300])
def test_it_is_nearer_the_truth_than_information_and_ranks_as_the_better_of_two(noise, images):
    sets = [class_noise(noise, K, images, seed) for seed in range(400)]
    gains, values = [], []
    for one in sets:
        noisy = one.noisy[:, None]
        shrunk = [shrunk_information(p, noisy, K) for p in (one.better, one.worse)]
        gains.append((shrunk[0] - shrunk[1], one.information_gain(), one.accuracy_gain()))
        values.append((shrunk[0], information(one.better, noisy, K).nats))
    of_shrunk, of_information = np.mean(values, axis=0)
    # Nothing that has not seen a label says more of it than there is to say.
    assert of_information - 0.01 < of_shrunk < true_information(noise, K)
    right = ((np.sign(gains) + 1) / 2).mean(axis=0)
    assert right[0] > max(right[1:]) - 0.05


@over(NOISES)
@pytest.mark.parametrize("num_images", [126, 1000])
def test_its_error_is_the_spread_over_new_validation_sets(noise, num_images):
    random, draws = np.random.default_rng(3), 300
    matrix = known_transition(num_classes=K, **noise)
    cumulative, copies = matrix.cumsum(axis=1), 1 + noise.get("alpha", 0)
    values, errors = [], []
    for draw in range(draws):
        true = random.integers(K, size=num_images)
        uniform = random.random((num_images, copies, 1))
        noisy = np.minimum((uniform >= cumulative[true][:, None]).sum(axis=2), K - 1)
        wrong = random.random(num_images) < 0.15
        predicted = np.where(wrong, random.integers(K, size=num_images), true)
        values.append(shrunk_information(predicted, noisy, K))
        if draw % 5 == 0:
            errors.append(shrunk_information_error(predicted, noisy, K) ** 2)
    assert 0.85 < math.sqrt(np.mean(errors)) / np.std(values, ddof=1) < 1.25
