"""Several searches side by side: which of their conditions may be compared, and how they differ."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tune_noise.config.metric_names import sign
from tune_noise.history.replay import History
from tune_noise.reporting.comparison.tasks import (
    data_name,
    differing,
    factors_of,
    task_of_condition,
)
from tune_noise.reporting.findings.effort import efforts
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.summary import ConditionSummary, summarise
from tune_noise.reporting.statistics import Estimate
from tune_noise.verdict import mean_without_groups, stepwise
from tune_noise.verdict.task import Task, task_key
from tune_noise.verdict.two_samples import Difference, difference_of

TEST_ACCURACY = "test_accuracy_clean"
Standing = Literal["ahead", "leading", "behind", "not separated", "alone", "unconfirmed"]


@dataclass(frozen=True)
class Cost:
    """What a condition took, search and confirmation together.

    Attributes:
        trials: all of them.
        epochs: trained, over all trials.
        network_epochs: see `effort.Effort`.
        seconds: of training.
    """

    trials: int
    epochs: int
    network_epochs: int
    seconds: float


@dataclass(frozen=True)
class Entry:
    """One condition of one search.

    Attributes:
        label: names the search, unlike all others that are compared.
        condition: as its search judged it.
        cost: what it took.
    """

    label: str
    condition: ConditionSummary
    cost: Cost

    @property
    def name(self) -> str:
        """Search and condition."""
        return f"{self.label}: {self.condition.name}"

    @property
    def leader(self) -> Finalist | None:
        """The leader of its own search; None where none is confirmed."""
        return self.condition.leader

    def estimate(self, metric: str) -> Estimate | None:
        """Return the leader's figure over its fresh seeds."""
        return None if self.leader is None else self.leader.metrics.get(metric)

    def values(self, metric: str) -> dict[Hashable, float]:
        """Return the leader's values by (training seed, noise seed): equal seeds, equal labels."""
        if self.leader is None:
            return {}
        seeds = {s: (s, t.config.noise_seed) for s, t in self.leader.counted.items()}
        return {seeds[seed]: value for seed, value in self.leader.values(metric).items()}

    @property
    def without(self) -> list[float] | None:
        """The leader's objective without each group of validation labels, if seeds share them."""
        if self.leader is None:
            return None
        return mean_without_groups(list(self.leader.counted.values()))


@dataclass(frozen=True)
class Against:
    """The best leader of a task against another one.

    Attributes:
        entry: the other one.
        objective: best minus other, in the objective's own unit and sign.
        test_accuracy: the same; None where it was not measured. It reports, it never decides.
        level: the error at which it was judged.
        is_separated: whether the other one is worse than the best.
    """

    entry: Entry
    objective: Difference
    test_accuracy: Difference | None
    level: float
    is_separated: bool


@dataclass(frozen=True)
class TaskComparison:
    """The conditions that ask the same of a configuration.

    Attributes:
        task: what they ask.
        entries: best leader first, those without one last.
        against: the best one against each other one that has a leader, in the same order.
    """

    task: Task
    entries: tuple[Entry, ...]
    against: tuple[Against, ...]

    @property
    def objective(self) -> str:
        """The metric by which they are judged."""
        return str(self.task["objective"])

    @property
    def verdict(self) -> Literal["winner", "tie"] | None:
        """`winner` if the best is separated from every other one; None with nothing to compare."""
        if not self.against:
            return None
        return "winner" if all(a.is_separated for a in self.against) else "tie"

    def against_of(self, entry: Entry) -> Against | None:
        """Return the best leader against one of the entries; None for the best itself."""
        return next((against for against in self.against if against.entry is entry), None)

    def standing(self, entry: Entry) -> Standing:
        """Return how one of the entries stands."""
        if entry.leader is None:
            return "unconfirmed"
        against = self.against_of(entry)
        if against is not None:
            return "behind" if against.is_separated else "not separated"
        if self.verdict is None:
            return "alone"
        return "ahead" if self.verdict == "winner" else "leading"


