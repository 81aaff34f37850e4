"""Answers of several annotators: labels made of them first, against methods that learn from them.

    python benchmarks/annotators.py FOLDER

FOLDER has features.npy, answers.csv (task, worker, label), truth.csv, test_features.npy and
test.csv (task, label), as LabelMe has. `standard` learns the labels of each aggregation;
`crowd_layer` and `union_net` learn from the answers. Each tries the same settings on one seed; the
objective, which is the information about all answers to the validation examples, chooses one; that
one is trained on fresh seeds. Printed are clean test accuracies in %, mean, standard deviation and
95 % t interval over the seeds, and the paired difference from the majority.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from validation_folds import interval

from tune_noise.config.data_source import DataSource
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.own_data import load_own
from tune_noise.training import Trial, with_material

AGGREGATIONS = ("majority", "dawid_skene", "crowdlab", "drawn")
ARMS: dict[str, dict[str, Any]] = {
    **{f"standard, {name}": {"method": "standard", "aggregation": name} for name in AGGREGATIONS},
    "crowd_layer": {"method": "crowd_layer"},
    "union_net": {"method": "union_net"},
}
FIXED = {"noise": "given", "val_fraction": 0.3, "batch_size": 64, "lr_schedule": "linear"}
SETTINGS = [
    {"model": "mlp1", "optimizer": "adam", "lr": lr, "weight_decay": decay}
    for lr, decay in product((0.0003, 0.001, 0.003), (0.0, 0.1, 1.0))
] + [
    {"model": "perceptron", "optimizer": "sgd", "scaling": "unit", "lr": lr, "weight_decay": decay}
    for lr, decay in product((0.005, 0.02), (0.3, 3.0))
]
LAST = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(options.folder)
    print(f"{len(data.train_labels)} examples, n = {options.seeds} seeds, {options.epochs} epochs")
    print("| learns | chosen | selected | sd | last | best: oracle | minus majority, selected |")
    print("| -- | -- | -- | -- | -- | -- | -- |")
    reference: np.ndarray | None = None
    for name, arm in ARMS.items():
        fields = FIXED | {"epochs": options.epochs} | arm
        data = with_material(data, [TrialConfig(**fields)])
        settings = choose(data, fields)
        rows = measure(data, fields | settings, options.seeds)
        reference = rows[0] if reference is None else reference
        difference = interval(rows[0] - reference) if rows[0] is not reference else ""
        cells = (
            name,
            " ".join(map(str, settings.values())),
            interval(rows[0]),
            f"{rows[0].std(ddof=1):.1f}",
            *map(interval, rows[1:]),
            difference,
        )
        print(f"| {' | '.join(cells)} |", flush=True)


def load(folder: Path) -> Dataset:
    parts = {
        **{"train": "features.npy", "answers": "answers.csv", "true_labels": "truth.csv"},
        **{"test": "test_features.npy", "test_labels": "test.csv"},
    }
    return load_own(
        DataSource(**{key: str(folder / name) for key, name in parts.items()}), val_fraction=0.3
    )


def choose(data: Dataset, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with the best objective on the first seed."""
    scores = []
    for settings in SETTINGS:
        trial = trained(data, [TrialConfig(**fields | settings)])
        scores.append(trial.progress[0].best_score)
    return SETTINGS[int(np.argmax(scores))]


def measure(data: Dataset, fields: dict[str, Any], seeds: int) -> np.ndarray:
    """Return test accuracies in % at the selected epoch, over the last ones and the best."""
    configs = [TrialConfig(**fields, seed=s, noise_seed=s) for s in range(1, seeds + 1)]
    rows = []
    for progress in trained(data, configs).progress:
        accuracies = [epoch["test_accuracy_clean"] for epoch in progress.epochs]
        selected = accuracies[progress.best_epoch - 1]
        rows.append((selected, np.mean(accuracies[-LAST:]), max(accuracies)))
    return 100.0 * np.array(rows).T


def trained(data: Dataset, configs: list[TrialConfig]) -> Trial:
    trial = Trial(configs, data)
    while not trial.finished:
        trial.train_epoch()
    return trial


if __name__ == "__main__":
    main()
