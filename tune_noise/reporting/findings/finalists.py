"""A finalist: one configuration, confirmed by trials on fresh seeds."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tune_noise.config import declared
from tune_noise.config.metric_names import sign
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import History, TrialHistory
from tune_noise.reporting.statistics import Estimate, estimate, paired_difference
from tune_noise.reporting.tables import trial_metrics
from tune_noise.verdict import COUNTED

FAILED = ("diverged", "failed")


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
        """Seed -> trial, of the seeds that were trained to their end."""
        return {t.config.seed: t for t in self.trials if t.status in COUNTED}

    @cached_property
    def _by_seed(self) -> dict[Hashable, dict[str, float]]:
        return {seed: trial_metrics(trial) for seed, trial in self.counted.items()}

    def values(self, metric: str) -> dict[Hashable, float]:
        """Seed -> value of a metric, where it was measured."""
        return {s: found[metric] for s, found in self._by_seed.items() if metric in found}

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        """Every metric over the fresh seeds."""
        names = dict.fromkeys(name for found in self._by_seed.values() for name in found)
        return {name: estimate(list(self.values(name).values())) for name in names}

    @property
    def objective(self) -> Estimate | None:
        """The objective over the fresh seeds; None where no seed was trained to its end."""
        return self.metrics.get(self.config.objective)

    def minus(self, other: "Finalist") -> dict[str, Estimate]:
        """Paired difference in every metric that both have on a shared seed."""
        found = {
            name: paired_difference(self.values(name), other.values(name))
            for name in self.metrics
            if name in other.metrics
        }
        return {name: difference for name, difference in found.items() if difference is not None}

    @property
    def shares_labels(self) -> bool:
        """Whether no seed draws labels of its own: they are given, or noise_seed is fixed."""
        drawn = {trial.config.noise_seed for trial in self.trials}
        return not declared.noise(self.config.noise).drawn or (
            len(self.trials) > 1 and len(drawn) == 1
        )

    @property
    def num_failed(self) -> int:
        """Seeds that diverged or failed."""
        return sum(trial.status in FAILED for trial in self.trials)

    @property
    def num_renamed(self) -> int:
        """Seeds whose selected epoch names the classes in another order than the labels do."""
        return sum(value > 0.0 for value in self.values("val_renamed").values())

    def to_json(self) -> dict[str, Any]:
        """As `summary.json` holds it."""
        return {
            "config": self.config.model_dump(mode="json", exclude_none=True),
            "metrics": estimates_to_json(self.metrics),
            "trial_id": self.trial_id,
            "confirm_trial_ids": [trial.trial_id for trial in self.trials],
            "failed_seeds": self.num_failed,
            "renamed_seeds": self.num_renamed,
        }


def estimates_to_json(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    """Metric -> its four figures as plain values."""
    return {name: found.to_json() for name, found in metrics.items()}


def finalists_of(history: History, *, condition: str, leader: str | None) -> list[Finalist]:
    """The finalists of a condition, see `ranked`."""
    groups: dict[str, list[TrialHistory]] = {}
    for trial in history.of(condition=condition, stage="confirm"):
        groups.setdefault(trial.finalist or trial.trial_id, []).append(trial)
    found = [_finalist(history, key, trials) for key, trials in groups.items()]
    return ranked(found, leader=leader)


def ranked(finalists: Sequence[Finalist], *, leader: str | None) -> list[Finalist]:
    """The leader, then those on most seeds, best mean objective first, those without one last.

    Who was separated early has seen fewer seeds: its mean is that of other seeds than the rest's.
    """

    def key(finalist: Finalist) -> tuple[bool, bool, int, float]:
        found = finalist.objective
        mean = 0.0 if found is None else -sign(finalist.config.objective) * found.mean
        return found is None, finalist.trial_id != leader, -len(finalist.trials), mean

    return sorted(finalists, key=key)


def _finalist(history: History, trial_id: str, trials: list[TrialHistory]) -> Finalist:
    searched = history.trials.get(trial_id, trials[0])
    return Finalist(trial_id=trial_id, config=searched.config, trials=tuple(trials))
