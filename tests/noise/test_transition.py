import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.noise import asymmetric, check_transition_matrix, pair_flip, symmetric

num_classes_ = st.integers(min_value=2, max_value=120)
noise_rates = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
both = pytest.mark.parametrize("matrix_of", [symmetric, pair_flip])


@both
@given(num_classes=num_classes_, noise_rate=noise_rates)
def test_every_row_sums_to_1_and_every_class_is_wrong_at_the_requested_rate(
    matrix_of, num_classes, noise_rate
):
    matrix = matrix_of(num_classes, noise_rate)
    assert matrix.shape == (num_classes, num_classes)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(1.0 - np.diag(matrix), noise_rate, atol=1e-15)
    check_transition_matrix(matrix)


@given(num_classes=num_classes_, noise_rate=noise_rates)
def test_symmetric_noise_spares_no_other_class_and_prefers_none(num_classes, noise_rate):
    matrix = symmetric(num_classes, noise_rate)
    off_diagonal = matrix[~np.eye(num_classes, dtype=bool)]
    # Co-teaching's definition: the true class is excluded, so K - 1 classes share the rate.
    np.testing.assert_allclose(off_diagonal, noise_rate / (num_classes - 1), rtol=1e-12)


def test_pair_flip_goes_to_the_next_class_and_from_the_last_to_the_first():
    expected = [
        [0.55, 0.45, 0.0, 0.0],
        [0.0, 0.55, 0.45, 0.0],
        [0.0, 0.0, 0.55, 0.45],
        [0.45, 0.0, 0.0, 0.55],
    ]
    np.testing.assert_allclose(pair_flip(4, 0.45), expected, rtol=1e-15)


def test_the_two_kinds_agree_where_there_is_only_one_other_class():
    np.testing.assert_array_equal(symmetric(2, 0.3), pair_flip(2, 0.3))


@both
@pytest.mark.parametrize("noise_rate", [-0.1, 1.0, 45, float("nan")])
def test_a_rate_that_is_no_fraction_is_refused(matrix_of, noise_rate):
    with pytest.raises(ValueError, match=r"fraction in \[0, 1\), got"):
        matrix_of(10, noise_rate)


@both
@pytest.mark.parametrize("num_classes", [-1, 0, 1])
def test_fewer_than_two_classes_are_refused(matrix_of, num_classes):
    with pytest.raises(ValueError, match=f"at least 2, got {num_classes}"):
        matrix_of(num_classes, 0.2)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones(4) / 4, "square"),
        (np.full((2, 3), 1 / 3), "square"),
        (np.ones((1, 1)), "at least 2 x 2"),
        (np.array([[1.5, -0.5], [0.0, 1.0]]), "not negative"),
        (np.array([[np.nan, 1.0], [0.0, 1.0]]), "finite"),
        (np.array([[1.0, 0.0], [0.5, 0.4]]), "row 1 .* sums to 0.9"),
    ],
)
def test_what_is_no_transition_matrix_is_named(matrix, message):
    with pytest.raises(ValueError, match=message):
        check_transition_matrix(matrix)


def test_asymmetric_noise_flips_the_named_classes_alone():
    # The usual map of MNIST: 7 to 1, 2 to 7, 5 and 6 to each other, 3 to 8.
    expected = np.eye(10)
    for source, target in ((7, 1), (2, 7), (5, 6), (6, 5), (3, 8)):
        expected[source, source], expected[source, target] = 0.6, 0.4
    found = asymmetric(10, 0.4, class_map={7: 1, 2: 7, 5: 6, 6: 5, 3: 8})
    np.testing.assert_allclose(found, expected)
    check_transition_matrix(found)
    # The rate is that of the flipped classes: over all it is half of it.
    assert 1 - np.diag(found).mean() == pytest.approx(0.2)


def test_a_map_of_every_class_to_the_next_is_pair_flip():
    found = asymmetric(7, 0.3, class_map={i: (i + 1) % 7 for i in range(7)})
    np.testing.assert_allclose(found, pair_flip(7, 0.3))


@pytest.mark.parametrize("class_map", [{0: 0}, {0: 3}, {3: 0}, {-1: 0}])
def test_a_map_to_itself_or_out_of_the_classes_is_refused(class_map):
    with pytest.raises(ValueError, match=r"class_map flips a class of \[0, 3\)"):
        asymmetric(3, 0.2, class_map=class_map)


@pytest.mark.parametrize("noise_rate", [-0.1, 1.0, 45])
def test_a_rate_of_flipped_classes_is_a_fraction_too(noise_rate):
    with pytest.raises(ValueError, match=r"fraction in \[0, 1\), got"):
        asymmetric(3, noise_rate, class_map={0: 1})
