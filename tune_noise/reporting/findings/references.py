"""The reference models of a condition, and how the leader stands against them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tune_noise.config.metric_names import sign
from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.words import plain_value
from tune_noise.history.references import ReferenceHistory
from tune_noise.reporting.findings.finalists import Finalist, estimates_to_json
from tune_noise.reporting.statistics import Estimate, estimate
from tune_noise.verdict import (
    Comparison,
    ReferenceComparison,
    compare_references,
    share_labels,
    without_groups,
)

# Between seeds, in nats or as a fraction: a smaller one is not shown.
LEAST_SPREAD = 1e-4


@dataclass(frozen=True)
class Reference:
    """A reference model on the fresh seeds of a confirmation.

    Attributes:
        history: what the record says.
        objective: metric by which it is judged.
        judgement: how the leader stands against it; None where there is no leader, or no result.
    """

    history: ReferenceHistory
    objective: str
    judgement: ReferenceComparison | None = None

    @property
    def name(self) -> str:
        """As it is declared."""
        return self.history.name

    @property
    def words(self) -> str:
        """As sentences name it."""
        return REFERENCES[self.name].words

    @property
    def settings(self) -> str:
        """`scaling unit, k 25`; empty where it has none."""
        return ", ".join(f"{name} {plain_value(v)}" for name, v in self.history.settings.items())

    @property
    def learned(self) -> str:
        """`10,000 of 54,000 examples` where it learned a part of them; else empty."""
        examples, available = self.history.examples, self.history.available
        return f"{examples:,} of {available:,} examples" if examples < available else ""

    def values(self, metric: str) -> dict[Hashable, float]:
        """Return a metric by seed, where it was measured."""
        seeds = self.history.metrics.items()
        return {seed: values[metric] for seed, values in seeds if metric in values}

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        """Every metric over the fresh seeds."""
        names = dict.fromkeys(name for values in self.history.metrics.values() for name in values)
        return {name: _mean(list(self.values(name).values())) for name in names}

    @property
    def leader_minus_this(self) -> Comparison | None:
        """The comparison with the leader, in the objective as it is counted."""
        if self.judgement is None:
            return None
        comparison = self.judgement.comparison
        return replace(comparison, mean=sign(self.objective) * comparison.mean)

    @property
    def is_ahead_of_all(self) -> bool:
        """Whether no network is better."""
        return self.judgement is not None and self.judgement.is_ahead_of_all

    @property
    def is_beaten(self) -> bool:
        """Whether the leader is better."""
        return self.judgement is not None and self.judgement.is_beaten

    @property
    def standing(self) -> str:
        """`ahead of all networks`, `behind the leader`, `not separated`; empty: not judged."""
        if self.judgement is None:
            return ""
        if self.is_ahead_of_all:
            return "ahead of all networks"
        return "behind the leader" if self.is_beaten else "not separated"

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `summary.json`."""
        comparison = self.leader_minus_this
        return {
            "name": self.name,
            "settings": dict(self.history.settings),
            "metrics": estimates_to_json(self.metrics),
            "examples": self.history.examples,
            "available_examples": self.history.available,
            "seconds": self.history.seconds,
            "problem": self.history.problem or None,
            "leader_minus_this": None if comparison is None else comparison.to_json(),
            "no_network_is_better": self.is_ahead_of_all,
        }


def references_of(
    models: dict[str, ReferenceHistory],
    finalists: list[Finalist],
    objective: str,
    *,
    leader: Finalist | None,
    num_tied: int,
    error: float,
) -> list[Reference]:
    """Return the reference models of a condition, those with the best mean objective first.

    Args:
        models: by name.
        finalists: with at least one result each.
        objective: metric by which they are judged.
        leader: one of the finalists; None where there is no verdict.
        num_tied: finalists that are not separated from the leader.
        error: see `compare_references`.
    """
    references = {name: Reference(history, objective) for name, history in models.items()}
    judgements: dict[str, ReferenceComparison] = {}
    if leader is not None:
        scores = {n: _scores(r.values(objective), objective) for n, r in references.items()}
        judgements = compare_references(
            {f.trial_id: _scores(f.values(objective), objective) for f in finalists},
            {name: values for name, values in scores.items() if values},
            leader=leader.trial_id,
            num_tied=num_tied,
            error=error,
            without=_without(finalists, models),
        )
    judged = [replace(r, judgement=judgements.get(name)) for name, r in references.items()]
    return sorted(judged, key=_rank)


def _without(
    finalists: list[Finalist], models: dict[str, ReferenceHistory]
) -> dict[str, Mapping[Hashable, Sequence[float]]] | None:
    """Return the objective without each group of labels; None where seeds draw labels of their own.

    None, too, where a finalist or a model lacks it: then all are judged by the seeds alone.
    """
    trials = [trial for finalist in finalists for trial in finalist.trials]
    of_finalists = without_groups(trials) if share_labels(trials) else None
    of_models = {name: model.without for name, model in models.items() if model.metrics}
    if of_finalists is None or not all(of_models.values()):
        return None
    return {**of_finalists, **of_models}


def _rank(reference: Reference) -> tuple[bool, float]:
    mean = reference.metrics.get(reference.objective)
    return mean is None, 0.0 if mean is None else -sign(reference.objective) * mean.mean


def _scores(values: dict[Hashable, float], objective: str) -> dict[Hashable, float]:
    return {seed: sign(objective) * value for seed, value in values.items()}


def _mean(values: list[float]) -> Estimate:
    """Return the mean; where seeds hardly differ, as with shared labels, without an interval."""
    mean = estimate(values)
    has_spread = mean.sd is not None and mean.sd > LEAST_SPREAD
    return mean if has_spread else replace(mean, sd=None, ci95=None)
