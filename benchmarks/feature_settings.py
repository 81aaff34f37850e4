"""What single settings do to networks on features: information and test accuracy, five seeds each.

    python benchmarks/feature_settings.py SOURCE [--label COLUMN] [--set data.FIELD=VALUE ...]
                                          [--hidden]

Reads the data as `tune-noise search --data` does, and trains a perceptron with settings of the
space `own`, then with one of them changed at a time, then an MLP; with --hidden, an MLP with ELR,
as it suits tables, and one of its settings changed at a time. Validation labels are noisy;
`information` is what a search sees, and the test accuracy what it does not. The first line tells
how much the true labels would say about the noisy ones, where they are known.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.simple_models import data_parser, read_data
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.splits import validation_split
from tune_noise.metrics.information import information
from tune_noise.training.trial import Trial

FIXED: dict[str, Any] = {
    **{"noise": "given", "optimizer": "sgd", "lr_schedule": "linear", "class_balance": "equal"},
    **{"batch_size": 64, "epochs": 30, "last_epochs": 5},
}
PERCEPTRON = FIXED | {"model": "perceptron", "lr": 0.001, "weight_decay": 3.0}
PERCEPTRON_CHANGES: list[dict[str, Any]] = [
    {},
    {"class_balance": "as_labelled"},
    {"weight_decay": 10.0},
    {"weight_decay": 0.1},
    {"weight_decay": 0.0},
    {"scaling": "unit"},
    {"optimizer": "adam", "weight_decay": 0.1},
    {"method": "elr", "elr_lambda": 5.0, "weight_decay": 1.0},
    {"model": "mlp1", "weight_decay": 0.0, "lr": 0.003},
    {"model": "mlp1", "weight_decay": 0.0, "lr": 0.003, "method": "elr", "elr_lambda": 5.0},
]
HIDDEN = FIXED | {
    "model": "mlp1",
    "lr": 0.06,
    "scaling": "unit",
    "method": "elr",
    "elr_lambda": 4.0,
}
_OTHER: dict[str, Any] = {"elr_lambda": None}
HIDDEN_CHANGES: list[dict[str, Any]] = [
    {},
    {"lr": 0.005},
    {"lr": 0.02},
    {"lr": 0.2},
    {"scaling": "standard"},
    {"epochs": 60},
    {"weight_decay": 0.01},
    {"input_dropout": 0.2},
    {"class_balance": "as_labelled"},
    {"batch_size": 32},
    {"optimizer": "adam", "lr": 0.003},
    {"model": "mlp2"},
    {"model": "perceptron", "lr": 0.01, "weight_decay": 0.1},
    _OTHER | {"method": "standard"},
    _OTHER | {"method": "gce", "gce_q": 0.7},
    _OTHER | {"method": "co_teaching", "tau": 0.3, "ramp_epochs": 5},
    _OTHER | {"method": "mixup"},
]
SEEDS = 5


def main() -> None:
    parser = data_parser(__doc__)
    parser.add_argument("--hidden", action="store_true", help="a hidden layer, with ELR")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, val_fraction = read_data(options), options.val_fraction
    base, changes = (HIDDEN, HIDDEN_CHANGES) if options.hidden else (PERCEPTRON, PERCEPTRON_CHANGES)
    _, val = validation_split(
        data.train_labels,
        data.input_of,
        val_fraction=val_fraction,
        num_validation=data.num_validation,
    )
    if data.true_labels is not None:
        labels = data.train_labels[val][:, None]
        truth = information(data.true_labels[val], labels, data.num_classes)
        print(f"information of the true labels {truth.nats:.3f} (SE {truth.standard_error:.3f})")
    for change in changes:
        scores, last, best = measure(data, {**base, **change, "val_fraction": val_fraction})
        named = [f"{name} {value}" for name, value in change.items() if value is not None]
        words = ", ".join(named) or "base"
        print(
            f"{words}: information {scores.mean():.3f} ± {scores.std(ddof=1):.3f}, test "
            f"{last.mean():.1f} ± {last.std(ddof=1):.1f} % in the last epochs, best epoch "
            f"{best.mean():.1f} %, n = {SEEDS}",
            flush=True,
        )


def measure(data: Dataset, fields: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train five seeds as one stack.

    Returns:
        For each seed the information and the test accuracy in per cent, both as means over the
        last epochs, and the test accuracy of its best epoch, which no search can know.
    """
    trial = Trial([TrialConfig(**fields, seed=seed) for seed in range(SEEDS)], data)
    while not trial.finished:
        trial.train_epoch()

    def of(metric: str) -> np.ndarray:
        return np.array([[epoch[metric] for epoch in p.epochs] for p in trial.progress])

    accuracies = 100 * of("test_accuracy_clean")
    last = slice(-trial.configs[0].last_epochs, None)
    scores = of("val_information_noisy")[:, last].mean(axis=1)
    return scores, accuracies[:, last].mean(axis=1), accuracies.max(axis=1)


if __name__ == "__main__":
    main()
