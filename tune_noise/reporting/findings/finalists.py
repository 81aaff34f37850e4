"""A finalist: one configuration, confirmed by trials on fresh seeds."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tune_noise.config.metric_names import sign
from tune_noise.config.trial import TrialConfig
from tune_noise.history.ranking import by_finalist
from tune_noise.history.replay import History, TrialHistory
from tune_noise.reporting.findings.trial_metrics import trial_metrics
from tune_noise.reporting.statistics import Estimate, estimate, paired_difference
from tune_noise.verdict import share_labels

# Beside the objective. Three figures of test accuracy, never one: selected, last epochs, oracle.
REPORTED = (
    "test_accuracy_clean",
    "test_accuracy_clean_last_mean",
    "test_accuracy_clean_best",
    "test_accuracy_clean_ensemble",
    "test_balanced_accuracy_clean",
    "train_label_precision",
    "train_label_recall",
)
# The 95 % quantile of the normal distribution.
Z_ONE_SIDED = 1.644854


@dataclass(frozen=True)
class Finalist:
    """One configuration that reached the final of its condition.

    Attributes:
        trial_id: the search trial that is confirmed.
        config: its configuration, with the seeds of the search trial.
        trials: its confirmation trials, one per fresh seed, in the order of asking.
    """

    trial_id: str
    config: TrialConfig
    trials: tuple[TrialHistory, ...]

    @cached_property
    def counted(self) -> dict[Hashable, TrialHistory]:
        """The trials that were trained to their end, by seed."""
        return {t.config.seed: t for t in self.trials if t.ended_well}

    @cached_property
    def _by_seed(self) -> dict[Hashable, dict[str, float]]:
        return {seed: trial_metrics(trial) for seed, trial in self.counted.items()}

    def values(self, metric: str) -> dict[Hashable, float]:
        """Return a metric by seed, where it was measured."""
        return {s: metrics[metric] for s, metrics in self._by_seed.items() if metric in metrics}

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        """Every metric over the fresh seeds."""
        names = dict.fromkeys(name for metrics in self._by_seed.values() for name in metrics)
        return {name: estimate(list(self.values(name).values())) for name in names}

    @property
    def objective(self) -> Estimate | None:
        """The objective over the fresh seeds; None where no seed was trained to its end."""
        return self.metrics.get(self.config.objective)

    def minus(self, other: "Finalist") -> dict[str, Estimate]:
        """Return the paired difference in every metric that both have on a shared seed."""
        return {
            name: difference
            for name in self.metrics
            if (difference := paired_difference(self.values(name), other.values(name))) is not None
        }

    @property
    def shares_labels(self) -> bool:
        """Whether no seed draws labels of its own: they are given, or noise_seed is fixed."""
        return share_labels(self.trials)

    @property
    def information(self) -> str:
        """The metric that tells whether anything was learned: the objective, if it is one."""
        objective = self.config.objective
        return objective if "information" in objective else "val_information_noisy"

    @property
    def has_learned(self) -> bool:
        """Whether its information about the noisy labels is above 0, at a one-sided 5 %.

        The mean over the seeds is judged by the standard error of one measurement, which holds the
        chance of the validation labels; seeds that draw their labels afresh make it smaller.
        An oracle is steered by clean labels, and is not judged by noisy ones.
        """
        mean = self.metrics.get(self.information)
        if mean is None or self.config.oracle:
            return True
        error = self.metrics.get(f"{self.information}_se")
        draws = 1 if self.shares_labels else mean.n
        return mean.mean > (0.0 if error is None else Z_ONE_SIDED * error.mean / math.sqrt(draws))

    @property
    def num_failed(self) -> int:
        """The number of seeds that diverged or failed."""
        return sum(trial.is_lost for trial in self.trials)

    @property
    def num_renamed(self) -> int:
        """The number of seeds whose selected epoch names the classes in another order."""
        return sum(value > 0.0 for value in self.values("val_renamed").values())

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `summary.json`."""
        return {
            "config": self.config.to_plain(),
            "metrics": estimates_to_json(self.metrics),
            "trial_id": self.trial_id,
            "confirm_trial_ids": [trial.trial_id for trial in self.trials],
            "failed_seeds": self.num_failed,
            "renamed_seeds": self.num_renamed,
        }


def reported_metrics(finalists: Sequence[Finalist]) -> list[str]:
    """Return the metrics that tables of finalists show and some finalist has, objective first."""
    objective = [finalist.config.objective for finalist in finalists[:1]]
    return [m for m in (*objective, *REPORTED) if any(m in f.metrics for f in finalists)]


def estimates_to_json(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return the four figures of every metric as plain values."""
    return {name: estimate.to_json() for name, estimate in metrics.items()}


def finalists_of(history: History, *, condition: str, leader: str | None) -> list[Finalist]:
    """Return the finalists of a condition in the order of `ranked`."""
    groups = by_finalist(history.of(condition=condition, stage="confirm"))
    finalists = [
        Finalist(key, history.trials.get(key, trials[0]).config, tuple(trials))
        for key, trials in groups.items()
    ]
    return ranked(finalists, leader=leader)


def ranked(finalists: Sequence[Finalist], *, leader: str | None) -> list[Finalist]:
    """Sort: the leader, then those on most seeds, best mean objective first, without one last.

    A finalist that was separated early has seen fewer seeds: its mean is over other seeds than
    those of the rest.
    """

    def key(finalist: Finalist) -> tuple[bool, bool, int, float]:
        objective = finalist.objective
        mean = 0.0 if objective is None else -sign(finalist.config.objective) * objective.mean
        return objective is None, finalist.trial_id != leader, -len(finalist.trials), mean

    return sorted(finalists, key=key)
