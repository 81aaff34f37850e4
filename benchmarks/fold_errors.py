"""Is the standard error of an objective by folds right, though its networks share training data?

    python benchmarks/fold_errors.py [DRAWS]

Draws many data sets of one kind, trains two configurations on each with `val_folds: 5`, and
compares what each trial says of its own error with the spread of the objective over the data sets:
of `val_information_noisy` itself (its `_se`), and of the difference of the two configurations (the
jackknife by which a verdict judges labels that all seeds share). A ratio of 1 is right; below 1 the
trial claims too much. The last column tells how often a difference that is 0 in the mean over the
data sets lies outside its own 95 % interval: at most 5 is right.
"""

import sys
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training.noise_findings import GROUPS, noise_findings
from tune_noise.training.trial import Trial

COMMON: dict[str, Any] = {"noise": "symmetric", "noise_rate": 0.4, "val_folds": 5, "epochs": 8}
COMMON |= {"optimizer": "sgd", "lr": 0.02, "batch_size": 32, "last_epochs": 1}
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "perceptron, decay 0 and 0.1": (
        {"model": "perceptron"},
        {"model": "perceptron", "weight_decay": 0.1},
    ),
    "mlp1, standard and gce": ({"model": "mlp1"}, {"model": "mlp1", "method": "gce"}),
}
CLASSES, FEATURES = 4, 10


def draw(random: np.random.Generator, examples: int) -> Dataset:
    """Return overlapping classes: a perfect classifier is right in some four fifths."""
    labels = random.integers(CLASSES, size=examples)
    inputs = random.standard_normal((examples, FEATURES)) + 1.6 * np.eye(CLASSES, FEATURES)[labels]
    return Dataset(
        name="drawn",
        train_inputs=inputs.astype(np.float32),
        train_labels=labels.astype(np.int64),
        true_labels=None,
        test_inputs=None,
        test_labels=None,
        num_classes=CLASSES,
    )


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    torch.set_num_threads(1)
    for examples in (200, 500):
        for name, pair in PAIRS.items():
            random = np.random.default_rng(examples)
            rows = [measure(draw(random, examples), pair, seed) for seed in range(draws)]
            show(f"{examples} examples, {name}", np.array(rows))


def measure(
    data: Dataset, pair: tuple[dict[str, Any], dict[str, Any]], seed: int
) -> tuple[float, float, float, float]:
    """Return the first objective with its error, and the difference with its error."""
    values, errors, without = [], [], []
    for fields in pair:
        trial = Trial([TrialConfig(**COMMON, **fields, seed=seed, noise_seed=seed)], data)
        while not trial.finished:
            trial.train_epoch()
        last = trial.progress[0].epochs[-1]
        values.append(last["val_information_noisy"])
        errors.append(last["val_information_noisy_se"])
        without.append(np.array(noise_findings(trial, 0, data)["objective_without"]))
    difference = without[0] - without[1]
    error = np.sqrt((GROUPS - 1) / GROUPS * ((difference - difference.mean()) ** 2).sum())
    return values[0], errors[0], values[0] - values[1], float(error)


def show(name: str, rows: np.ndarray) -> None:
    value, error, difference, paired = rows.T
    centred = difference - difference.mean()
    outside = np.abs(centred) > student.ppf(0.975, GROUPS - 1) * paired
    print(
        f"{name}: stated error / spread {rms(error) / value.std(ddof=1):.2f} of the objective, "
        f"{rms(paired) / difference.std(ddof=1):.2f} of a difference; outside "
        f"{100 * outside.mean():.1f} %, n = {len(rows)}",
        flush=True,
    )


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


if __name__ == "__main__":
    main()
