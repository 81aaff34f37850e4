"""CROWDLAB: a consensus of annotators and of a classifier, each weighed by its agreement.

Goh et al. 2022, arXiv:2210.06812, as in the authors' cleanlab: the chance of a class is the
weighted mean of what the classifier says, out of sample, and of what each answer says, which is the
share of answers that agree with the majority at its class, and the rest spread over the others. An
annotator's weight is 1 - (disagreement with other annotators) / (error of always naming the
commonest class), the classifier's likewise by its error, times the square root of the mean number
of answers. All shares are of the examples with several answers.

Ties of the majority are broken as `majority` does it (there by the classifier). The classifier is a
logistic regression on the inputs, standardised, in five folds that keep equal inputs together; its
penalty is the better of two by out-of-sample likelihood of the majority.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tune_noise.data.aggregation import NO_ANSWER, agreement, majority
from tune_noise.errors import DataError

if TYPE_CHECKING:
    from tune_noise.data.dataset import Dataset

LEAST = 1e-6
FOLDS = 5
# Of the loss beside the penalty.
WEIGHTS = (1e-3, 1e-1)


def crowdlab(dataset: "Dataset", *, data_dir: Path | None = None) -> np.ndarray:
    """Return the class of each item that has the largest chance, int64 [N]; -1 without an answer.

    Raises:
        DataError: no item has several answers, or too few have answers for five folds.
    """
    assert dataset.answers is not None
    labels = majority(dataset.answers)
    answered = np.flatnonzero(labels != NO_ANSWER)
    answers = dataset.answers[answered]
    if not ((answers != NO_ANSWER).sum(axis=1) > 1).any():
        raise DataError(
            "crowdlab weighs annotators by each other, and no example has several answers: use "
            "majority"
        )
    chances = consensus(
        answers, labels[answered], _out_of_sample(dataset, answered, labels[answered])
    )
    labels[answered] = chances.round(9).argmax(axis=1)
    return labels


def consensus(answers: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the chance of each class, float64 [N, K].

    Args:
        answers: int64 [N, W], -1 where there is none; each item has one at least.
        labels: int64 [N], of the majority.
        predicted: float64 [N, K], of a classifier that did not learn the item.
    """
    num_classes = predicted.shape[1]
    given = answers != NO_ANSWER
    number = given.sum(axis=1)
    several = number > 1
    agreeing = (answers == labels[:, None]).sum(axis=1)[several] / number[several]
    right = agreeing.mean()
    commonest = np.bincount(labels[several], minlength=num_classes).argmax()
    naive_error = max(LEAST, (labels[several] != commonest).mean())
    agreed, asked = agreement(answers)
    trust = np.full(answers.shape[1], np.nan)
    np.divide(agreed, asked, out=trust, where=asked > 0)
    # Who shares no example with others is trusted like the others on average.
    trust = np.where(asked > 0, trust, np.nanmean(trust))
    weights = np.maximum(LEAST, 1.0 - (1.0 - trust) / naive_error)
    error = (predicted.argmax(axis=1) != labels)[several].mean()
    weight = max(LEAST, 1.0 - error / naive_error) * np.sqrt(number.mean())
    total = weight * predicted
    for annotator, own in enumerate(weights):
        items = np.flatnonzero(given[:, annotator])
        total[items] += own * (1.0 - right) / (num_classes - 1)
        total[items, answers[items, annotator]] += own * (right - (1.0 - right) / (num_classes - 1))
    return np.asarray(total / (weight + given @ weights)[:, None])


def _out_of_sample(dataset: "Dataset", items: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what classifiers that did not learn an item predict for it, float64 [N, K]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    inputs = dataset.train_inputs[items].reshape(len(items), -1).astype(np.float32)
    groups = dataset.input_of[items]
    if len(np.unique(groups)) < FOLDS:
        raise DataError(f"crowdlab needs at least {FOLDS} different examples with an answer")
    folds = list(
        StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(inputs, labels, groups)
    )
    choices = []
    with threadpool_limits(1):
        for weight in WEIGHTS:
            predicted = np.full((len(items), dataset.num_classes), LEAST)
            for train, held_out in folds:
                model = make_pipeline(StandardScaler(), LogisticRegression(C=weight))
                model.fit(inputs[train], labels[train])
                columns = np.ix_(held_out, model.classes_)
                predicted[columns] = model.predict_proba(inputs[held_out])
            choices.append(predicted / predicted.sum(axis=1, keepdims=True))
    rows = np.arange(len(items))
    return max(choices, key=lambda chances: float(np.log(chances[rows, labels]).mean()))
