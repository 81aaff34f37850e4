import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from tune_noise.data.splits import nested_subset, stratified_split
from tune_noise.errors import DataError
from tune_noise.seeding import derive_seed

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


@given(
    counts=st.lists(st.integers(min_value=2, max_value=60), min_size=2, max_size=9),
    val_fraction=st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 0.55]),
    seed=seeds,
)
def test_a_split_is_that_of_scikit_learn(counts, val_fraction, seed):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    try:
        found = stratified_split(labels, val_fraction=val_fraction, seed=seed)
    except DataError:
        return  # scikit-learn would leave a class out
    num_val = round(val_fraction * len(labels))
    if num_val < len(counts):
        return  # scikit-learn refuses it
    expected = train_test_split(
        np.arange(len(labels)),
        test_size=num_val,
        stratify=labels,
        random_state=np.random.RandomState(np.random.MT19937(derive_seed(seed, "split"))),
    )
    for indices, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(indices, np.sort(wanted))


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
    with pytest.raises(DataError, match=r"at least 2 different examples.*class 7 has 1 of the 11"):
        stratified_split(np.array([0] * 10 + [7]), val_fraction=0.5, seed=0)


@pytest.mark.parametrize("val_fraction", [0.001, 0.98])
def test_a_fraction_that_leaves_nothing_to_train_or_to_validate_on_is_refused(val_fraction):
    with pytest.raises(DataError, match="at least one per class, 5"):
        stratified_split(np.arange(100) % 5, val_fraction=val_fraction, seed=0)


def test_a_class_too_small_for_its_share_trains_alone():
    labels = np.array([0] * 500 + [1] * 500 + [2] * 2)
    train, val = stratified_split(labels, val_fraction=0.1, seed=0)
    assert np.bincount(labels[train]).tolist() == [450, 450, 2]
    assert np.bincount(labels[val]).tolist() == [50, 50]


def test_a_class_without_a_training_example_is_named():
    labels = np.array([0] * 500 + [1] * 500 + [2] * 2)
    with pytest.raises(DataError, match="no training example of class owl of 2 examples"):
        stratified_split(labels, val_fraction=0.9, seed=0, class_names=("cat", "dog", "owl"))


def test_no_examples_at_all_are_refused():
    with pytest.raises(DataError, match="splits 0 examples"):
        stratified_split(np.array([], dtype=np.int64), val_fraction=0.5, seed=0)


# --- nested subsets


@given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=8),
    share=st.floats(0, 1),
    smaller=st.floats(0, 1),
    seed=st.integers(0, 2**40),
)
def test_a_larger_subset_holds_a_smaller_one_and_both_are_stratified(counts, share, smaller, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    indices = np.arange(len(labels))
    size = round(share * len(labels))
    large = nested_subset(labels, indices, size=size, seed=seed)
    small = nested_subset(labels, indices, size=round(smaller * size), seed=seed)
    assert len(large) == len(set(large)) == size
    assert np.array_equal(large, np.sort(large))
    assert set(small) <= set(large)
    taken = np.bincount(labels[large], minlength=len(counts))
    if size >= len(counts):
        assert taken.min() >= 1
    # Webster's method strays from the exact share by half an example per class and rounding.
    exact = size * np.array(counts) / len(labels)
    assert np.all(np.abs(taken - exact) <= 1 + len(counts))


@pytest.mark.parametrize("size", [10, 100, 250, 1000])
def test_classes_of_equal_size_have_equal_shares(size):
    labels = np.arange(1000) % 10
    taken = nested_subset(labels, np.arange(1000), size=size, seed=0)
    assert np.bincount(labels[taken]).tolist() == [size // 10] * 10


def test_a_subset_takes_only_of_what_it_is_given_and_moves_with_the_seed():
    labels = np.arange(300) % 3
    given = np.arange(1, 300, 2)
    first, again, other = (nested_subset(labels, given, size=60, seed=seed) for seed in (0, 0, 1))
    assert set(first) <= set(given)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(nested_subset(labels, given, size=150, seed=0), given)


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"size must be in \[0, 4\], got 5"):
        nested_subset(np.array([0, 0, 1, 1]), np.arange(4), size=5, seed=0)
