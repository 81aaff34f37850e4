"""Equal inputs: found, counted, told, and on one side of every split, fold and cross-fitting."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.confusion import load_confusion_order
from tune_noise.data.duplicates import count_duplicates, duplicate_warnings
from tune_noise.data.splits import stratified_split, validation_size
from tune_noise.errors import DataError
from tune_noise.training.cross_fit import fold_of_examples
from tune_noise.training.data_problems import data_problems
from tune_noise.training.labelled_data import example_split, prepare


def repeated(dataset: Dataset, positions: np.ndarray) -> Dataset:
    """The training examples at some positions, which may come several times."""
    assert dataset.true_labels is not None
    return replace(
        dataset,
        train_inputs=dataset.train_inputs[positions],
        train_labels=dataset.train_labels[positions],
        true_labels=dataset.true_labels[positions],
    )


def twice(dataset: Dataset) -> Dataset:
    """Every training example twice, in any order."""
    number = len(dataset.train_labels)
    return repeated(dataset, np.random.default_rng(0).permutation(2 * number) % number)


def parts(dataset: Dataset, config: TrialConfig, count: int = 4) -> Iterator[np.ndarray]:
    """Training and validation, then the folds."""
    yield from example_split(dataset, config)
    folds = fold_of_examples(dataset, config, count=count)
    yield from (np.flatnonzero(folds == fold) for fold in range(1, count + 1))


def inputs_of(dataset: Dataset, part: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in dataset.train_inputs[part]}


@pytest.mark.parametrize("train_size", [None, 300])
def test_no_input_is_on_both_sides_of_a_split_or_in_two_folds(few_digits, train_size):
    dataset = twice(few_digits)
    config = TrialConfig(val_fraction=0.3, train_size=train_size)
    train, val, *folds = (inputs_of(dataset, part) for part in parts(dataset, config))
    assert not train & val
    assert sum(map(len, folds)) == len(set.union(*folds)) == len(train) + len(val)
    # A data set of which everything is there twice is split as one in which it is there once.
    assert len(val) == validation_size(len(few_digits.train_labels), 0.3)
    assert max(map(len, folds)) - min(map(len, folds)) <= 2


# What these were before equal inputs were looked for: recorded searches go on, figures stay.
@pytest.mark.parametrize(
    ("val_fraction", "train_size", "digest"),
    [
        (0.1, None, "63953574937c4d15"),
        (0.3, None, "3b9962fbf8be41e8"),
        (0.1, 600, "7688e29a0ea3cb38"),
        (0.3, 600, "e86262aa547f0a10"),
    ],
)
def test_data_without_equal_inputs_are_split_as_ever(digits, val_fraction, train_size, digest):
    config = TrialConfig(val_fraction=val_fraction, train_size=train_size)
    *split, _, _, _, _ = parts(digits, config)
    indices = [*split, fold_of_examples(digits, config, count=4)]
    content = b"".join(part.astype("<i8").tobytes() for part in indices)
    assert hashlib.sha256(content).hexdigest()[:16] == digest
    assert digits.fingerprint == "f3c54fbdaacb0c89"
    assert duplicate_warnings(digits) == []


@given(
    sizes=st.lists(st.integers(1, 5), min_size=24, max_size=60),
    val_fraction=st.sampled_from([0.2, 0.3, 0.5]),
    seed=st.integers(0, 2**32),
)
def test_any_copies_with_any_labels_stay_together(sizes, val_fraction, seed):
    random = np.random.default_rng(seed)
    input_of = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    _, first, inverse = np.unique(input_of, return_index=True, return_inverse=True)
    input_of = first[inverse]
    labels = random.integers(3, size=len(input_of))
    try:
        train, val = stratified_split(
            labels, val_fraction=val_fraction, seed=seed, input_of=input_of
        )
    except DataError:
        return  # a class of one input, by chance
    assert sorted([*train, *val]) == list(range(len(labels)))
    assert not set(input_of[train]) & set(input_of[val])
    assert len(set(input_of[val])) == validation_size(len(sizes), val_fraction)


def test_a_rare_label_that_only_copies_bear_is_on_both_sides():
    """Five people label each of 200 inputs; the third alone knows class 2, and sees it twice."""
    labels = np.tile(np.arange(200) % 2, 5).reshape(5, 200)
    labels[2, [50, 51]] = 2
    input_of = np.tile(np.arange(200), 5)
    train, val = stratified_split(labels.reshape(-1), val_fraction=0.5, seed=0, input_of=input_of)
    assert 2 in labels.reshape(-1)[train]
    assert 2 in labels.reshape(-1)[val]


def test_a_class_of_one_input_cannot_be_split():
    labels, input_of = np.array([0] * 10 + [1] * 4), np.array([*range(10), 10, 10, 10, 10])
    with pytest.raises(DataError, match=r"at least 2 different examples.*class 1 has 1 of the 11"):
        stratified_split(labels, val_fraction=0.5, seed=0, input_of=input_of)


def test_validation_judges_an_input_once(few_digits):
    """A copy would vouch for its own label where the objective leaves one example out."""
    config = TrialConfig(noise="given", val_fraction=0.3, model="perceptron")
    dataset = twice(few_digits)
    _, val = example_split(dataset, config)
    data = prepare(dataset, [config], device=torch.device("cpu"))
    assert data.val_noisy_labels.shape == (1, len(val) / 2, 1)
    assert len(data.val_inputs) == data.facts[0]["val_examples"] == len(val) / 2
    assert data.facts[0]["train_examples"] == len(dataset.train_labels) - len(val)


def test_counts_and_warnings(digits):
    positions = np.array([*range(600), *range(500), *range(400)])
    labels = digits.train_labels[positions].copy()
    labels[600:630] = (labels[600:630] + 1) % 10
    dataset = replace(
        repeated(digits, positions),
        train_labels=labels,
        test_inputs=np.concatenate([digits.test_inputs, digits.train_inputs[590:610]]),
        test_labels=np.concatenate([digits.test_labels, digits.train_labels[590:610]]),
    )
    assert count_duplicates(dataset) == {
        "repeated_examples": 900,
        "contradicted_inputs": 30,
        "left_out_of_training": 0,
        "test_examples_in_training": 10,
    }
    of_training, of_test = duplicate_warnings(dataset)
    assert "900 of 1,500 training examples" in of_training
    assert "30 inputs" in of_training
    assert "10 of 560 test examples" in of_test
    assert count_duplicates(replace(dataset, test_inputs=None, test_labels=None)) == {
        "repeated_examples": 900,
        "contradicted_inputs": 30,
        "left_out_of_training": 0,
        "test_examples_in_training": 0,
    }


def test_the_order_of_values_in_memory_does_not_matter(few_digits):
    turned = few_digits.train_inputs.transpose(3, 0, 1, 2).copy().transpose(1, 2, 3, 0)
    assert not turned.flags["C_CONTIGUOUS"]
    images = np.concatenate([few_digits.train_inputs, turned])
    np.testing.assert_array_equal(
        replace(twice(few_digits), train_inputs=images).input_of,
        np.tile(np.arange(len(turned)), 2),
    )


def test_the_largest_train_size_is_what_the_copies_in_validation_leave(few_digits):
    dataset = repeated(few_digits, np.array([*range(419), *[0] * 100]))
    train, _ = example_split(dataset, TrialConfig(val_fraction=0.3))
    config = TrialConfig(val_fraction=0.3, train_size=len(train))
    assert data_problems(config, dataset) == []
    assert len(example_split(dataset, config)[0]) == len(train)
    [problem] = data_problems(config.model_copy(update={"train_size": len(train) + 1}), dataset)
    assert f"take {len(train)} or fewer" in problem.message


def test_classes_resemble_each_other_as_without_copies(few_digits):
    np.testing.assert_array_equal(
        load_confusion_order(repeated(few_digits, np.tile(np.arange(419), 3)), data_dir=None),
        load_confusion_order(few_digits, data_dir=None),
    )


def test_the_fingerprint_tells_that_equal_inputs_stay_together(few_digits):
    """A search that split copies is another task: it is not resumed, compared or a champion."""
    arrays = twice(few_digits)
    digest = hashlib.sha256(b"num_classes=10")
    for role, array in arrays._arrays.items():
        digest.update(f"/{role}:{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    assert arrays.fingerprint != digest.hexdigest()[:16]


def test_an_input_of_a_given_validation_split_is_not_trained_on(few_digits):
    positions = np.array([*range(300), *range(280, 360), *range(340, 360)])
    dataset = replace(repeated(few_digits, positions), num_validation=100)
    config = TrialConfig()
    train, val, *folds = (inputs_of(dataset, part) for part in parts(dataset, config))
    assert len(train) == 280
    assert not train & val
    assert sum(map(len, folds)) == 280 + 80
    assert count_duplicates(dataset)["left_out_of_training"] == 20
    assert "20 training examples" in duplicate_warnings(dataset)[1]
    data = prepare(dataset, [config], device=torch.device("cpu"))
    assert len(data.val_inputs) == dataset.validation_size(config.val_fraction) == 80
