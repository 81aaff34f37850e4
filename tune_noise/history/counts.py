"""How far the conditions of a search are: counts, best trials and the time left.

Status, live table and progress lines all ask here. A trial that has ended is counted once, so a
display that asks twice a second costs the same however far the search is.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tune_noise.config.configurations import Configurations, Ledger, budgets, num_finalists
from tune_noise.config.metric_names import sign
from tune_noise.config.search import SearchConfig
from tune_noise.history.ranking import best_trial, by_finalist
from tune_noise.history.replay import RUNNING, STATUSES, History, TrialHistory
from tune_noise.history.time_left import Pace


@dataclass(frozen=True)
class FinalistCounts:
    """How far one finalist is confirmed.

    Attributes:
        trial_id: of the search trial that is confirmed.
        seeds_done: number of fresh seeds that have ended, in whatever way.
        seeds_asked: number of fresh seeds asked for so far.
        objective: its mean over the seeds that ended well; None where there is none.
    """

    trial_id: str
    seeds_done: int
    seeds_asked: int
    objective: float | None


@dataclass(frozen=True)
class ConditionCounts:
    """How far one condition is.

    Attributes:
        planned: number of trials of its search.
        statuses: status or `running` -> number of its search trials.
        best: the best search trial so far; None where none has a score.
        finalists: in the order of asking.
        confirmations_planned: number of fresh seeds of all finalists, as far as it is known.
        references_planned: number of reference models.
        references_done: of these, the ones that are trained, or cannot be.
    """

    planned: int
    statuses: dict[str, int]
    best: TrialHistory | None
    finalists: tuple[FinalistCounts, ...]
    confirmations_planned: int
    references_planned: int
    references_done: int

    @property
    def ended(self) -> int:
        """Number of search trials that have ended."""
        return sum(self.statuses.values()) - self.statuses[RUNNING]

    @property
    def confirmations_done(self) -> int:
        """Number of fresh seeds of all finalists that have ended."""
        return sum(finalist.seeds_done for finalist in self.finalists)

    @property
    def is_trained(self) -> bool:
        """Whether all trials have ended, so that reference models and suspects follow."""
        confirmed = self.confirmations_done == self.confirmations_planned
        return self.ended == self.planned and confirmed


@dataclass
class _Trials:
    """The trials of one condition."""

    config: SearchConfig
    ledgers: dict[Any, Ledger]
    finalists_planned: int
    running: list[TrialHistory] = field(default_factory=list)
    confirming: list[TrialHistory] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    best: TrialHistory | None = None

    def ledger(self, trial: TrialHistory) -> Ledger:
        """Return the ledger of the level that a trial belongs to."""
        return self.ledgers[self.config.level_of(trial.config)]

    @property
    def planned(self) -> int:
        """The number of trials of the search, if none of those to come is stopped."""
        return sum(ledger.num_asked + ledger.num_left for ledger in self.ledgers.values())

    def update(self, pace: Pace) -> None:
        """Count the trials that have ended since the last time."""
        running = []
        for trial in self.running:
            if trial.status is None:
                running.append(trial)
                continue
            pace.add(trial)
            if trial.stage == "search":
                self.ended[trial.status] += 1
                self.ledger(trial).end(trial.config, trial.status, trial.num_epochs)
                self.best = best_trial(filter(None, [self.best, trial]))
        self.running = running


class Counts:
    """The counts of a search that may go on meanwhile, in another thread.

    Args:
        history: of the search.
        config: what is searched.
    """

    def __init__(self, history: History, config: SearchConfig) -> None:
        self._history, self._config = history, config
        self._trials = {
            condition.name: _Trials(
                config,
                {
                    level: Ledger(Configurations(config, condition, level), budget)
                    for level, budget in budgets(config, condition).items()
                },
                num_finalists(config, condition),
            )
            for condition in config.all_conditions
        }
        self._num_asked = 0
        self._pace = Pace()

    def conditions(self) -> dict[str, ConditionCounts]:
        """Return how far each condition is now, by its name."""
        asked = list(self._history.trials.values())
        for trial in asked[self._num_asked :]:
            trials = self._trials[trial.condition]
            trials.running.append(trial)
            if trial.stage == "confirm":
                trials.confirming.append(trial)
            else:
                trials.ledger(trial).ask(trial.config)
        self._num_asked = len(asked)
        for trials in self._trials.values():
            trials.update(self._pace)
        return {name: self._condition(name, trials) for name, trials in self._trials.items()}

    def seconds_left(
        self, conditions: dict[str, ConditionCounts], *, concurrent: int
    ) -> float | None:
        """Return the time left at the pace so far.

        Args:
            conditions: as they were returned last.
            concurrent: number of trials that run side by side, at least 1.

        Returns:
            Seconds; None where too few trials have ended to tell.
        """
        return self._pace.seconds_left(
            (trial for trials in self._trials.values() for trial in trials.running),
            searches=sum(condition.planned for condition in conditions.values()),
            confirmations=sum(item.confirmations_planned for item in conditions.values()),
            concurrent=concurrent,
        )

    def _condition(self, name: str, trials: _Trials) -> ConditionCounts:
        searching = [trial for trial in trials.running if trial.stage == "search"]
        statuses = {RUNNING: len(searching)} | {name: trials.ended[name] for name in STATUSES}
        is_finished = self._history.finished
        is_searched = is_finished or self._history.time.is_used_up
        asked = len(trials.confirming)
        planned = trials.finalists_planned * self._config.confirm.seeds
        references = self._num_references_done(name, trials)
        return ConditionCounts(
            planned=sum(statuses.values()) if is_searched else trials.planned,
            statuses=statuses,
            best=best_trial(filter(None, [trials.best, *searching])),
            finalists=tuple(
                self._finalist(name, seeds)
                for name, seeds in by_finalist(trials.confirming).items()
            ),
            confirmations_planned=asked if is_finished else max(planned, asked),
            references_planned=len(self._config.references)
            if planned and not is_finished
            else references,
            references_done=references,
        )

    def _num_references_done(self, condition: str, trials: _Trials) -> int:
        models = self._history.references.get(condition, {})
        seeds = {trial.config.seed for trial in trials.confirming if trial.ended_well}
        return sum(
            name in models and not models[name].missing(seeds) for name in self._config.references
        )

    def _finalist(self, name: str, seeds: list[TrialHistory]) -> FinalistCounts:
        scores = [trial.score for trial in seeds if trial.ended_well and trial.score is not None]
        mean = sign(self._config.objective) * sum(scores) / len(scores) if scores else None
        done = sum(trial.status is not None for trial in seeds)
        return FinalistCounts(name, seeds_done=done, seeds_asked=len(seeds), objective=mean)
