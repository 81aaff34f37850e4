"""Where information about noisy labels stops ranking classifiers: a simulation with known truth.

    python benchmarks/information_limits.py [--repeats 500]

Prints two Markdown tables. First, how often a validation set ranks a classifier of 85 % accuracy
above one of 83 %, by number of classes and of images: with many classes the transition matrix has
more cells than there are labels to count, and the estimate is far below the truth. Second, what
happens where noise depends on the image: a share of the images looks like another class, to people
and to one of two classifiers alike.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tune_noise.metrics.information import information

Labels = NDArray[np.int64]

BETTER, WORSE = 0.85, 0.83
CLASSES = (10, 50, 100)
IMAGES = (300, 1000, 5000)
# Share of the images that look like another class; accuracy of both classifiers on the others; and
# on those, of the classifier that is not taken in.
HARD, EASY_ACCURACY, HARD_ACCURACY = 0.2, 0.95, 0.7
HARD_NOISE = (0.1, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Validation:
    """The noisy labels of one validation set, and what two classifiers predict; all int64 [N]."""

    noisy: Labels
    better: Labels
    worse: Labels
    num_classes: int

    def information_gain(self) -> float:
        """Of the better classifier over the worse, in nats."""
        first, second = (
            information(predicted, self.noisy[:, None], self.num_classes).nats
            for predicted in (self.better, self.worse)
        )
        return first - second

    def accuracy_gain(self) -> float:
        """The same in accuracy on the noisy labels."""
        return float((self.better == self.noisy).mean() - (self.worse == self.noisy).mean())


def other_class(classes: Labels, num_classes: int, rng: np.random.Generator) -> Labels:
    return (classes + rng.integers(1, num_classes, len(classes))) % num_classes


def flipped(labels: Labels, others: Labels, rate: float, rng: np.random.Generator) -> Labels:
    return np.where(rng.random(len(labels)) < rate, others, labels)


def transition(noise: str, num_classes: int) -> NDArray[np.float64]:
    """T, float [K, K]."""
    identity = np.eye(num_classes)
    if noise == "symmetric 50 %":
        return 0.5 * identity + 0.5 * (1.0 - identity) / (num_classes - 1)
    return 0.55 * identity + 0.45 * np.roll(identity, 1, axis=1)


def true_information(noise: str, num_classes: int) -> float:
    """Of the better classifier, in nats: classes of equal size, errors to the others evenly."""
    identity = np.eye(num_classes)
    errors = (1.0 - BETTER) * (1.0 - identity) / (num_classes - 1)
    joint = (BETTER * identity + errors) @ transition(noise, num_classes) / num_classes
    return float((joint * np.log(np.maximum(joint, 1e-300) * num_classes**2)).sum())


def class_noise(noise: str, num_classes: int, num_images: int, seed: int) -> Validation:
    """Errors of the two classifiers are drawn apart from each other and from the noise."""
    rng = np.random.default_rng(seed)
    true = rng.integers(num_classes, size=num_images)
    cumulative = transition(noise, num_classes)[true].cumsum(axis=1)
    noisy = (cumulative < rng.random((num_images, 1))).sum(axis=1)
    better, worse = (
        flipped(true, other_class(true, num_classes, rng), 1.0 - accuracy, rng)
        for accuracy in (BETTER, WORSE)
    )
    return Validation(noisy, better, worse, num_classes)


def image_noise(hard_noise: float, num_images: int, seed: int) -> Validation:
    """Labels are wrong on the hard images alone, as the class that the worse classifier sees."""
    num_classes = 10
    rng = np.random.default_rng(seed)
    true = rng.integers(num_classes, size=num_images)
    hard = rng.random(num_images) < HARD
    looks_like = np.where(hard, (true + 1) % num_classes, true)
    noisy = flipped(true, looks_like, hard_noise, rng)
    better, worse = (
        flipped(seen, other_class(true, num_classes, rng), 1.0 - EASY_ACCURACY, rng)
        for seen in (flipped(true, looks_like, 1.0 - HARD_ACCURACY, rng), looks_like)
    )
    return Validation(noisy, better, worse, num_classes)


def shares_right(sets: list[Validation]) -> list[str]:
    """How often either criterion ranks the two as their clean accuracy does; ties count half."""
    gains = [(found.information_gain(), found.accuracy_gain()) for found in sets]
    right = (np.sign(gains) + 1.0) / 2.0
    errors = right.std(axis=0, ddof=1) / np.sqrt(len(sets))
    return [
        f"{100 * mean:.0f} ± {100 * 1.96 * error:.0f}"
        for mean, error in zip(right.mean(axis=0), errors, strict=True)
    ]


def class_row(noise: str, classes: int, images: int, repeats: int) -> list[str]:
    sets = [class_noise(noise, classes, images, seed) for seed in range(repeats)]
    seen = [information(found.better, found.noisy[:, None], classes).nats for found in sets]
    truth = true_information(noise, classes)
    share = f"{np.mean(seen):.2f} of {truth:.2f}"
    return [noise, str(classes), str(images), share, *shares_right(sets)]


def image_row(hard_noise: float, images: int, repeats: int) -> list[str]:
    sets = [image_noise(hard_noise, images, seed) for seed in range(repeats)]
    return [f"{100 * hard_noise:.0f}", str(images), *shares_right(sets)]


def print_rows(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=500, help="validation sets a row")
    repeats = parser.parse_args().repeats
    columns = ["ranked right by information (%)", "by noisy accuracy (%)"]
    print(f"{repeats} validation sets a row; ± 95 % of the simulation's own error.\n")

    print_rows(
        ["noise", "classes", "validation images", "information of the better (nats)", *columns],
        [
            class_row(noise, classes, images, repeats)
            for noise in ("symmetric 50 %", "pair flip 45 %")
            for classes in CLASSES
            for images in IMAGES
        ],
    )
    print_rows(
        ["labels wrong on the hard images (%)", "validation images", *columns],
        [image_row(rate, 6000, repeats) for rate in HARD_NOISE],
    )


if __name__ == "__main__":
    main()
