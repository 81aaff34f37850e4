"""Optuna proposes configurations, by ask and tell; one study per group.

A group is one condition and one level of `compare`. Studies live in memory: they are rebuilt from
the record by asking again with the recorded values, which is the path that a live search takes.
Of more than 250 ended trials TPE sees the best and a fair sample: see `trial_memory`.
"""

import itertools
import warnings
from typing import Any

import optuna

from tune_noise.config.conditional import field_default
from tune_noise.config.domains import Domain
from tune_noise.config.search import Condition, SearchConfig, deciders
from tune_noise.config.trial import applies, trial_fields
from tune_noise.history.replay import TrialHistory
from tune_noise.seeding import derive_seed
from tune_noise.tuning.session.trial_memory import TrialMemory

# TPE needs some random trials to start from; Optuna's 10 would be a small search's all.
MAX_STARTUP_TRIALS = 10

optuna.logging.set_verbosity(optuna.logging.WARNING)


def search_order(domains: dict[str, Domain]) -> list[str]:
    """Return the searched fields, those that decide about others first.

    Raises:
        ValueError: fields depend on each other in a circle.
    """
    order: list[str] = []
    remaining = dict(domains)
    while remaining:
        ready = [f for f in remaining if not deciders(f, domains[f]) & set(remaining)]
        if not ready:
            raise ValueError(f"the fields {', '.join(remaining)} depend on each other in a circle")
        order += ready
        for field in ready:
            del remaining[field]
    return order


class GroupSampler:
    """Propose configurations for one group.

    Args:
        search: gives domains, sampler and seed.
        condition: its factors take part in deciding which fields apply.
        level: the group's level of `compare`; None where nothing is compared.
        num_trials: how many proposals the group may make; a grid ends with its points.
    """

    def __init__(
        self, search: SearchConfig, condition: Condition, level: Any, num_trials: int
    ) -> None:
        self._search = search
        self._seed_names = ("sampler", condition.name, str(level))
        self._domains = dict(search.search)
        self._given = {"noise": search.noise} | search.fixed | condition.factors
        if search.compare in self._domains:
            del self._domains[search.compare]
            self._given[search.compare] = level
        self._level = {search.compare: level} if search.compare in search.search else {}
        self._order = search_order(self._domains)
        self._study = optuna.create_study(direction="maximize", storage=TrialMemory())
        self._num_asked = 0
        # The trials whose ends Optuna has not been told.
        self._asked: dict[str, optuna.Trial] = {}
        self._grid = self._grid_points() if search.sampler == "grid" else None
        self._num_trials = num_trials if self._grid is None else len(self._grid)

    @property
    def num_trials(self) -> int:
        """Number of proposals that this group makes in all."""
        return self._num_trials

    @property
    def num_asked(self) -> int:
        """Number of proposals made so far."""
        return self._num_asked

    def ask(self, trial_id: str) -> dict[str, Any]:
        """Propose the values of all searched fields that apply, `compare` included."""
        self._study.sampler = self._fresh_sampler()
        if self._grid is not None:
            self._study.enqueue_trial(self._grid[self.num_asked])
        return self._level | self._suggest(trial_id)

    def replay(self, trial: TrialHistory) -> None:
        """Ask again for a trial of the record, and tell its end if it has one."""
        # Values are given, so nothing is to be modelled: TPE would only cost time here.
        self._study.sampler = optuna.samplers.RandomSampler(seed=0)
        values: dict[str, Any] = {}
        for field in self._order:
            if self._is_active(field, values):
                values[field] = getattr(trial.config, field)
        self._study.enqueue_trial(values)
        self._suggest(trial.trial_id)
        if trial.status is not None:
            self.tell(trial)

    def tell(self, trial: TrialHistory) -> None:
        """Report the end of a trial.

        A stopped trial is told as pruned at its last epoch, so that values of different length
        are never compared as equals; a diverged one as pruned without a value, which TPE ranks
        last; a failed one says nothing about its configuration.
        """
        asked = self._asked.pop(trial.trial_id)
        state = optuna.trial.TrialState
        if trial.status == "completed" and trial.score is not None:
            self._study.tell(asked, trial.score)
        elif trial.status == "failed":
            self._study.tell(asked, state=state.FAIL)
        else:
            if not trial.is_lost and trial.score is not None:
                asked.report(trial.score, trial.num_epochs)
            self._study.tell(asked, state=state.PRUNED)

    def _suggest(self, trial_id: str) -> dict[str, Any]:
        trial = self._study.ask()
        self._asked[trial_id] = trial
        self._num_asked += 1
        values: dict[str, Any] = {}
        for field in self._order:
            if self._is_active(field, values):
                values[field] = _suggest(trial, field, self._domains[field])
        return values

    def _is_active(self, field: str, values: dict[str, Any]) -> bool:
        given = self._given | values
        for decider, value in self._domains[field].when.items():
            default = field_default(trial_fields()[decider], given)
            if given.get(decider, default) != value:
                return False
        return applies(field, given)

    def _fresh_sampler(self) -> optuna.samplers.BaseSampler:
        # A new sampler per proposal: its draws depend on the seed, the number of the proposal and
        # the results so far, never on what the process happened to draw before. So a resumed
        # serial search proposes what an uninterrupted one would have.
        seed = derive_seed(self._search.seed, *self._seed_names, self.num_asked) % 2**32
        if self._search.sampler == "tpe":
            startup = max(3, min(MAX_STARTUP_TRIALS, self._num_trials // 3))
            with warnings.catch_warnings():
                # `group` lets fields of one branch be modelled together; Optuna calls it
                # experimental, and the release is pinned.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return optuna.samplers.TPESampler(
                    seed=seed, multivariate=True, group=True, n_startup_trials=startup
                )
        return optuna.samplers.RandomSampler(seed=seed)

    def _grid_points(self) -> list[dict[str, Any]]:
        points: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
        for combination in itertools.product(*(self._domains[f].grid() for f in self._order)):
            values: dict[str, Any] = {}
            for field, value in zip(self._order, combination, strict=True):
                if self._is_active(field, values):
                    values[field] = value
            # Fields that do not apply leave equal points behind: each is tried once.
            points.setdefault(tuple(values.items()), values)
        return list(points.values())


def _suggest(trial: optuna.Trial, field: str, domain: Domain) -> Any:
    if domain.choice is not None:
        return trial.suggest_categorical(field, domain.choice)
    low, high = domain.bounds
    if domain.kind == "int":
        return trial.suggest_int(field, low, high)
    return trial.suggest_float(field, low, high, log=domain.kind == "loguniform")
