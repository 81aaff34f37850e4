"""What each objective chooses where classes differ in size: clean balanced test accuracy.

    python benchmarks/balanced_objective.py simulated
    python benchmarks/balanced_objective.py mnist --data-dir data --shrink 4 --ratio 50
        --noise symmetric --noise-rate 0.3

`simulated` trains nothing: in each repeat twenty classifiers, whose recall falls with the size of a
class by chance more or less, and which take what they miss for classes of chance sizes, judge one
validation set, whose classes differ in size 50:1, 10:1 or not; each objective chooses one of them.
A row has the loss of balanced accuracy against the best one, in points, the mean of 40 repeats.

With data, in each repeat a part of the training examples is drawn whose class sizes fall evenly (by
one factor) to 1 / ratio of the largest, the classes in random order, with its own noise. The same
random configurations are trained on it; each objective chooses among them by its mean over the last
epochs. Printed are the clean test accuracies of what it chose, the mean over the classes and plain,
and the paired difference from the default objective, over repeats. The test set is as it is.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from validation_folds import FIXED, configurations, interval, load_data, training_part

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.metrics.balanced import balanced_accuracy, balanced_information
from tune_noise.metrics.information import information
from tune_noise.noise import flip, pair_flip, symmetric
from tune_noise.seeding import generator
from tune_noise.training.trial import Trial

DEFAULT = "val_information_noisy"
OBJECTIVES = (
    *(DEFAULT, "val_balanced_information_noisy"),
    *("val_accuracy_noisy", "val_balanced_accuracy_noisy"),
)
TEST, PLAIN = "test_balanced_accuracy_clean", "test_accuracy_clean"
LAST = 5
NOISES = (("symmetric", 0.0), ("symmetric", 0.3), ("symmetric", 0.5), ("pair", 0.3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="a file of one's own data, or the name of a data set")
    parser.add_argument("--label")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--noise", default="symmetric")
    parser.add_argument("--noise-rate", type=float)
    parser.add_argument("--ratio", type=float, default=50.0, help="largest class to smallest")
    parser.add_argument("--largest", type=int, default=1000, help="examples of the largest class")
    parser.add_argument("--shrink", type=int, help="average squares of so many pixels a side")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--configurations", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    if options.source == "simulated":
        simulate()
        return
    torch.set_num_threads(1)
    data = load_data(options)
    if options.shrink:
        data = _as_features(data, options.shrink)
    noise = {"noise": options.noise, "epochs": options.epochs, "val_fraction": 0.3}
    if options.noise_rate is not None:
        noise["noise_rate"] = options.noise_rate
    rows = [
        repeat(_imbalanced(data, options, seed), noise, options.configurations, seed)
        for seed in range(options.repeats)
    ]
    print(f"{options.noise} {options.noise_rate}, {options.ratio:g}:1, n = {len(rows)} repeats")
    show(rows)


def simulate() -> None:
    print("ratio, noise, labels: points of balanced accuracy lost, mean [95 % t interval], n = 40")
    for ratio in (1, 10, 50):
        for kind, rate in NOISES:
            for labels in (200, 1000, 5000):
                losses = [_losses(ratio, kind, rate, labels, seed) for seed in range(40)]
                cells = [interval(np.array(of)) for of in zip(*losses, strict=True)]
                print(f"{ratio}:1, {kind} {rate}, {labels}: {', '.join(cells)}", flush=True)


def _losses(ratio: float, kind: str, rate: float, labels: int, seed: int) -> list[float]:
    """Return what each objective loses by its choice, in the order of `OBJECTIVES`."""
    random, classes = np.random.default_rng(seed), 10
    shares = ratio ** (-np.arange(classes) / (classes - 1))
    shares /= shares.sum()
    matrix = symmetric(classes, rate) if kind == "symmetric" else pair_flip(classes, rate)
    true = random.choice(classes, labels, p=shares)
    noisy = flip(true, matrix, generator=random)
    balanced, values = [], []
    for _ in range(20):
        falls = random.uniform(-0.1, 0.5)
        relative = shares / (shares.max() if falls > 0 else shares.min())
        recall = np.clip(random.uniform(0.6, 1.0) * relative**falls, 0.0, 0.99)
        recall *= random.uniform(0.8, 1.0, classes)
        taken_for = shares ** random.uniform(0.0, 1.5) * random.uniform(0.3, 1.0, classes)
        predicted = _draw(true, recall, taken_for, random)
        agreed = predicted == noisy[:, 0]
        balanced.append(100 * recall.mean())
        values.append(
            [
                information(predicted, noisy, classes).nats,
                balanced_information(predicted, noisy, classes).nats,
                agreed.mean(),
                balanced_accuracy(predicted, noisy),
            ]
        )
    return [max(balanced) - balanced[chosen] for chosen in np.argmax(values, axis=0)]


def _draw(
    true: np.ndarray, recall: np.ndarray, taken_for: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return predictions that are right as often as the recall says."""
    confusion = np.tile(taken_for, (len(recall), 1))
    np.fill_diagonal(confusion, 0.0)
    confusion *= ((1 - recall) / confusion.sum(axis=1))[:, None]
    np.fill_diagonal(confusion, recall)
    places = random.random(len(true))[:, None] > confusion[true].cumsum(axis=1)
    return np.minimum(places.sum(axis=1), len(recall) - 1)


