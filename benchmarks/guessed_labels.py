"""Do methods that guess labels beat standard training, and do views of features help them?

    python benchmarks/guessed_labels.py [digits | mnist | FILE.npz] [--data-dir DIR] [--views]

Trains each method with five seeds, of training and of noise, as one stack, at symmetric noise of
50 % and pair flip of 45 %; the labels of a file are taken as given. Prints for each a row of a
Markdown table: test accuracy over the last five epochs and at the best one, label precision and
recall at the end, and the training time of all five. --views compares strengths of the views and,
on features, dropout with normal noise of the same strength, which the package does not have.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.training import Trial, views

SEEDS = 5
LAST = slice(-5, None)
NOISES: list[dict[str, Any]] = [
    {"noise": "symmetric", "noise_rate": 0.5},
    {"noise": "pair_flip", "noise_rate": 0.45},
]
# Replaced by --warm-up.
EARLY = {"warm_up_epochs": 5}
# SOP's rates for few epochs: see docs/methods.md.
SOP = {"sop_lr_u": 100.0, "sop_lr_v": 1000.0}
METHODS: list[dict[str, Any]] = [
    {"method": "standard"},
    {"method": "co_teaching", "tau": 0.45},
    {"method": "gmm", **EARLY},
    {"method": "divide_mix", **EARLY},
    {"method": "divide_mix", **EARLY, "unlabelled_weight": 0.0},
    {"method": "divide_mix", **EARLY, "confidence_penalty": 1.0},
    {"method": "pes", **EARLY, "last_layer_epochs": 3},
    {"method": "pes", **EARLY, "last_layer_epochs": 0},
    {"method": "unicon", **EARLY},
    {"method": "sop", **SOP},
    {"method": "sop_plus", **SOP},
]
STRENGTHS: list[dict[str, Any]] = [
    {**method, "view_strength": strength}
    for method in (METHODS[3], METHODS[10])
    for strength in (0.0, 0.1, 0.3, 0.5)
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="?", default="digits")
    parser.add_argument("--data-dir", type=Path, help="of mnist")
    parser.add_argument("--train-size", type=int, help="default: 6000 of mnist, else all")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=5, help="epochs")
    parser.add_argument("--methods", nargs="+", help="names; default: all")
    parser.add_argument("--views", action="store_true", help="strengths of views instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load_dataset(options.dataset, data_dir=options.data_dir)
    size = options.train_size or (6000 if options.dataset == "mnist" else None)
    base = {"model": "mlp1", "batch_size": 64, "epochs": options.epochs, "train_size": size}
    noises = [{"noise": "given"}] if options.dataset.endswith(".npz") else NOISES
    methods = [
        {key: options.warm_up if key == "warm_up_epochs" else value for key, value in row.items()}
        for row in (STRENGTHS if options.views else METHODS)
        if options.methods is None or row["method"] in options.methods
    ]
    print("| noise | method | last epochs % | best % | precision, recall % | seconds |")
    print("| -- | -- | -- | -- | -- | -- |")
    for noise in noises:
        for method in methods:
            print_row(data, noise, base | method, name=named(method))
        if options.views and data.kind == "features":
            dropped, views.drop_features = views.drop_features, with_noise
            for method in methods:
                print_row(data, noise, base | method, name=f"{named(method)}, normal noise")
            views.drop_features = dropped


def named(method: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in method.items()).removeprefix("method ")


def with_noise(rows: Tensor, keys: Tensor, strengths: Tensor) -> Tensor:
    """Add normal noise, whose standard deviation is the strength, to standardised features."""
    draws = views.uniform_draws(keys, rows.shape[2]).clamp(min=1e-7)
    return rows + strengths[..., None] * torch.special.ndtri(draws)


def print_row(data: Dataset, noise: dict[str, Any], fields: dict[str, Any], *, name: str) -> None:
    """Train five seeds as one stack and print what became of them."""
    configs = [TrialConfig(**noise, **fields, seed=seed, noise_seed=seed) for seed in range(SEEDS)]
    trial = Trial(configs, data)
    while not trial.finished:
        trial.train_epoch()

    def of(metric: str) -> np.ndarray:
        rows = [[epoch.get(metric, np.nan) for epoch in p.epochs] for p in trial.progress]
        return 100 * np.array(rows)

    accuracies = of("test_accuracy_clean")
    last, best = accuracies[:, LAST].mean(axis=1), accuracies.max(axis=1)
    quality = (of(f"train_label_{what}")[:, -1].mean() for what in ("precision", "recall"))
    cells = [
        " ".join(str(value) for value in noise.values()),
        name,
        *(f"{values.mean():.1f} ± {values.std(ddof=1):.1f}" for values in (last, best)),
        ", ".join(f"{value:.0f}" for value in quality),
        f"{trial.seconds:.0f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
