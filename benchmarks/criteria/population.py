"""Many configurations on one draw of noisy labels: what each predicts of examples it did not learn.

Simple models of scikit-learn, and networks trained by `tune_noise.training.Trial` after few and
after all epochs. Each is trained five times, without another fifth of the examples each time.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.training.labelled_data import example_folds
from tune_noise.training.trial import Trial

FOLDS = 5
EPOCHS = (4, 14)

UNIT, STANDARD = Normalizer, StandardScaler
SIMPLE: dict[str, Any] = {
    "mean unit": lambda: make_pipeline(UNIT(), NearestCentroid()),
    "mean standard": lambda: make_pipeline(STANDARD(), NearestCentroid()),
    **{
        f"nearest {k}": lambda k=k: make_pipeline(UNIT(), KNeighborsClassifier(k))
        for k in (3, 10, 25, 50)
    },
    **{
        f"logistic unit {c}": lambda c=c: make_pipeline(UNIT(), LogisticRegression(C=c))
        for c in (0.3, 3.0, 30.0, 300.0)
    },
    **{
        f"logistic standard {c}": lambda c=c: make_pipeline(STANDARD(), LogisticRegression(C=c))
        for c in (1e-4, 1e-2, 1.0)
    },
    **{
        f"forest {leaf}": lambda leaf=leaf: ExtraTreesClassifier(
            50, min_samples_leaf=leaf, random_state=0
        )
        for leaf in (1, 15)
    },
}
_NETWORK: dict[str, Any] = {
    **{"noise": "given", "optimizer": "sgd", "lr_schedule": "linear", "batch_size": 128},
    **{"class_balance": "equal", "epochs": EPOCHS[-1], "last_epochs": 1, "val_folds": FOLDS},
}
# The configurations of a stack differ in one field.
STACKS: list[tuple[dict[str, Any], str, tuple[float, float]]] = [
    ({"model": "perceptron", "weight_decay": 3.0}, "lr", (0.002, 0.008)),
    ({"model": "perceptron", "weight_decay": 0.1}, "lr", (0.002, 0.015)),
    ({"model": "mlp1"}, "lr", (0.004, 0.03)),
    (
        {"model": "perceptron", "method": "elr", "weight_decay": 1.0, "lr": 0.005},
        "elr_lambda",
        (3.0, 7.0),
    ),
    ({"model": "mlp1", "method": "elr", "lr": 0.008}, "elr_lambda", (3.0, 7.0)),
    ({"model": "mlp1", "method": "co_teaching", "lr": 0.008}, "tau", (0.2, 0.4)),
    ({"model": "mlp1", "method": "gce", "lr": 0.015}, "gce_q", (0.4, 0.8)),
]


@dataclass(frozen=True)
class Problem:
    """A data set with noisy labels, whose truth is known.

    Attributes:
        name: of the data.
        inputs: float32 [N, D].
        labels: int64 [N], noisy.
        truth: int64 [N].
        test_inputs: float32 [M, D].
        test_labels: int64 [M], true.
        num_classes: K.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray
    num_classes: int


@dataclass(frozen=True)
class Population:
    """What C configurations predict.

    Attributes:
        names: of the configurations.
        probabilities: float16 [C, N, K], of each example by the model that did not learn it.
        by_fold: int8 [C, FOLDS, N], the class by each fold's model, of learnt examples too.
        fold_of: int8 [N], which model did not learn the example.
        test_accuracy: float64 [C], of the models of the folds, their probabilities averaged.
        labels: int64 [N], noisy.
        truth: int64 [N].
    """

    names: np.ndarray
    probabilities: np.ndarray
    by_fold: np.ndarray
    fold_of: np.ndarray
    test_accuracy: np.ndarray
    labels: np.ndarray
    truth: np.ndarray


def as_dataset(problem: Problem) -> Dataset:
    """Return the noisy examples as the given ones, and the test split."""
    return Dataset(
        name=problem.name,
        train_inputs=problem.inputs,
        train_labels=problem.labels,
        true_labels=None,
        test_inputs=problem.test_inputs,
        test_labels=problem.test_labels,
        num_classes=problem.num_classes,
    )


def make_population(problem: Problem, seed: int) -> Population:
    """Train all configurations on all folds.

    Args:
        problem: what is learnt.
        seed: of all training. The folds follow from the order of the examples.
    """
    dataset = as_dataset(problem)
    splits = example_folds(dataset, TrialConfig(**_NETWORK))
    fold_of = np.empty(len(problem.labels), dtype=np.int8)
    for fold, (_, held_out) in enumerate(splits):
        fold_of[held_out] = fold
    rows = dict(_simple_models(problem, splits))
    for shared, field, values in STACKS:
        configs = [TrialConfig(**_NETWORK, **shared, **{field: v}, seed=seed) for v in values]
        words = " ".join(str(v) for v in shared.values())
        names = [f"{words} {field} {value}" for value in values]
        rows |= _trained(Trial(configs, dataset), names)
    learnt = [by_fold for by_fold, _ in rows.values()]
    every = np.arange(len(problem.labels))
    return Population(
        names=np.array(list(rows)),
        probabilities=np.array([p[fold_of, every] for p in learnt], dtype=np.float16),
        by_fold=np.array([p.argmax(axis=2) for p in learnt], dtype=np.int8),
        fold_of=fold_of,
        test_accuracy=np.array(
            [(t.argmax(axis=1) == problem.test_labels).mean() for _, t in rows.values()]
        ),
        labels=problem.labels,
        truth=problem.truth,
    )


# Probabilities of all examples by the model of each fold, [FOLDS, N, K], and of the test examples
# by all of them together, [M, K].
Predictions = tuple[np.ndarray, np.ndarray]


def _simple_models(
    problem: Problem, splits: list[tuple[np.ndarray, np.ndarray]]
) -> Iterator[tuple[str, Predictions]]:
    inputs = np.concatenate([problem.inputs, problem.test_inputs])
    number = len(problem.labels)
    for name, make_model in SIMPLE.items():
        probabilities = np.zeros((FOLDS, len(inputs), problem.num_classes))
        for row, (train, _) in zip(probabilities, splits, strict=True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an optimizer that did not converge
                model = make_model().fit(problem.inputs[train], problem.labels[train])
            row[:, model.classes_] = model.predict_proba(inputs)
        yield name, (probabilities[:, :number], probabilities[:, number:].mean(axis=0))


def _trained(trial: Trial, names: list[str]) -> Iterator[tuple[str, Predictions]]:
    while not trial.finished:
        trial.train_epoch()
        if trial.epoch not in EPOCHS:
            continue
        learnt, test = (
            predict_logits(trial.network, inputs)
            .softmax(dim=2)
            .view(len(names), FOLDS, trial.networks, len(inputs), -1)
            .mean(dim=2)
            .numpy()
            for inputs in (trial.data.train_inputs, trial.data.test_inputs)
        )
        for r, name in enumerate(names):
            yield f"{name} epoch {trial.epoch}", (learnt[r], test[r].mean(axis=0))
