"""The digits data set: small enough for a test, real enough for a first search."""

import numpy as np
import sklearn.datasets
from sklearn.model_selection import train_test_split

from tune_noise.data.dataset import Dataset

_TEST_SIZE = 540


def load_digits() -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, shipped with scikit-learn: no download.

    The test split of 540 is drawn once, stratified and independent of every seed, so all runs
    ever made are tested on the same images. Grey values 0..16 are scaled to 0..255.

    Returns:
        1257 training and 540 test images, uint8 [1, 8, 8], 10 classes.

    Reference:
        Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI repository;
        scikit-learn carries its test part.
    """
    digits = sklearn.datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, np.newaxis]
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=_TEST_SIZE, stratify=labels, random_state=0
    )
    train.sort()
    test.sort()
    return Dataset(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        true_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        num_classes=10,
    )
