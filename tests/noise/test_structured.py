import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.noise import (
    dilution_matrix,
    random_order,
    structure_fault,
    structured,
    structured_matrix,
)


def cyclic_order(num_classes):
    """After its own class the next one, and so on round."""
    classes = np.arange(num_classes)
    return (classes[:, None] + classes[1:]) % num_classes


def second_derivation(alpha, delta, order):
    """From the paper's words, cell by cell, without the closed form.

    Of 1 + alpha labels one is the true class; the others have it with probability 1 / K. The
    likeliest wrong class stands delta of the way from chance up to the true one, the unlikeliest
    as far below chance, and those between on a straight line.
    """
    num_classes = len(order)
    matrix = np.zeros((num_classes, num_classes))
    chance = alpha / (num_classes * (1 + alpha))
    true_share = 1 / (1 + alpha) + chance
    for i in range(num_classes):
        matrix[i, i] = true_share
        top = chance + delta * (true_share - chance)
        bottom = 2 * chance - top
        for position, j in enumerate(order[i]):
            matrix[i, j] = top + (bottom - top) * position / (num_classes - 2)
    return matrix


@given(
    num_classes=st.integers(3, 40),
    delta=st.floats(0, 1),
    more=st.integers(0, 100),
    seed=st.integers(0, 99),
)
def test_the_matrix_is_that_of_a_second_derivation(num_classes, delta, more, seed):
    alpha = int(np.ceil(delta * num_classes)) + more
    order = random_order(num_classes, np.random.default_rng(seed))
    found = structured_matrix(alpha, delta=delta, order=order)
    np.testing.assert_allclose(found, second_derivation(alpha, delta, order), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    assert found.min() >= 0.0


@pytest.mark.parametrize("alpha", [0, 1, 20])
def test_without_delta_it_is_dilution(alpha):
    found = structured_matrix(alpha, delta=0.0, order=cyclic_order(10))
    np.testing.assert_allclose(found, dilution_matrix(10, alpha), rtol=1e-12)


def test_dilution_keeps_the_share_of_the_closed_form():
    np.testing.assert_allclose(np.diag(dilution_matrix(10, 20)), 1 / 21 + 20 / 210)


def test_at_delta_1_the_likeliest_wrong_class_is_as_frequent_as_the_true_one():
    found = structured_matrix(10, delta=1.0, order=cyclic_order(10))
    for i in range(10):
        assert found[i, (i + 1) % 10] == pytest.approx(found[i, i])
        # alpha = delta K: the unlikeliest never occurs.
        assert found[i, (i - 1) % 10] == pytest.approx(0.0, abs=1e-15)


def test_clean_and_drawn_labels_together_have_the_matrix_s_shares():
    order = cyclic_order(5)
    clean = np.arange(50_000, dtype=np.int64) % 5
    noisy = structured(clean, alpha=6, delta=0.8, order=order, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(noisy[:, 0], clean)
    expected = structured_matrix(6, delta=0.8, order=order)
    for i in range(5):
        shares = np.bincount(noisy[clean == i].ravel(), minlength=5) / (10_000 * 7)
        error = np.sqrt(expected[i] * (1 - expected[i]) / (10_000 * 7))
        assert np.all(np.abs(shares - expected[i]) <= 5 * error)


@pytest.mark.parametrize(
    ("num_classes", "alpha", "delta", "words"),
    [
        (10, 9, 1.0, "raise alpha to 10, or lower delta to 0.9"),
        (10, 0, 0.1, "raise alpha to 1, or lower delta to 0"),
        (3, 1, 0.5, r"raise alpha to 2, or lower delta to 0.333"),
        (2, 5, 0.5, "of 2 classes only one is wrong"),
        (10, 20, 1.5, r"delta must be in \[0, 1\]"),
    ],
)
def test_what_cannot_be_says_how_it_could(num_classes, alpha, delta, words):
    with pytest.raises(ValueError, match=words):
        structured_matrix(alpha, delta=delta, order=cyclic_order(num_classes))


@given(num_classes=st.integers(3, 200), alpha=st.integers(0, 300), delta=st.floats(0, 1))
def test_the_way_out_leads_out(num_classes, alpha, delta):
    fault = structure_fault(num_classes, alpha=alpha, delta=delta)
    if fault is None:
        assert structured_matrix(alpha, delta=delta, order=cyclic_order(num_classes)).min() >= 0.0
        return
    more = int(fault.split("raise alpha to ")[1].split(",")[0])
    less = float(fault.split("lower delta to ")[1])
    assert structure_fault(num_classes, alpha=more, delta=delta) is None
    assert structure_fault(num_classes, alpha=alpha, delta=less) is None


def test_two_classes_have_dilution_alone():
    order = np.array([[1], [0]])
    found = structured_matrix(3, delta=0.0, order=order)
    np.testing.assert_allclose(found, dilution_matrix(2, 3))


def test_a_random_order_holds_every_wrong_class_once_and_is_fixed_by_its_generator():
    first, again, other = (random_order(20, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    for i, row in enumerate(first):
        assert sorted([i, *row]) == list(range(20))
    assert len({tuple(np.argsort(np.delete(row, 0))) for row in first}) > 1


@pytest.mark.parametrize(
    "order", [[[1], [1]], [[1, 1], [0, 2], [0, 1]], [[1, 2, 0]], [1, 0], [[1, 2], [0, 2], [0, 2]]]
)
def test_what_is_no_order_is_refused(order):
    with pytest.raises(ValueError, match="confusion order"):
        structured_matrix(20, delta=0.0, order=np.array(order))
