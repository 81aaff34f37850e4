"""Which classes of a data set resemble each other, found by a classifier trained here."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tune_noise.data.dataset import Dataset, kind_of
from tune_noise.data.splits import nested_subset

MAX_EXAMPLES = 10_000
NUM_FOLDS = 5
# Images are averaged down to so many pixels a side: enough to tell what classes look like.
_MAX_SIDE = 16
_SEED = 0
# Probabilities nearer than this are equal, so that rounding on another machine decides no rank.
_DECIMALS = 9
# Fingerprint of the data set -> its confusion order.
_ORDERS: dict[str, np.ndarray] = {}


def load_confusion_order(dataset: Dataset, *, data_dir: Path | None) -> np.ndarray:
    """Return the confusion order of a data set, int64 [K, K - 1]; it is computed once.

    Args:
        dataset: whose classes are ordered, by its true labels where it names any.
        data_dir: not used; every reader of material takes it.
    """
    plain = replace(dataset, extras={}) if dataset.extras else dataset
    if plain.fingerprint not in _ORDERS:
        _ORDERS[plain.fingerprint] = confusion_order(
            dataset.train_inputs,
            dataset.clean_labels,
            num_classes=dataset.num_classes,
            among=np.unique(dataset.input_of),
        )
    return _ORDERS[plain.fingerprint]


def confusion_order(
    inputs: np.ndarray, labels: np.ndarray, *, num_classes: int, among: np.ndarray | None = None
) -> np.ndarray:
    """Return the wrong classes of each class, the most often confused first.

    The classifier is linear discriminant analysis with shrinkage, on at most 10,000 examples; each
    is judged by one that was trained on the four fifths without it. Classes are ranked by the mean
    probability that they are given; equal ones by their number. Nothing in it is random but which
    examples are taken, and that is fixed.

    Args:
        inputs: uint8 [N, C, H, W] or float32 [N, D].
        labels: int64 [N], in [0, K).
        num_classes: K.
        among: int64, the examples that count, no two of them of equal inputs; None: all.

    Returns:
        int64 [K, K - 1].
    """
    among = np.arange(len(labels)) if among is None else among
    taken = nested_subset(labels, among, size=min(MAX_EXAMPLES, len(among)), seed=_SEED)
    mean = mean_probabilities(_features(inputs[taken]), labels[taken], num_classes=num_classes)
    np.fill_diagonal(mean, np.inf)
    return np.argsort(-mean.round(_DECIMALS), axis=1, kind="stable")[:, 1:].astype(np.int64)


def mean_probabilities(features: np.ndarray, labels: np.ndarray, *, num_classes: int) -> np.ndarray:
    """Return the mean cross-fitted probability of each class by true class, float64 [K, K].

    A class without examples has a row of zeros.
    """
    place = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = np.arange(len(members))
    sums = np.zeros((num_classes, num_classes))
    for fold in range(NUM_FOLDS):
        held_out = place % NUM_FOLDS == fold
        if (~held_out).sum() <= num_classes or not held_out.any():
            continue  # too few examples to train on, or none to judge
        classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        with warnings.catch_warnings():
            # A class of two examples is trained on one of them, whose spread is that of a point.
            warnings.filterwarnings("ignore", message="Only one sample available")
            classifier.fit(features[~held_out], labels[~held_out])
        probabilities = np.zeros((int(held_out.sum()), num_classes))
        probabilities[:, classifier.classes_] = classifier.predict_proba(features[held_out])
        np.add.at(sums, labels[held_out], probabilities)
    counts = np.bincount(labels, minlength=num_classes)
    return np.asarray(sums / np.maximum(counts, 1)[:, None])


def _features(inputs: np.ndarray) -> np.ndarray:
    """Return features, float64 [N, D]; of pictures means over blocks of pixels.

    A partial block at the border is left out.
    """
    if kind_of(inputs) == "features":
        return inputs.astype(np.float64)
    number, channels, height, width = inputs.shape
    step = -(-max(height, width) // _MAX_SIDE)
    rows, columns = max(1, height // step), max(1, width // step)
    tall, wide = min(step, height), min(step, width)
    cut = inputs[:, :, : rows * tall, : columns * wide]
    blocks = cut.reshape(number, channels, rows, tall, columns, wide)
    return np.asarray(blocks.mean(axis=(3, 5), dtype=np.float64).reshape(number, -1))
