from dataclasses import replace

import numpy as np
import pytest

from tune_noise.config.data_source import DataSource
from tune_noise.data.own_data import make_dataset
from tune_noise.data.sources.raw import RawData, RawSplit
from tune_noise.errors import DataError

SOURCE = DataSource(train="data.csv")


def words(*names):
    return np.array(names, dtype=object)


def features(count, *, start=0):
    return np.arange(start, start + 3 * count, dtype=np.float32).reshape(count, 3)


@pytest.fixture
def raw():
    train = RawSplit(features(6), words("b", "a", "b", "a", "b", "a"), ids=np.array(list("uvwxyz")))
    test = RawSplit(features(2, start=90), words("a", "b"), ids=np.array(["s", "t"]))
    return RawData("data.csv", "features", train=train, test=test, class_names=("a", "b"))


def made(raw, val_fraction=0.34):
    return make_dataset(raw, SOURCE, val_fraction=val_fraction)


def with_labels(raw, *labels, **more):
    return replace(raw, train=replace(raw.train, labels=words(*labels), **more))


def test_words_become_class_numbers_and_arrays_are_not_copied(raw):
    dataset = made(raw)
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert dataset.test_labels.tolist() == [0, 1]
    assert (dataset.num_classes, dataset.class_names) == (2, ("a", "b"))
    assert np.shares_memory(dataset.train_inputs, raw.train.inputs)
    assert np.shares_memory(dataset.test_inputs, raw.test.inputs)
    assert dataset.train_ids.tolist() == list("uvwxyz")
    assert dataset.true_labels is None
    assert dataset.num_validation is None


def test_examples_without_a_label_are_kept_apart_with_their_ids(raw):
    raw = with_labels(raw, "b", None, "b", "a", None, "a")
    test = replace(raw.test, labels=words(None, "b"))
    dataset = made(replace(raw, test=test))
    assert dataset.train_ids.tolist() == ["u", "w", "x", "z"]
    assert dataset.unlabelled_ids.tolist() == ["v", "y", "s"]
    assert dataset.unlabelled_inputs[:, 0].tolist() == [3.0, 12.0, 90.0]
    assert dataset.test_ids.tolist() == ["t"]


def test_a_test_split_without_labels_is_predicted_at_the_end(raw):
    dataset = made(replace(raw, test=replace(raw.test, labels=None)))
    assert dataset.test_inputs is None
    assert dataset.unlabelled_ids.tolist() == ["s", "t"]


def test_a_given_validation_split_stands_last(raw):
    validation = RawSplit(features(2, start=50), words("b", "a"), ids=np.array(["p", "q"]))
    dataset = made(replace(raw, validation=validation))
    assert dataset.num_validation == 2
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0, 1, 0]
    assert dataset.train_ids.tolist() == [*"uvwxyz", "p", "q"]
    assert dataset.train_inputs[-2:, 0].tolist() == [50.0, 53.0]


def test_true_labels_count_where_all_are_known_and_test_labels_are_the_true_ones(raw):
    truth = words("a", "a", "b", "a", "b", "a")
    known = with_labels(raw, *raw.train.labels, true_labels=truth)
    test = replace(raw.test, true_labels=words("b", "b"))
    dataset = made(replace(known, test=test))
    assert dataset.true_labels.tolist() == [0, 0, 1, 0, 1, 0]
    assert dataset.test_labels.tolist() == [1, 1]
    truth[3] = None
    dataset = made(known)
    assert dataset.true_labels is None
    assert "1 of 6 training examples have no true label" in dataset.warnings[0]


def test_all_problems_of_the_classes_are_told_at_once(raw):
    validation = RawSplit(features(1), words("c"))
    test = replace(raw.test, labels=words("d", "a"))
    raw = replace(raw, validation=validation, test=test, class_names=("a", "b", "c"))
    truth = words("a", "e", "b", "a", "b", "a")
    raw = replace(raw, train=replace(raw.train, true_labels=truth))
    with pytest.raises(DataError) as caught:
        made(raw)
    text = str(caught.value)
    assert "data.csv has 3 problems" in text
    assert "classes without a training example: 'c'" in text
    assert "labels of test" in text
    assert "'d'" in text
    assert "true labels of train" in text
    assert "'e'" in text


def test_one_class_is_no_choice(raw):
    with pytest.raises(DataError, match="at least 2 are needed"):
        made(replace(with_labels(raw, *"aaaaaa"), class_names=("a",), test=None))


def test_several_annotators_label_by_majority_and_validation_labels_are_one_more(raw):
    answers = np.array([[1, 1, 0], [0, -1, -1], [-1] * 3, [0, 1, 1], [-1, 0, 0], [1, -1, -1]])
    validation = RawSplit(features(2, start=60), words("a", None), ids=np.array(["p", "q"]))
    dataset = made(
        replace(
            raw,
            train=replace(raw.train, labels=None),
            validation=validation,
            answers=answers,
            annotators=np.array(["ann", "bob", "cy"]),
        )
    )
    assert dataset.train_ids.tolist() == ["u", "v", "x", "y", "z", "p"]
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert dataset.num_validation == 1
    assert dataset.unlabelled_ids.tolist() == ["w", "q"]
    assert dataset.annotators == ("ann", "bob", "cy", "validation labels")
    kept = [0, 1, 3, 4, 5]
    assert dataset.answers.tolist() == [[*answers[i], -1] for i in kept] + [[-1, -1, -1, 0]]
