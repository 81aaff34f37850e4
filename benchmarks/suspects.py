"""Finding wrong labels, side by side with cleanlab: average precision, precision and recall.

    pip install 'tune-noise[suspects]'
    python benchmarks/suspects.py DATA --seeds 5
    python benchmarks/suspects.py DATA --seeds 2 --images 12000 --epochs 25 --cases pair symmetric

DATA is the folder of the data sets; CIFAR-10N's labels lie in it as cifar-10n/cifar10n_labels.npz
or CIFAR-10_human.pt (--human-file names another place). Three cases: MNIST with pair flips of 45 %
and symmetric noise of 50 %, CIFAR-10N worse. In each, on the same images, labels and folds:

- ours: `tune_noise.training.suspects`, with the settings below: co-teaching on MNIST, plain
  training on CIFAR-10N. They are not searched here; a search would choose its own.
- cleanlab on the same predictions: those that ours is made of.
- cleanlab on its own: the same network, trained plainly and cross-validated. Predictions of the
  last epoch, as ordinary cross-validation gives them, and of the epoch that noisy validation
  selects, which is more than cleanlab asks for.

cleanlab ranks by several scores; shown are its default (self-confidence) and the best of all five
for each seed, which needs the truth to be known.
"""

import argparse
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.metrics.suspicion import (
    average_precision,
    detection,
    estimated_transition,
    sharpened,
    suspicion,
)
from tune_noise.reporting.statistics import estimate, paired_difference
from tune_noise.training import Trial, with_material
from tune_noise.training.cross_fit import Fold, gather, held_out_examples, make_folds, train_fold
from tune_noise.training.known_noise import noisy_labels, true_labels

try:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
except ImportError:
    sys.exit("error: cleanlab is not installed: pip install 'tune-noise[suspects]'")

MNIST = {"dataset": "mnist", "model": "mlp1", "lr": 0.001}
CIFAR = {"dataset": "cifar10", "model": "conv4", "lr": 0.001, "noise": "human"}
# The noise and network of a case, and what co-teaching is given beside them.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pair": (
        {**MNIST, "noise": "pair_flip", "noise_rate": 0.45},
        {"tau": 0.5, "ramp_epochs": 7},
    ),
    "symmetric": (
        {**MNIST, "noise": "symmetric", "noise_rate": 0.5},
        {"tau": 0.55, "ramp_epochs": 7},
    ),
    # The search of the space `human` found plain training ahead (docs/results/human.md).
    "human": ({**CIFAR, "human_labels": "worse"}, {"method": "standard"}),
}
# Scores of cleanlab: name, and whether probabilities are adjusted for the classes; default first.
SCORES = (
    ("self_confidence", False),
    ("normalized_margin", False),
    ("confidence_weighted_entropy", False),
    ("self_confidence", True),
    ("normalized_margin", True),
)
HUMAN_FILES = ("cifar-10n/cifar10n_labels.npz", "cifar-10n/CIFAR-10_human.pt", "CIFAR-10_human.pt")
# A seed's figures: way -> figure -> value.
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Judged:
    """Labelled examples and out-of-sample predictions."""

    probabilities: np.ndarray
    labels: np.ndarray
    is_wrong: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description="Finding wrong labels, beside cleanlab.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, help="a random part of the training set; all")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--human-file", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for case in options.cases:
        by_seed = []
        for seed in range(1, options.seeds + 1):
            by_seed.append(measured(case, seed, options))
            print(f"{case}, seed {seed}: {shown(by_seed[-1])}", file=sys.stderr, flush=True)
        print_case(case, by_seed, options)


def measured(case: str, seed: int, options: argparse.Namespace) -> Figures:
    """All ways on one draw of noise, initialisation and order."""
    ours, plain = configs(case, seed, options)
    dataset = with_material(
        load_dataset(ours.dataset, data_dir=options.data), [ours], data_dir=options.data
    )
    if options.images is not None:
        dataset = thinned(dataset, options.images)
    folds = make_folds(ours, dataset, count=options.folds)
    by_fold = {fold: train_fold(fold, dataset, device=options.device) for fold in folds}
    same = judged(by_fold, dataset)
    figures = {"ours": of_ours(same)} | of_cleanlab(same, "same predictions")
    last, selected = {}, {}
    for fold in make_folds(plain, dataset, count=options.folds):
        last[fold], selected[fold] = plain_predictions(fold, dataset, options.device)
    figures |= of_cleanlab(judged(last, dataset), "own, last epoch")
    return figures | of_cleanlab(judged(selected, dataset), "own, selected epoch")


