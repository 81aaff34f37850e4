"""What was trained, as arrays: conditions x configurations."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from benchmarks.regimes.conditions import Regime

# Names of data sets begin so; those of one beginning show the same examples.
SAME_DATA = {"dino": "CIFAR-10", "eff": "CIFAR-10", "news": "news", "labelme": "LabelMe"}


@dataclass(frozen=True)
class Study:
    """R conditions, in each of which the same C configurations were trained.

    Attributes:
        regimes: of length R.
        facts: of each condition, as `pool.facts` returns them.
        pool: the values of each configuration.
        scores: the noisy objective, float64 [R, C]; minus infinity where training diverged.
        accuracies: on clean test labels in per cent, float64 [R, C].
        seconds: CPU time of each condition.
    """

    regimes: list[Regime]
    facts: list[dict[str, float]]
    pool: list[dict[str, Any]]
    scores: np.ndarray
    accuracies: np.ndarray
    seconds: np.ndarray

    @classmethod
    def read(cls, path: Path) -> "Study":
        """Read the file that the training wrote."""
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows.sort(key=lambda row: str(Regime(**row["regime"])))
        return cls(
            [Regime(**row["regime"]) for row in rows],
            [row["facts"] for row in rows],
            [trial["values"] for trial in rows[0]["trials"]],
            np.array([[_score(trial) for trial in row["trials"]] for row in rows]),
            np.array([[_accuracy(trial) for trial in row["trials"]] for row in rows]),
            np.array([row["seconds"] for row in rows]),
        )

    @cached_property
    def data(self) -> np.ndarray:
        """Of each condition the data set whose examples it shows, [R]."""
        return np.array([data_of(regime) for regime in self.regimes])

    @cached_property
    def methods(self) -> list[str]:
        """The methods of the pool, each once."""
        return list(dict.fromkeys(values["method"] for values in self.pool))

    def of(self, method: str) -> np.ndarray:
        """Return the places of a method's configurations in the pool."""
        return np.array([i for i, v in enumerate(self.pool) if v["method"] == method])

    def chosen(self, places: np.ndarray) -> np.ndarray:
        """Return the test accuracy of what the objective chooses of some configurations, [R]."""
        best = places[self.scores[:, places].argmax(axis=1)]
        return self.accuracies[np.arange(len(self.regimes)), best]


def data_of(regime: Regime) -> str:
    """Return the data set whose examples a condition shows."""
    return SAME_DATA.get(regime.data.split("_")[0], regime.data)


def _score(trial: dict[str, Any]) -> float:
    return -np.inf if trial["status"] == "diverged" else trial["score"]


def _accuracy(trial: dict[str, Any]) -> float:
    return 100.0 * trial["metrics"].get("test_accuracy_clean", 0.0)


def interval(values: np.ndarray, groups: np.ndarray) -> str:
    """Return the mean over groups and its 95 % t interval, each group with its own mean."""
    means = np.array([values[groups == group].mean() for group in np.unique(groups)])
    if len(means) < 2:
        return f"{means.mean():.1f}"
    half = student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return f"{means.mean():.1f} [{means.mean() - half:.1f}, {means.mean() + half:.1f}]"
