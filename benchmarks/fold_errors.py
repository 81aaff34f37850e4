"""Is the standard error of an objective by folds right, though its networks share training data?

    python benchmarks/fold_errors.py [DRAWS]

Draws many data sets of one kind, trains two configurations on each with `val_folds: 5`, and
compares what each trial says of its own error with the spread of the objective over the data sets:
of `val_information_noisy` itself (its `_se`), and of the difference of the two configurations (the
jackknife by which a verdict judges labels that all seeds share). A ratio of 1 is right; below 1 the
trial claims too much.

"Given the networks" says why: there `_se` is compared with what new examples in place of those held
out do to the objective of the same five networks. The rest of the spread is that other training
data make other networks. The last column tells how often a difference that is 0 in the mean over
the data sets lies outside its own 95 % interval: at most 5 is right. The same is shown for three
tenths held out.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import t as student

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.metrics.evaluation import predict_logits, validation_metrics
from tune_noise.noise.corruption import flip
from tune_noise.noise.transition import symmetric
from tune_noise.training.noise_findings import GROUPS, noise_findings
from tune_noise.training.trial import Trial

OBJECTIVE = "val_information_noisy"
NOISE_RATE = 0.4
SPLITS: dict[str, dict[str, Any]] = {
    "five folds": {"val_folds": 5},
    "three tenths held out": {"val_fraction": 0.3},
}
COMMON: dict[str, Any] = {"noise": "symmetric", "noise_rate": NOISE_RATE, "epochs": 8}
COMMON |= {"optimizer": "sgd", "lr": 0.02, "batch_size": 32, "last_epochs": 1}
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "perceptron, weight decay 0 and 0.1": (
        {"model": "perceptron"},
        {"model": "perceptron", "weight_decay": 0.1},
    ),
    "mlp1, standard and gce": ({"model": "mlp1"}, {"model": "mlp1", "method": "gce"}),
}
CLASSES, FEATURES = 4, 10


class Measured(NamedTuple):
    """Of one data set: the first objective, the same on new examples, and the difference."""

    value: float
    error: float
    afresh: float
    difference: float
    error_of_difference: float


def draw(random: np.random.Generator, examples: int) -> Dataset:
    """Return overlapping classes: a perfect classifier is right in some four fifths."""
    labels = random.integers(CLASSES, size=(2, examples))
    noise = random.standard_normal((2, examples, FEATURES))
    inputs = (noise + 1.6 * np.eye(CLASSES, FEATURES)[labels]).astype(np.float32)
    return Dataset(
        name="drawn",
        train_inputs=inputs[0],
        train_labels=labels[0],
        true_labels=None,
        test_inputs=inputs[1],
        test_labels=labels[1],
        num_classes=CLASSES,
    )


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    torch.set_num_threads(1)
    columns = ["examples", "split", "configurations", "stated / true, of the objective"]
    columns += ["given the networks", "of a difference of two", "outside its interval (%)"]
    print(f"n = {draws} data sets in each row\n\n| {' | '.join(columns)} |")
    print(f"|{' -- |' * len(columns)}")
    for examples in (200, 500):
        for split, fields in SPLITS.items():
            for name, pair in PAIRS.items():
                random = np.random.default_rng(examples)
                rows = [measure(random, examples, fields, pair, seed) for seed in range(draws)]
                cells = [str(examples), split, name, *ratios(Measured(*np.array(rows).T))]
                print(f"| {' | '.join(cells)} |", flush=True)


def measure(
    random: np.random.Generator,
    examples: int,
    split: dict[str, Any],
    pair: tuple[dict[str, Any], dict[str, Any]],
    seed: int,
) -> Measured:
    """Draw a data set and train the pair on it."""
    data = draw(random, examples)
    values, errors, without, afresh = [], [], [], []
    for fields in pair:
        config = TrialConfig(**COMMON, **split, **fields, seed=seed, noise_seed=seed)
        trial = Trial([config], data)
        while not trial.finished:
            trial.train_epoch()
        last = trial.progress[0].epochs[-1]
        values.append(last[OBJECTIVE])
        errors.append(last[f"{OBJECTIVE}_se"])
        without.append(np.array(noise_findings(trial, 0, data)["objective_without"]))
        afresh.append(judge_afresh(trial, data, random))
    difference = without[0] - without[1]
    error = np.sqrt((GROUPS - 1) / GROUPS * ((difference - difference.mean()) ** 2).sum())
    return Measured(values[0], errors[0], afresh[0], values[0] - values[1], float(error))


def judge_afresh(trial: Trial, data: Dataset, random: np.random.Generator) -> float:
    """Return the objective on new examples in place of those that each network held out."""
    by_network = predict_logits(trial.network, trial.data.test_inputs)
    places = np.cumsum([0, *map(len, trial.data.val_folds)])
    parts = [
        logits[first:last]
        for logits, first, last in zip(by_network, places[:-1], places[1:], strict=True)
    ]
    truth = data.test_labels[: places[-1]]
    noisy = flip(truth, symmetric(CLASSES, NOISE_RATE), generator=random)
    metrics = validation_metrics(torch.cat(parts)[None], torch.from_numpy(noisy))
    return metrics[OBJECTIVE]


def ratios(rows: Measured) -> list[str]:
    """Return the stated errors over the true ones, and how often an interval misses."""
    centred = rows.difference - rows.difference.mean()
    outside = np.abs(centred) > student.ppf(0.975, GROUPS - 1) * rows.error_of_difference
    given_networks = (rows.value - rows.afresh).std(ddof=1) / np.sqrt(2.0)
    compared = (
        rms(rows.error) / rows.value.std(ddof=1),
        rms(rows.error) / given_networks,
        rms(rows.error_of_difference) / rows.difference.std(ddof=1),
    )
    return [*(f"{ratio:.2f}" for ratio in compared), f"{100 * outside.mean():.1f}"]


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


if __name__ == "__main__":
    main()
