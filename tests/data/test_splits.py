import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.data.splits import stratified_split
from tune_noise.errors import DataError

seeds = st.integers(min_value=-(2**70), max_value=2**70)


@given(
    counts=st.lists(st.integers(min_value=10, max_value=60), min_size=2, max_size=6),
    val_fraction=st.floats(min_value=0.2, max_value=0.8),
    seed=seeds,
)
def test_a_split_is_disjoint_complete_sorted_and_stratified(counts, val_fraction, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    train, val = stratified_split(labels, val_fraction=val_fraction, seed=seed)
    assert train.dtype == val.dtype == np.int64
    assert np.all(np.diff(train) > 0)
    assert np.all(np.diff(val) > 0)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, val])), np.arange(len(labels)))
    assert len(val) == round(val_fraction * len(labels))
    proportional = np.array(counts) * len(val) / len(labels)
    assert np.all(np.abs(np.bincount(labels[val]) - proportional) < 1)


def test_the_seed_decides_the_split_and_the_global_generator_does_not():
    labels = np.arange(100) % 5
    np.random.seed(1)  # noqa: NPY002
    first = stratified_split(labels, val_fraction=0.2, seed=7)[1]
    np.random.seed(2)  # noqa: NPY002
    again = stratified_split(labels, val_fraction=0.2, seed=7)[1]
    other = stratified_split(labels, val_fraction=0.2, seed=8)[1]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("val_fraction", [0.0, 1.0, -0.1, 20, float("nan")])
def test_a_val_fraction_outside_0_to_1_is_refused(val_fraction):
    with pytest.raises(ValueError, match="fraction in"):
        stratified_split(np.arange(100) % 5, val_fraction=val_fraction, seed=0)


def test_a_class_with_one_example_is_named():
    with pytest.raises(DataError, match=r"at least 2 examples.*class 7 has 1 of the 11"):
        stratified_split(np.array([0] * 10 + [7]), val_fraction=0.5, seed=0)


@pytest.mark.parametrize("val_fraction", [0.02, 0.98])
def test_a_fraction_that_leaves_less_than_one_example_per_class_is_refused(val_fraction):
    with pytest.raises(DataError, match="at least one per class, 5"):
        stratified_split(np.arange(100) % 5, val_fraction=val_fraction, seed=0)


def test_a_class_too_small_for_its_share_is_named():
    labels = np.array([0] * 500 + [1] * 500 + [2] * 2)
    with pytest.raises(DataError, match="no validation example of class 2 of 2 examples"):
        stratified_split(labels, val_fraction=0.1, seed=0)


def test_no_examples_at_all_are_refused():
    with pytest.raises(DataError, match="splits 0 examples"):
        stratified_split(np.array([], dtype=np.int64), val_fraction=0.5, seed=0)
