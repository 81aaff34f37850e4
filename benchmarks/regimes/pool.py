"""The configurations that are trained in every condition, and what comes of them."""

import time
from statistics import fmean
from typing import Any

import numpy as np
from scipy.stats import qmc
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from benchmarks.criteria.population import Problem, as_dataset
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.training.trial import Trial

# As the space `own` fixes them, but for fewer epochs and one validation split.
FIXED: dict[str, Any] = {
    **{"noise": "given", "optimizer": "sgd", "lr_schedule": "linear", "batch_size": 64},
    **{"class_balance": "equal", "epochs": 20, "last_epochs": 5, "val_fraction": 0.3},
}
# A stack shares these; each is trained with LR_COUNT learning rates of its range.
FRAMES: tuple[tuple[dict[str, Any], tuple[float, float]], ...] = (
    ({"model": "perceptron", "scaling": "standard", "weight_decay": 3.0}, (0.001, 0.02)),
    ({"model": "perceptron", "scaling": "unit", "weight_decay": 0.3}, (0.003, 0.1)),
    ({"model": "mlp1", "scaling": "standard"}, (0.001, 0.03)),
    ({"model": "mlp1", "scaling": "unit"}, (0.004, 0.1)),
)
LR_COUNT = 2
_FORGETTING: dict[str, Any] = {"ramp_epochs": 5}
# Method -> what it fixes, and the ranges of its own fields.
METHODS: dict[str, tuple[dict[str, Any], dict[str, tuple[float, float]]]] = {
    "standard": ({}, {}),
    "small_loss": (_FORGETTING, {"tau": (0.1, 0.5)}),
    "co_teaching": (_FORGETTING, {"tau": (0.1, 0.5)}),
    "gmm": ({"warm_up_epochs": 7}, {"gmm_threshold": (0.3, 0.7)}),
    "elr": ({}, {"elr_lambda": (3.0, 7.0)}),
    "forward": ({"warm_up_epochs": 7}, {}),
    "gce": ({}, {"gce_q": (0.3, 0.9)}),
    "sce": ({}, {"sce_alpha": (0.05, 1.0)}),
    "bootstrap_hard": ({}, {"bootstrap_beta": (0.3, 0.9)}),
    "label_smoothing": ({}, {"smoothing": (0.1, 0.7)}),
    "mixup": ({}, {"mixup_alpha": (0.2, 2.0)}),
}


def stacks() -> list[list[dict[str, Any]]]:
    """Return the pool, the same in every condition: stacks of configurations.

    Learning rates are even steps of their range's halves, and a method's field is quasi-random.
    """
    pool = []
    for place, (method, (fixed, ranges)) in enumerate(METHODS.items()):
        # The first coordinate is of the learning rate, alike for all methods.
        rates = qmc.Sobol(1, seed=0).random(len(FRAMES) * LR_COUNT)[:, 0]
        own = qmc.Sobol(1, seed=1 + place).random(len(FRAMES) * LR_COUNT)[:, 0]
        for f, (frame, (low, high)) in enumerate(FRAMES):
            stack = []
            for i in range(LR_COUNT):
                n = f * LR_COUNT + i
                share = (i + rates[n]) / LR_COUNT
                values = {"method": method} | fixed | frame
                values["lr"] = float(f"{low * (high / low) ** share:.3g}")
                for field, (least, most) in ranges.items():
                    values[field] = float(f"{least + (most - least) * own[n]:.3g}")
                stack.append(values)
            pool.append(stack)
    return pool


def train_pool(problem: Problem, seed: int) -> list[dict[str, Any]]:
    """Train the pool.

    Returns:
        For each configuration its `values`; `score`, what a search sees; whether it `diverged`;
        and the means over the last epochs of what was measured on validation and test examples.
    """
    dataset = as_dataset(problem)
    return [row for stack in stacks() for row in _train(stack, dataset, seed)]


def _train(stack: list[dict[str, Any]], dataset: Dataset, seed: int) -> list[dict[str, Any]]:
    trial = Trial([TrialConfig(**FIXED, **values, seed=seed) for values in stack], dataset)
    started = time.process_time()
    while not trial.finished:
        trial.train_epoch()
    seconds = (time.process_time() - started) / len(stack)
    rows = []
    for values, progress in zip(stack, trial.progress, strict=True):
        last = progress.epochs[-FIXED["last_epochs"] :]
        names = [name for name in (last or [{}])[0] if name.startswith(("val_", "test_"))]
        rows.append(
            {
                "values": values,
                "score": progress.best_score if last else None,
                "status": progress.status,
                "seconds": round(seconds, 3),
                "metrics": {name: round(fmean(e[name] for e in last), 5) for name in names},
            }
        )
    return rows


def facts(problem: Problem) -> dict[str, float]:
    """Return what can be known of a condition without any training, and the true noise rate."""
    counts = np.bincount(problem.labels, minlength=problem.num_classes)
    return {
        "examples": len(problem.labels),
        "dimensions": problem.inputs.shape[1],
        "classes": problem.num_classes,
        "imbalance": float(counts.max() / max(1, counts.min())),
        "disagreement": round(_disagreement(problem), 4),
        "noise_rate": round(float((problem.labels != problem.truth).mean()), 4),
    }


def _disagreement(problem: Problem) -> float:
    """Return how often the nearest class mean of the other folds is not the label."""
    folds = np.arange(len(problem.labels)) % 5
    inputs = StandardScaler().fit_transform(problem.inputs)
    wrong = [
        NearestCentroid()
        .fit(inputs[folds != k], problem.labels[folds != k])
        .predict(inputs[folds == k])
        != problem.labels[folds == k]
        for k in range(5)
    ]
    return float(np.concatenate(wrong).mean())
