"""Every method at its defaults against standard training, on the same five seeds.

    python benchmarks/default_methods.py RESULTS digits
    python benchmarks/default_methods.py RESULTS mnist --data-dir DATA

Trains at symmetric noise of 50 % and pair flip of 45 %, with `mlp1` and Adam, each method with five
seeds in one stack. What a method declares as its beginning (warm-up, ramp) lasts 5 of 30 epochs,
and `sop` has the rates for few epochs of docs/methods.md; all else is the default, `tau` 0.2
included. Prints clean test accuracies in % and the paired difference from standard training over
the last epochs, with its 95 % t interval. Each method is a line of RESULTS; one that is there is
not trained again, so it may be killed at any time.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from validation_folds import interval

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.history.replay import num_last_epochs
from tune_noise.methods.declarations import METHODS
from tune_noise.training import Trial

EPOCHS = 30
SEEDS = 5
BEGINNING = 5
NOISES: list[dict[str, Any]] = [
    {"noise": "symmetric", "noise_rate": 0.5},
    {"noise": "pair_flip", "noise_rate": 0.45},
]
DATA: dict[str, dict[str, Any]] = {
    "digits": {"val_fraction": 0.2, "batch_size": 32},
    "mnist": {"train_size": 6000},
}
FOR_FEW_EPOCHS = {"sop_lr_u": 100.0, "sop_lr_v": 1000.0}


def fields_of(method: str) -> dict[str, Any]:
    """Return what is not the default: short beginnings, and rates for few epochs."""
    names = [field.name for field in METHODS[method].fields]
    beginnings = [field.name for field in METHODS[method].fields if field.begins]
    rates = {name: rate for name, rate in FOR_FEW_EPOCHS.items() if name in names}
    return {"method": method, **dict.fromkeys(beginnings, BEGINNING), **rates}


def train(dataset: Dataset, fields: dict[str, Any]) -> dict[str, Any]:
    configs = [TrialConfig(**fields, seed=s, noise_seed=s) for s in range(1, SEEDS + 1)]
    trial, started = Trial(configs, dataset), time.perf_counter()
    while not trial.finished:
        trial.train_epoch()
    last = num_last_epochs(EPOCHS)
    row: dict[str, Any] = {"seconds": time.perf_counter() - started, "last": [], "best": []}
    row |= {"selected": [], "cost": configs[0].epoch_cost}
    for progress in trial.progress:
        accuracies = [100 * epoch.get("test_accuracy_clean", np.nan) for epoch in progress.epochs]
        row["last"].append(float(np.mean(accuracies[-last:])))
        row["best"].append(max(accuracies))
        row["selected"].append(accuracies[progress.best_epoch - 1])
    return row


def show(rows: dict[str, dict[str, Any]], title: str) -> None:
    print(f"\n## {title}\n")
    print("| method | last epochs | minus standard, paired | selected | best: oracle | cost |")
    print("| -- | -- | -- | -- | -- | -- |")
    standard = np.array(rows["standard"]["last"])
    for method in sorted(rows, key=lambda name: -float(np.mean(rows[name]["last"]))):
        row = rows[method]
        last = np.array(row["last"])
        difference = "" if method == "standard" else interval(last - standard)
        others = [
            f"{np.mean(row[name]):.1f} ± {np.std(row[name], ddof=1):.1f}"
            for name in ("last", "selected", "best")
        ]
        cells = [f"`{method}`", others[0], difference, *others[1:], f"{row['cost']:.2g}"]
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("dataset", choices=list(DATA))
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load_dataset(options.dataset, data_dir=options.data_dir)
    lines = options.results.read_text("utf-8").splitlines() if options.results.exists() else []
    done = {(row["dataset"], row["noise"], row["method"]): row for row in map(json.loads, lines)}
    for noise in NOISES:
        rows = {}
        for method in (name for name, one in METHODS.items() if not one.needs_answers):
            key = (options.dataset, noise["noise"], method)
            if key not in done:
                fields = {**noise, **DATA[options.dataset], **fields_of(method)}
                about = dict(zip(("dataset", "noise", "method"), key, strict=True))
                done[key] = about | train(dataset, {"model": "mlp1", "epochs": EPOCHS, **fields})
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(done[key]) + "\n")
            rows[method] = done[key]
        rate = f"{100 * noise['noise_rate']:.0f} %"
        show(rows, f"{options.dataset}, {noise['noise']} {rate}, n = {SEEDS} seeds")


if __name__ == "__main__":
    main()
