"""Confusion matrices without empty cells, against scikit-learn's."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from tune_noise.noise import Confusion, count_confusion, mean_confusion


def dense(confusion):
    matrix = np.zeros((confusion.num_classes, confusion.num_classes))
    matrix[confusion.rows, confusion.columns] = confusion.counts
    return matrix


@given(
    num_images=st.integers(1, 30),
    networks=st.integers(1, 3),
    num_classes=st.integers(2, 5),
    seed=st.integers(0, 2**32),
)
def test_it_is_scikit_learns_in_the_mean_of_the_networks(num_images, networks, num_classes, seed):
    random = np.random.default_rng(seed)
    labels = random.integers(num_classes, size=num_images)
    predicted = random.integers(num_classes, size=(networks, num_images))
    confusion = count_confusion(labels[:, None], predicted, num_classes)
    matrices = [confusion_matrix(labels, row, labels=range(num_classes)) for row in predicted]
    np.testing.assert_allclose(dense(confusion), np.mean(matrices, axis=0))
    np.testing.assert_allclose(confusion.images, np.bincount(labels, minlength=num_classes))
    np.testing.assert_allclose(confusion.right, np.mean([np.diag(m) for m in matrices], axis=0))
    np.testing.assert_allclose(confusion.predictions, dense(confusion).sum(axis=0))
    again = Confusion.from_plain(json.loads(json.dumps(confusion.to_plain())))
    np.testing.assert_array_equal(dense(again), dense(confusion))


def test_an_image_counts_once_for_each_class_that_its_labels_name():
    labels = np.array([[0, 0, 1], [2, 2, 2]])
    confusion = count_confusion(labels, np.array([[0, 1]]), 3)
    np.testing.assert_array_equal(dense(confusion), [[1, 0, 0], [1, 0, 0], [0, 1, 0]])


def test_the_mean_of_several_has_the_cells_of_all():
    one = count_confusion(np.array([[0], [1]]), np.array([[0, 0]]), 2)
    other = count_confusion(np.array([[0], [1]]), np.array([[0, 1]]), 2)
    np.testing.assert_array_equal(dense(mean_confusion([one, other])), [[1, 0], [0.5, 0.5]])


def test_ten_thousand_classes_take_memory_for_what_occurs_alone():
    labels = np.arange(10_000)[:, None]
    confusion = count_confusion(labels, labels.T, 10_000)
    assert len(confusion.cells) == 10_000
    assert len(json.dumps(confusion.to_plain())) < 250_000
