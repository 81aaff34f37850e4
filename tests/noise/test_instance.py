import math

import numpy as np
import pytest

from tune_noise.noise import instance_dependent, instance_probabilities

IMAGES = np.random.default_rng(0).integers(0, 256, (4000, 1, 4, 4), dtype=np.uint8)
CLEAN = np.arange(4000, dtype=np.int64) % 5


def probabilities(noise_rate, *, images=IMAGES, clean=CLEAN, seed=0):
    return instance_probabilities(
        clean,
        images,
        num_classes=5,
        noise_rate=noise_rate,
        generator=np.random.default_rng(seed),
    )


def truncated_mean(mean, sd=0.1):
    """Of a normal distribution cut to [0, 1]: the textbook's formula, from the error function."""

    def density(x):
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    def below(x):
        return (1 + math.erf(x / math.sqrt(2))) / 2

    low, high = (0 - mean) / sd, (1 - mean) / sd
    return mean + sd * (density(low) - density(high)) / (below(high) - below(low))


@pytest.mark.parametrize("noise_rate", [0.05, 0.1, 0.2, 0.4, 0.6, 0.95])
def test_the_flip_rates_have_the_mean_of_the_truncated_normal(noise_rate):
    rates = 1 - probabilities(noise_rate)[np.arange(4000), CLEAN]
    assert rates.min() >= 0.0
    assert rates.max() <= 1.0
    assert rates.mean() == pytest.approx(truncated_mean(noise_rate), abs=5 * 0.1 / np.sqrt(4000))


def test_the_docstring_s_means_are_right():
    assert truncated_mean(0.1) == pytest.approx(0.129, abs=5e-4)
    assert truncated_mean(0.2) == pytest.approx(0.206, abs=5e-4)


def test_every_row_is_the_papers_formula_for_its_image():
    """Algorithm 2 of Xia et al. as it is written, one image after the other."""
    generator = np.random.default_rng(7)
    rates = generator.normal(0.5, 0.1, len(CLEAN))  # five standard deviations from being cut
    assert rates.min() > 0.0
    assert rates.max() < 1.0
    projections = [generator.standard_normal((16, 5)) for _ in range(5)]
    found = probabilities(0.5, seed=7)
    for n in range(0, 4000, 97):
        scores = (IMAGES[n].ravel() / 255) @ projections[CLEAN[n]]
        scores[CLEAN[n]] = -np.inf
        share = np.exp(scores) / np.exp(scores).sum()
        expected = rates[n] * share
        expected[CLEAN[n]] += 1 - rates[n]
        np.testing.assert_allclose(found[n], expected, rtol=1e-9)


def test_rows_are_distributions():
    found = probabilities(0.4)
    assert found.min() >= 0.0
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)


def test_alike_images_of_a_class_share_their_wrong_labels_and_others_do_not():
    twins = IMAGES.copy()
    twins[5] = twins[0]  # both of class 0
    found = probabilities(0.4, images=twins)

    def wrong(n):
        return found[n, 1:] / found[n, 1:].sum()

    np.testing.assert_allclose(wrong(0), wrong(5), rtol=1e-9)
    assert not np.allclose(wrong(0), wrong(10), rtol=1e-3)


def test_a_rate_of_0_is_no_noise():
    noisy = instance_dependent(
        CLEAN, IMAGES, num_classes=5, noise_rate=0.0, generator=np.random.default_rng(0)
    )
    np.testing.assert_array_equal(noisy[:, 0], CLEAN)


def test_images_larger_than_a_block_are_projected_whole():
    generator = np.random.default_rng(3)
    images = generator.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    clean = np.zeros(20, dtype=np.int64)
    found = probabilities(0.5, images=images, clean=clean, seed=1)
    # The last pixel has its say.
    changed = images.copy()
    changed[:, -1, -1, -1] ^= 255
    assert not np.allclose(found, probabilities(0.5, images=changed, clean=clean, seed=1))


def test_labels_are_drawn_with_the_rows_probabilities():
    generator = np.random.default_rng(2)
    uniform = generator.random(len(CLEAN))
    given = {"num_classes": 5, "noise_rate": 0.4}
    rows = instance_probabilities(CLEAN, IMAGES, generator=generator, **given)
    expected = [
        np.searchsorted(np.cumsum(row), u, "right") for row, u in zip(rows, uniform, strict=True)
    ]
    noisy = instance_dependent(CLEAN, IMAGES, generator=np.random.default_rng(2), **given)
    np.testing.assert_array_equal(noisy[:, 0], expected)
