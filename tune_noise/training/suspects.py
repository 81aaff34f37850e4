"""Every judged example with how suspicious its label is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tune_noise.config.declared import noise
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.aggregation import agreement
from tune_noise.metrics.suspicion import (
    THRESHOLD,
    Suspicion,
    detection,
    estimated_transition,
    likeliest_classes,
    matched,
    sharpened,
    suspicion,
)
from tune_noise.training.cross_fit import Fold, fold_of_examples, gather, learned_examples
from tune_noise.training.known_noise import noisy_labels, true_labels

# A table of more is no list that a person reads, and dilution can make a hundred copies of all.
MAX_EXAMPLES = 1_000_000
# Examples times classes: the predictions are in memory together, several times.
MAX_PREDICTIONS = 200_000_000
# Classes of each example whose chances are kept.
MAX_CHANCES = 10


@dataclass(frozen=True)
class Suspects:
    """All examples, the most suspicious first; arrays of the same length.

    Attributes:
        examples: int64, position of the example in the training set.
        copies: int64, which label of its example, from 0.
        given_labels: int64.
        predicted_labels: int64, the likeliest class by the input alone.
        probabilities: float64 in [0, 1], that the label is wrong.
        classes: int64 [N, C], the true classes that are likeliest given input and labels.
        chances: float32 [N, C], their probabilities.
        folds: int64 from 1, the training that did not learn the example; 0 where it did.
        true_labels: int64; None where the truth is unknown.
        facts: how many examples and suspects there are, and, where the truth is known, how many
            labels are wrong and how well they were found (`metrics.suspicion.detection`). Of
            several annotators also `annotators`: of each the counts behind agreement and accuracy.
    """

    examples: np.ndarray
    copies: np.ndarray
    given_labels: np.ndarray
    predicted_labels: np.ndarray
    probabilities: np.ndarray
    classes: np.ndarray
    chances: np.ndarray
    folds: np.ndarray
    true_labels: np.ndarray | None
    facts: dict[str, Any]

    @property
    def flagged(self) -> np.ndarray:
        """Which labels are more likely wrong than right, bool."""
        return self.probabilities > THRESHOLD


def suspects_problem(config: TrialConfig, dataset: Dataset) -> str | None:
    """Return why wrong labels cannot be looked for; None if they can."""
    if noise(config.noise).adds_images:
        return f"under {config.noise} noise it is the image that is wrong, not its label"
    examples = len(dataset.train_labels) * config.labels_per_image
    if examples > MAX_EXAMPLES:
        return f"{examples:,} labels are more than the {MAX_EXAMPLES:,} that a table may have"
    inputs, classes = len(dataset.train_labels), dataset.num_classes
    if inputs * classes > MAX_PREDICTIONS:
        return (
            f"{inputs:,} inputs times {classes:,} classes are {inputs * classes:,} predictions, "
            f"more than the {MAX_PREDICTIONS:,} that can be judged together"
        )
    return None


def judge(found: Mapping[Fold, np.ndarray], dataset: Dataset) -> Suspects:
    """Rank the examples by what networks predict that did not learn them, or had yet to.

    Predictions of what is being learnt are too sure, and agree with its labels too often. So the
    noise is estimated from the other examples, and the suspicions of the learnt ones get the
    distribution of theirs: which examples validate is random.

    Args:
        found: every fold of one cross-fitting -> what `train_fold` returned.
        dataset: what was trained on.
    """
    first = next(iter(found))
    config = first.config
    images, probabilities = gather(found, dataset)
    labels = noisy_labels(dataset, config)[images]
    num_copies = labels.shape[1]
    is_learned = learned_examples(first, dataset)[images]
    # A validation split that the data came with may have been labelled with more care.
    judges = ~is_learned if dataset.num_validation is None else np.ones_like(is_learned)
    transition = estimated_transition(probabilities[judges], labels[judges])
    sharp, log_odds = np.empty_like(probabilities), np.empty(labels.shape)
    for part in filter(np.any, (~is_learned, is_learned)):
        sharp[part] = sharpened(probabilities[part], labels[part], transition)
        # One label per image at a time: under dilution all at once would take much memory.
        for copy, column in enumerate(labels[part].T):
            log_odds[part, copy] = suspicion(sharp[part], column, transition).log_odds
    if is_learned.any() and dataset.num_validation is None:
        log_odds[is_learned] = matched(log_odds[is_learned], log_odds[~is_learned])
    all_found = Suspicion(log_odds.reshape(-1))
    classes, chances = likeliest_classes(sharp, labels, transition, most=MAX_CHANCES)
    order = all_found.order
    image_of, copy_of = order // num_copies, order % num_copies
    truth = true_labels(dataset, config.noise)
    folds = fold_of_examples(dataset, config, count=first.count)[images]
    folds[is_learned] = 0
    wrong = None if truth is None else (labels != truth[images][:, None]).reshape(-1)
    return Suspects(
        examples=images[image_of],
        copies=copy_of,
        given_labels=labels.reshape(-1)[order],
        predicted_labels=probabilities.argmax(axis=1)[image_of],
        probabilities=all_found.probabilities[order],
        classes=classes[image_of],
        chances=chances[image_of],
        folds=folds[image_of],
        true_labels=None if truth is None else truth[images][image_of],
        facts=_facts(all_found, wrong)
        | _annotators(dataset, images[~is_learned], probabilities[~is_learned].argmax(axis=1)),
    )


def _annotators(dataset: Dataset, images: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Return, for each annotator of these images, how often answers agree with others and networks.

    Args:
        dataset: with or without answers of several annotators.
        images: int64 [N], in order.
        predicted: int64 [N], the classes that networks which did not learn them predict.
    """
    if dataset.answers is None or dataset.annotators is None:
        return {}
    answers = dataset.answers[images]
    columns = {
        "answers": (answers >= 0).sum(axis=0),
        "as_predicted": (answers == predicted[:, None]).sum(axis=0),
    }
    columns["agreed"], columns["chances"] = agreement(answers)
    rows = [
        {"name": name} | {key: int(column[w]) for key, column in columns.items()}
        for w, name in enumerate(dataset.annotators)
    ]
    return {"annotators": [row for row in rows if row["answers"]]}


def _facts(suspicion: Suspicion, wrong: np.ndarray | None) -> dict[str, float]:
    facts: dict[str, float] = {
        "examples": len(suspicion.log_odds),
        "suspects": int((suspicion.probabilities > THRESHOLD).sum()),
    }
    if wrong is None:
        return facts
    return facts | {"wrong_labels": int(wrong.sum())} | detection(suspicion, wrong)