def repeat(data: Dataset, noise: dict[str, Any], number: int, seed: int) -> list[dict[str, float]]:
    """Return the metrics of each configuration, means over the last epochs."""
    balance = generator(seed, "class_balance")
    trained = []
    for one in configurations(number, seed, is_features=data.kind == "features"):
        fields = noise | FIXED | one | {"seed": seed, "noise_seed": seed}
        fields["class_balance"] = str(balance.choice(["equal", "as_labelled"]))
        trial = Trial([TrialConfig(**fields)], data)
        while not trial.finished:
            trial.train_epoch()
        epochs = trial.progress[0].epochs[-LAST:]
        if trial.progress[0].status == "completed":
            names = (*OBJECTIVES, TEST, PLAIN)
            trained.append({n: float(np.mean([epoch[n] for epoch in epochs])) for n in names})
    return trained


def _as_features(data: Dataset, side: int) -> Dataset:
    def shrunk(images: np.ndarray) -> np.ndarray:
        number, channels, height, width = images.shape
        blocks = images.reshape(number, channels, height // side, side, width // side, side)
        return blocks.mean(axis=(3, 5)).reshape(number, -1).astype(np.float32) / 255

    assert data.test_inputs is not None
    return dataclasses.replace(
        data,
        train_inputs=shrunk(data.train_inputs),
        test_inputs=shrunk(data.test_inputs),
        first_equals=None,
    )


def _imbalanced(data: Dataset, options: argparse.Namespace, seed: int) -> Dataset:
    """Return a part whose class sizes fall evenly from the largest to its ratio-th part."""
    random, number = generator(seed, "imbalance"), data.num_classes
    sizes = options.largest * options.ratio ** (-np.arange(number) / (number - 1))
    parts = [
        random.permutation(np.flatnonzero(data.train_labels == k))[: max(2, round(size))]
        for k, size in zip(random.permutation(number), sizes, strict=True)
    ]
    return training_part(data, np.sort(np.concatenate(parts)))


def show(rows: list[list[dict[str, float]]]) -> None:
    """Print a row per objective, and how good the best configuration is."""
    chosen = {n: [max(row, key=lambda one: one[n]) for row in rows] for n in (*OBJECTIVES, TEST)}
    base = np.array([one[TEST] for one in chosen[DEFAULT]])
    for objective, ones in chosen.items():
        balanced = 100 * np.array([one[TEST] for one in ones])
        plain = 100 * np.array([one[PLAIN] for one in ones])
        name = "the best (oracle)" if objective == TEST else objective
        print(
            f"  {name:<32} balanced {interval(balanced)} %, accuracy {interval(plain)} %; "
            f"gain {interval(balanced - 100 * base)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
