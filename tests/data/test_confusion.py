import numpy as np
import pytest

from tune_noise.data import load_dataset
from tune_noise.data.confusion import confusion_order, mean_probabilities


def points(count, *, seed=0):
    """Classes on a line at 0, 1, 3 and 7: the nearer, the more alike."""
    labels = np.arange(count) % 4
    centres = np.array([0.0, 1.0, 3.0, 7.0])
    noise = np.random.default_rng(seed).normal(0, 1, (count, 2))
    return np.column_stack([centres[labels], np.zeros(count)]) + noise, labels


def images_of(features):
    """The features as two pixels of an image."""
    values = np.clip(128 + 12 * features, 0, 255).astype(np.uint8)
    return values.reshape(len(values), 1, 1, 2)


def test_classes_are_ranked_by_how_near_they_are():
    features, labels = points(4000)
    found = confusion_order(images_of(features), labels, num_classes=4)
    np.testing.assert_array_equal(found, [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0]])


def test_the_probabilities_are_those_of_the_model_that_made_the_data():
    features, labels = points(40_000)
    found = mean_probabilities(features, labels, num_classes=4)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    # Bayes: equal classes, normal noise of variance 1.
    logits = -((features[:, :1] - np.array([0.0, 1.0, 3.0, 7.0])) ** 2) / 2
    bayes = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.stack([bayes[labels == k].mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_it_is_deterministic_and_no_class_is_left_out(digits):
    first, again = (
        confusion_order(digits.train_inputs, digits.train_labels, num_classes=10) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    for i, row in enumerate(first):
        assert sorted([i, *row]) == list(range(10))
    # A ring is the last thing that a stroke is taken for.
    assert first[1, -1] == 0


@pytest.mark.parametrize("counts", [(2, 2), (2, 2, 2, 2), (3, 500), (2, 300, 300)])
def test_small_and_rare_classes_are_ranked_too(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 1, 4, 4), dtype=np.uint8)
    found = confusion_order(images, labels, num_classes=len(counts))
    for i, row in enumerate(found):
        assert sorted([i, *row]) == list(range(len(counts)))


def test_constant_images_rank_by_number():
    labels = np.arange(300) % 3
    found = confusion_order(np.zeros((300, 1, 4, 4), np.uint8), labels, num_classes=3)
    np.testing.assert_array_equal(found, [[1, 2], [0, 2], [0, 1]])


@pytest.mark.parametrize("shape", [(3, 40, 17), (1, 1, 64), (1, 16, 16), (3, 33, 33)])
def test_images_of_any_size_are_averaged_down(shape):
    labels = np.arange(60) % 3
    images = np.random.default_rng(0).integers(0, 256, (60, *shape), dtype=np.uint8)
    images[labels == 1] //= 2
    assert confusion_order(images, labels, num_classes=3).shape == (3, 2)


def test_cifar_10_is_confused_as_people_confuse_it(shared_data_dir):
    cifar10 = load_dataset("cifar10", data_dir=shared_data_dir)
    found = confusion_order(cifar10.train_inputs, cifar10.train_labels, num_classes=10)
    # cat and dog, automobile and truck, ship and airplane
    pairs = {(3, 5), (5, 3), (1, 9), (9, 1), (8, 0), (0, 8)}
    assert {(i, int(found[i, 0])) for i in (0, 1, 3, 5, 8, 9)} == pairs


def test_mnist_takes_4_for_9_and_back(shared_data_dir):
    mnist = load_dataset("mnist", data_dir=shared_data_dir)
    found = confusion_order(mnist.train_inputs, mnist.train_labels, num_classes=10)
    assert found[4, 0] == 9
    assert 4 in found[9, :2]
