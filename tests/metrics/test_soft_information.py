"""Information of predicted probabilities, against the definition and against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.known import plain_information
from tune_noise.metrics.soft_information import soft_information, soft_information_error
from tune_noise.noise import dilute, flip, pair_flip, symmetric

K = 10


def slow_estimate(probabilities, noisy, num_classes):
    """The definition, one image after another."""
    terms = []
    for i in range(len(noisy)):
        table = [[0.5] * num_classes for _ in range(num_classes)]
        for j in range(len(noisy)):
            for label in noisy[j] if j != i else ():
                for k in range(num_classes):
                    table[k][label] += probabilities[j][k]
        for label in noisy[i]:
            likelihood = sum(
                p * row[label] / sum(row) for p, row in zip(probabilities[i], table, strict=True)
            )
            terms.append(math.log(likelihood))
    flat = [label for labels in noisy for label in labels]
    shares = [flat.count(label) / len(flat) for label in set(flat)]
    return sum(terms) / len(terms) - sum(share * math.log(share) for share in shares)


def probabilities_of(random, num_images, num_classes, scale=3.0):
    values = np.exp(scale * random.normal(size=(num_images, num_classes)))
    return values / values.sum(axis=1, keepdims=True)


@given(
    num_images=st.integers(2, 15),
    num_classes=st.integers(2, 4),
    copies=st.integers(1, 7),
    seed=st.integers(0, 2**32),
)
def test_it_equals_the_definition_derived_again_slowly(num_images, num_classes, copies, seed):
    random = np.random.default_rng(seed)
    probabilities = probabilities_of(random, num_images, num_classes)
    noisy = random.integers(num_classes, size=(num_images, copies))
    found = soft_information(probabilities, noisy)
    slow = slow_estimate(probabilities.tolist(), noisy.tolist(), num_classes)
    assert found == pytest.approx(slow, rel=1e-9, abs=1e-10)
    assert math.isfinite(soft_information_error(probabilities, noisy))


@given(seed=st.integers(0, 2**32), copies=st.integers(1, 4))
def test_of_predictions_without_a_doubt_it_is_the_hard_information(seed, copies):
    random = np.random.default_rng(seed)
    predicted = random.integers(4, size=30)
    noisy = random.integers(4, size=(30, copies))
    soft = soft_information(np.eye(4)[predicted], noisy)
    assert soft == pytest.approx(plain_information(predicted, noisy, 4), rel=1e-9)


@pytest.mark.parametrize("scale", [3.0, 0.0])
def test_predictions_that_know_nothing_are_not_rewarded(scale):
    random = np.random.default_rng(0)
    nats = [
        soft_information(probabilities_of(random, 126, K, scale), random.integers(K, size=(126, 1)))
        for _ in range(200)
    ]
    assert np.mean(nats) < 0.0


def drawn(random, noise, level, num_images):
    """Labels, and a network that knows how unsure it is."""
    clean = random.integers(K, size=num_images)
    logits = 1.5 * random.normal(size=(num_images, K))
    logits[np.arange(num_images), clean] += 4.0
    values = np.exp(logits)
    if noise == "dilution":
        noisy = dilute(clean, alpha=level, num_classes=K, generator=random)
    else:
        kind = symmetric if noise == "symmetric" else pair_flip
        noisy = flip(clean, kind(K, level), generator=random)
    return values / values.sum(axis=1, keepdims=True), noisy


@pytest.mark.parametrize(("num_images", "draws"), [(126, 600), (1000, 300)])
@pytest.mark.parametrize(
    ("noise", "level"),
    [("symmetric", 0.2), ("symmetric", 0.5), ("pair_flip", 0.45), ("dilution", 5)],
)
def test_its_error_is_the_spread_over_new_validation_sets_or_a_little_more(
    noise, level, num_images, draws
):
    random = np.random.default_rng(3)
    data = [drawn(random, noise, level, num_images) for _ in range(draws)]
    spread = np.std([soft_information(*each) for each in data], ddof=1)
    stated = math.sqrt(np.mean([soft_information_error(*each) ** 2 for each in data]))
    assert 0.9 - 2 / math.sqrt(2 * draws) < stated / spread < 1.25
