import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.noise import dilute, flip, pair_flip, realised_noise_rate, symmetric


def labels_of(num_examples, num_classes=10):
    return np.arange(num_examples, dtype=np.int64) % num_classes


def within_binomial_error(measured, probability, draws, deviations=5.0):
    error = np.sqrt(probability * (1 - probability) / draws)
    return np.all(np.abs(measured - probability) <= deviations * error + 1e-12)


@pytest.mark.parametrize("matrix", [symmetric(10, 0.5), pair_flip(10, 0.45)])
def test_every_cell_of_the_realised_matrix_is_within_binomial_error(matrix):
    clean = labels_of(100_000)
    noisy = flip(clean, matrix, generator=np.random.default_rng(0))[:, 0]
    counts = np.zeros((10, 10))
    np.add.at(counts, (clean, noisy), 1)
    assert within_binomial_error(counts / 10_000, matrix, 10_000)
    assert np.all(counts[matrix == 0] == 0)


def test_a_flip_follows_any_transition_matrix():
    matrix = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    noisy = flip(labels_of(30, 3), matrix, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(noisy[:, 0], (labels_of(30, 3) + 1) % 3)


@given(st.integers(0, 2**32), st.integers(2, 9), st.floats(-2, 1))
def test_a_label_is_the_first_whose_cumulated_share_is_above_its_uniform_number(seed, k, spread):
    random = np.random.default_rng(seed)
    matrix = random.dirichlet(np.full(k, 10.0**spread), size=k)
    clean = random.integers(k, size=50)
    noisy = flip(clean, matrix, generator=np.random.default_rng(seed))[:, 0]
    uniform = np.random.default_rng(seed).random(50)
    shares = [np.append(np.cumsum(matrix[y])[:-1], 1.0) for y in clean]
    assert noisy.tolist() == [np.argmax(row > u) for row, u in zip(shares, uniform, strict=True)]


def test_flipping_many_examples_of_many_classes_makes_no_row_for_each_of_them():
    matrix, clean = symmetric(500, 0.4), labels_of(50_000, 500)
    tracemalloc.start()
    try:
        flip(clean, matrix, generator=np.random.default_rng(0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6  # [N, K] would be 200 MB


@given(num_examples=st.integers(1, 300), more=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_the_flip_of_an_example_depends_on_its_index_and_the_seed_alone(num_examples, more, seed):
    matrix = symmetric(10, 0.5)
    few = flip(labels_of(num_examples), matrix, generator=np.random.default_rng(seed))
    many = flip(labels_of(num_examples + more), matrix, generator=np.random.default_rng(seed))
    np.testing.assert_array_equal(few, many[:num_examples])
    # Another class elsewhere changes nothing here: one number is drawn for each example.
    other = labels_of(num_examples + more)
    other[num_examples:] = 0
    changed = flip(other, matrix, generator=np.random.default_rng(seed))
    np.testing.assert_array_equal(few, changed[:num_examples])


@pytest.mark.parametrize("alpha", [1, 5, 20, 100])
def test_under_dilution_the_share_of_true_labels_is_the_formulas(alpha):
    clean = labels_of(4000)
    noisy = dilute(clean, alpha=alpha, num_classes=10, generator=np.random.default_rng(1))
    drawn = noisy[:, 1:]
    assert within_binomial_error((drawn == clean[:, None]).mean(), 0.1, drawn.size)
    # 1 / (1 + alpha) + alpha / ((1 + alpha) K); only the alpha drawn copies are random.
    share = 1 / (1 + alpha) + alpha / ((1 + alpha) * 10)
    error = alpha / (1 + alpha) * np.sqrt(0.09 / drawn.size)
    assert abs(1 - realised_noise_rate(noisy, clean) - share) < 5 * error


def test_the_share_of_true_labels_is_the_references_at_alpha_20_and_100():
    shares = [1 / (1 + alpha) + alpha / ((1 + alpha) * 10) for alpha in (20, 100)]
    np.testing.assert_allclose(shares, [0.143, 0.109], atol=5e-4)


def test_dilution_draws_every_class_equally_often_whatever_the_true_one():
    clean = labels_of(5000)
    drawn = dilute(clean, alpha=20, num_classes=10, generator=np.random.default_rng(2))[:, 1:]
    for true_class in range(10):
        shares = np.bincount(drawn[clean == true_class].ravel(), minlength=10) / 10_000
        assert within_binomial_error(shares, 0.1, 10_000)


@given(alpha=st.integers(0, 30), more=st.integers(0, 30), seed=st.integers(0, 2**32))
def test_a_larger_alpha_extends_the_draws_of_a_smaller_one(alpha, more, seed):
    few, many = (
        dilute(labels_of(50), alpha=a, num_classes=10, generator=np.random.default_rng(seed))
        for a in (alpha, alpha + more)
    )
    np.testing.assert_array_equal(few, many[:, : alpha + 1])


@pytest.mark.parametrize("labels", [[0, 10], [-1, 3]])
def test_a_label_outside_the_classes_is_refused(labels):
    clean = np.array(labels, dtype=np.int64)
    with pytest.raises(ValueError, match=rf"\[0, 10\), got {min(labels)}..{max(labels)}"):
        flip(clean, symmetric(10, 0.2), generator=np.random.default_rng(0))
    with pytest.raises(ValueError, match=rf"\[0, 10\), got {min(labels)}..{max(labels)}"):
        dilute(clean, alpha=1, num_classes=10, generator=np.random.default_rng(0))


def test_a_negative_alpha_is_refused():
    with pytest.raises(ValueError, match="alpha must be at least 0, got -1"):
        dilute(labels_of(10), alpha=-1, num_classes=10, generator=np.random.default_rng(0))


def test_a_flip_refuses_what_is_no_transition_matrix():
    with pytest.raises(ValueError, match="sums to"):
        flip(labels_of(10, 2), np.full((2, 2), 0.4), generator=np.random.default_rng(0))


def test_the_realised_rate_counts_wrong_labels_not_copies():
    # A copy that drew the true class is right: 2 wrong labels of 6.
    noisy = np.array([[0, 0, 1], [1, 1, 0]])
    assert realised_noise_rate(noisy, np.array([0, 1])) == pytest.approx(2 / 6)


def test_a_label_about_no_class_is_wrong_whatever_it_is():
    noisy = np.array([[0, 0, 1], [1, 1, 0]])
    truth = np.array([[0, -1, -1], [1, -1, 1]])
    assert realised_noise_rate(noisy, truth) == pytest.approx(4 / 6)
