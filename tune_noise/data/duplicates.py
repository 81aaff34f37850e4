"""Equal inputs in a data set: how many there are, and what that does to the figures.

A copy in training and another in validation would let a network that learns labels by heart pass
for a good one. So equal inputs stay together in every split and fold, and people are told.
"""

import numpy as np

from tune_noise.data.dataset import Dataset


def count_duplicates(dataset: Dataset) -> dict[str, int]:
    """Return counts of equal inputs.

    Returns:
        `repeated_examples`: training examples whose input an earlier one has;
        `contradicted_inputs`: inputs that bear different labels among the training examples;
        `left_out_of_training`: training examples whose input a given validation split has, too;
        `test_examples_in_training`: test examples whose input is a training example's, too.
    """
    inputs, classes, total = dataset.input_of, dataset.num_classes, len(dataset.train_labels)
    pairs = np.unique(inputs * classes + dataset.train_labels)
    _, labels_of_input = np.unique(pairs // classes, return_counts=True)
    train, val = np.split(inputs, [total - (dataset.num_validation or 0)])
    return {
        "repeated_examples": total - dataset.num_inputs,
        "contradicted_inputs": int((labels_of_input > 1).sum()),
        "left_out_of_training": int(np.isin(train, val).sum()),
        "test_examples_in_training": int((dataset.test_input_of < total).sum()),
    }


def data_warnings(dataset: Dataset) -> list[str]:
    """Return all that is odd in the data, a sentence each: what a reader has told, and copies."""
    return [*dataset.warnings, *duplicate_warnings(dataset)]


def duplicate_warnings(dataset: Dataset) -> list[str]:
    """Return a sentence for each kind of copies that there are."""
    counts, sentences = count_duplicates(dataset), []
    if repeated := counts["repeated_examples"]:
        sentences.append(
            f"{repeated:,} of {len(dataset.train_labels):,} training examples have the same input "
            f"as an earlier one, and {counts['contradicted_inputs']:,} inputs have copies with "
            "different labels; copies stay together in every split and fold, and validation "
            "counts each input once, by its first label; remove copies that are not meant"
        )
    if left_out := counts["left_out_of_training"]:
        sentences.append(
            f"{left_out:,} training examples have the same input as an example of the given "
            "validation split and are not trained on; remove them from one of the two splits"
        )
    if tested := counts["test_examples_in_training"]:
        sentences.append(
            f"{tested:,} of {len(dataset.test_input_of):,} test examples have the same input as a "
            "training example; for these the test accuracy measures what was learnt by heart, so "
            "it says less about new inputs; remove them from one of the two sets"
        )
    return sentences