@dataclass(frozen=True)
class SearchComparison:
    """Several searches side by side.

    Attributes:
        searches: label -> facts of each, as `summary.json` holds them.
        tasks: in the order in which the searches name them.
        untold: conditions of which no trial tells what they ask.
    """

    searches: dict[str, dict[str, Any]]
    tasks: tuple[TaskComparison, ...]
    untold: tuple[Entry, ...]

    @cached_property
    def differing(self) -> list[str]:
        """The fields in which the tasks differ; empty where all is one task."""
        return differing([task.task for task in self.tasks])


def compare_searches(histories: dict[str, History]) -> SearchComparison:
    """Compare the leaders of all conditions that are the same task.

    Args:
        histories: label -> a search, finished or not; at least one.
    """
    summaries = {label: summarise(history) for label, history in histories.items()}
    conditions = [
        (label, condition)
        for label, summary in summaries.items()
        for condition in summary.conditions
    ]
    searched = [condition for _, condition in conditions if condition.search_trials]
    factors = {name for condition in searched for name in factors_of(condition)}
    left_out = []
    groups: dict[str, tuple[Task, list[Entry]]] = {}
    for label, condition in conditions:
        history = histories[label]
        entry = Entry(label, condition, _cost(history, condition.name))
        task = task_of_condition(history, condition, factors)
        if task is None:
            left_out.append(entry)
        else:
            named = {"data": data_name(history)} | task
            groups.setdefault(task_key(task), (named, []))[1].append(entry)
    return SearchComparison(
        searches={label: summary.search for label, summary in summaries.items()},
        tasks=tuple(_compare(task, entries) for task, entries in groups.values()),
        untold=tuple(left_out),
    )


def _cost(history: History, condition: str) -> Cost:
    spent = efforts(history, condition=condition)
    return Cost(
        trials=sum(effort.num_trials for effort in spent),
        epochs=sum(effort.epochs for effort in spent),
        network_epochs=sum(effort.network_epochs for effort in spent),
        seconds=sum(effort.seconds for effort in spent),
    )


def _compare(task: Task, entries: Sequence[Entry]) -> TaskComparison:
    objective = str(task["objective"])

    def key(entry: Entry) -> tuple[bool, float]:
        estimate = entry.estimate(objective)
        return estimate is None, 0.0 if estimate is None else -sign(objective) * estimate.mean

    ranked = sorted(entries, key=key)
    best, *others = ranked
    rivals = [other for other in others if other.values(objective)]
    return TaskComparison(task, tuple(ranked), _judge(best, rivals, objective))


def _judge(best: Entry, rivals: Sequence[Entry], objective: str) -> tuple[Against, ...]:
    """Judge the best against every other one, with the same correction as among finalists.

    The best is the leader of its search partly by luck, so the error is that of a challenge.
    """
    factor = sign(objective)
    first = _signed(best, objective, factor)
    differences = [
        difference
        for rival in rivals
        if (
            difference := difference_of(
                first,
                _signed(rival, objective, factor),
                # Of one task: where labels are shared they are the same.
                without=(best.without, rival.without),
            )
        )
    ]
    if not differences:
        return ()
    p = np.array([[difference.p_value for difference in differences]])
    error = best.condition.challenge_level
    separated, level = stepwise(p, np.ones_like(p, dtype=bool), error)
    return tuple(
        Against(
            entry=rival,
            objective=replace(difference, mean=factor * difference.mean),
            test_accuracy=difference_of(best.values(TEST_ACCURACY), rival.values(TEST_ACCURACY)),
            level=float(level[0, place]),
            is_separated=bool(separated[0, place]),
        )
        for place, (rival, difference) in enumerate(zip(rivals, differences, strict=True))
    )


def _signed(entry: Entry, objective: str, factor: float) -> dict[Hashable, float]:
    return {seed: factor * value for seed, value in entry.values(objective).items()}