def configs(case: str, seed: int, options: argparse.Namespace) -> tuple[TrialConfig, TrialConfig]:
    """Co-teaching and plain training of a case, alike in all else."""
    shared, for_us = CASES[case]
    shared = {**shared, "epochs": options.epochs, "seed": seed, "noise_seed": seed}
    if shared["noise"] == "human":
        usual = (options.data / name for name in HUMAN_FILES)
        shared["human_file"] = str(options.human_file or next(filter(Path.exists, usual)))
    ours = TrialConfig.model_validate({**shared, "method": "co_teaching", **for_us})
    return ours, TrialConfig.model_validate({**shared, "method": "standard"})


def thinned(dataset: Dataset, number: int) -> Dataset:
    """A random part of the training images, the same for every seed, with all that is known."""
    total = len(dataset.train_labels)
    part = np.sort(np.random.default_rng(0).permutation(total)[:number])
    truth = dataset.true_labels
    return replace(
        dataset,
        train_inputs=dataset.train_inputs[part],
        train_labels=dataset.train_labels[part],
        true_labels=None if truth is None else truth[part],
        extras={k: v[part] if len(v) == total else v for k, v in dataset.extras.items()},
    )


def plain_predictions(fold: Fold, dataset: Dataset, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of the held-out images, float64 [N, K]: last and selected epoch."""
    held_out = held_out_examples(fold, dataset)
    without_test = replace(dataset, test_inputs=None, test_labels=None)
    trial = Trial([fold.config], without_test, device=device, held_out=held_out)
    selected = last = np.empty(0)
    while not trial.finished:
        trial.train_epoch()
        logits = predict_logits(
            trial.network,
            trial.data.train_inputs,
            indices=torch.from_numpy(held_out).to(trial.device),
        )
        last = logits[0].double().softmax(dim=1).cpu().numpy()
        if trial.progress[0].best_epoch == trial.epoch:
            selected = last
    return last, selected


def judged(by_fold: dict[Fold, np.ndarray], dataset: Dataset) -> Judged:
    config = next(iter(by_fold)).config
    images, probabilities = gather(by_fold, dataset)
    labels = noisy_labels(dataset, config)[images, 0]
    truth = true_labels(dataset, config.noise)
    assert truth is not None
    return Judged(probabilities, labels, labels != truth[images])


def of_ours(judgement: Judged) -> dict[str, float]:
    transition = estimated_transition(judgement.probabilities, judgement.labels[:, None])
    sharp = sharpened(judgement.probabilities, judgement.labels[:, None], transition)
    return detection(suspicion(sharp, judgement.labels, transition), judgement.is_wrong)


def of_cleanlab(judgement: Judged, name: str) -> Figures:
    probabilities = judgement.probabilities / judgement.probabilities.sum(axis=1, keepdims=True)
    precisions = []
    for method, is_adjusted in SCORES:
        quality = get_label_quality_scores(
            judgement.labels, probabilities, method=method, adjust_pred_probs=is_adjusted
        )
        precisions.append(average_precision(-quality, judgement.is_wrong) or 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flagged = find_label_issues(judgement.labels, probabilities, n_jobs=1)
    hits = float((flagged & judgement.is_wrong).sum())
    figures = {
        "precision": hits / max(1.0, float(flagged.sum())),
        "recall": hits / float(judgement.is_wrong.sum()),
    }
    return {
        f"cleanlab, {name}": {"average_precision": precisions[0], **figures},
        f"cleanlab, {name}, best score": {"average_precision": max(precisions)},
    }


def shown(figures: Figures) -> str:
    return ", ".join(f"{way} {100 * f['average_precision']:.1f}" for way, f in figures.items())


def print_case(case: str, by_seed: list[Figures], options: argparse.Namespace) -> None:
    size = "all" if options.images is None else options.images
    print(f"\n{case}: {size} images, {options.folds} folds, {options.epochs} epochs; in percent\n")
    header = ["way", "n", "average precision", "ours minus this, paired", "precision", "recall"]
    for row in (header, ["---"] * len(header), *rows(by_seed)):
        print(f"| {' | '.join(row)} |", flush=True)


def rows(by_seed: list[Figures]) -> Iterator[list[str]]:
    for way in by_seed[0]:
        cells = [
            cell(by_seed, way, figure) for figure in ("average_precision", "precision", "recall")
        ]
        ours, this = (
            {s: figures[name]["average_precision"] for s, figures in enumerate(by_seed)}
            for name in ("ours", way)
        )
        difference = paired_difference(ours, this) if way != "ours" else None
        text = "-" if difference is None else with_sd(difference.mean, difference.sd)
        yield [way, str(len(by_seed)), cells[0], text, *cells[1:]]


def cell(by_seed: list[Figures], way: str, figure: str) -> str:
    values = [figures[way][figure] for figures in by_seed if figure in figures[way]]
    if not values:
        return "-"
    mean_over_seeds = estimate(values)
    return with_sd(mean_over_seeds.mean, mean_over_seeds.sd)


def with_sd(mean: float, sd: float | None) -> str:
    return f"{100 * mean:.1f}" + ("" if sd is None else f" ± {100 * sd:.1f}")


if __name__ == "__main__":
    main()
