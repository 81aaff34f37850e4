"""Optuna proposes configurations, by ask and tell; one study per group.

A group is one condition and one level of `compare`. Studies live in memory: they are rebuilt from
the record by asking again with the recorded values, which is the path that a live search takes.
Of more than 250 ended trials TPE sees the best and a fair sample: see `trial_memory`.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import optuna

from tune_noise.config.configurations import Configurations, Ledger, Values
from tune_noise.config.domains import Domain
from tune_noise.config.search import MAX_GRID_POINTS, Condition, SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.seeding import derive_seed
from tune_noise.tuning.session.trial_memory import TrialMemory

# TPE needs some random trials to start from; Optuna's 10 would be a small search's all.
MAX_STARTUP_TRIALS = 10
# Of one proposal, while all that is drawn was tried before: by the sampler, then at random.
SAMPLER_DRAWS = 10
MAX_DRAWS = 1000

Key = tuple[tuple[str, Any], ...]

optuna.logging.set_verbosity(optuna.logging.WARNING)


class GroupSampler:
    """Propose configurations for one group.

    Args:
        search: gives domains, sampler and seed.
        condition: its factors take part in deciding which fields apply.
        level: the group's level of `compare`; None where nothing is compared.
        budget: the trials or network-epochs that its proposals may take in all, see `budgets`; it
            makes fewer where there are fewer different configurations.
        start: proposals that come first, see `starting_points`; fields that one of them does not
            name are drawn.
    """

    def __init__(
        self,
        search: SearchConfig,
        condition: Condition,
        level: Any,
        budget: float,
        start: Sequence[Values] = (),
    ) -> None:
        self._search = search
        self._seed_names = ("sampler", condition.name, str(level))
        self._configurations = Configurations(search, condition, level)
        self._number = self._configurations.number
        self._memory = TrialMemory()
        self._study = optuna.create_study(direction="maximize", storage=self._memory)
        self._ledger = Ledger(self._configurations, budget)
        self._tried: set[Key] = set()
        self._is_exhausted = False
        # The trials whose ends Optuna has not been told.
        self._asked: dict[str, optuna.Trial] = {}
        self._num_startup = max(3, min(MAX_STARTUP_TRIALS, self._ledger.num_left // 3))
        self._grid = list(self._configurations.all()) if search.sampler == "grid" else None
        self._start = start

    @property
    def num_trials(self) -> int:
        """Number of proposals that this group makes in all, if no further trial is stopped."""
        return self.num_asked + self._ledger.num_left

    @property
    def num_asked(self) -> int:
        """Number of proposals made so far."""
        return self._ledger.num_asked

    @property
    def spent(self) -> float:
        """Trials or network-epochs that they have taken so far."""
        return self._ledger.spent

    @property
    def has_proposals(self) -> bool:
        """Whether a trial can be paid for, and there is a configuration that was not tried."""
        return self._ledger.num_left > 0 and not self._is_exhausted

    def ask(self, trial_id: str) -> dict[str, Any] | None:
        """Propose the values of all searched fields that apply, `compare` included.

        They are none that an earlier trial of the group has: its seeds are the same, and so would
        its result be; nor one that costs more than is left. After MAX_DRAWS of such the group is
        taken to be exhausted.

        Returns:
            field -> value; None where nothing new was drawn.
        """
        for draw in range(MAX_DRAWS):
            self._study.sampler = self._fresh_sampler(draw)
            point = self._point(draw)
            if point is not None:
                self._study.enqueue_trial(point)
            trial = self._study.ask()
            values = self._suggest(trial)
            config = self._configurations.config(values)
            if _key(values) not in self._tried and self._ledger.covers(config):
                self._take(trial_id, trial, values, config)
                return self._configurations.level | values
            self._memory.withdraw(trial)
        self._is_exhausted = True
        return None

    def _point(self, draw: int) -> dict[str, Any] | None:
        """Return the values to try where no sampler is to draw them: of a grid or a start, or left.

        Those of a start may be some of a configuration's.
        """
        if self._grid is not None:
            return self._grid[self.num_asked]
        if draw == 0 and self.num_asked < len(self._start):
            return self._start[self.num_asked]
        if draw < SAMPLER_DRAWS or self._number > MAX_GRID_POINTS:
            return None
        # The sampler insists on what was tried; any of the others will do.
        left = [p for p in self._configurations.all() if _key(p) not in self._tried]
        return left[self._draw_seed(draw) % len(left)]

    def replay(self, trial: TrialHistory) -> None:
        """Ask again for a trial of the record, and tell its end if it has one."""
        # Values are given, so nothing is to be modelled: TPE would only cost time here.
        self._study.sampler = optuna.samplers.RandomSampler(seed=0)
        values: dict[str, Any] = {}
        for field in self._configurations.order:
            if self._configurations.is_active(field, values):
                values[field] = getattr(trial.config, field)
        self._study.enqueue_trial(values)
        asked = self._study.ask()
        self._take(trial.trial_id, asked, self._suggest(asked), trial.config)
        if trial.status is not None:
            self.tell(trial)

    def _take(
        self, trial_id: str, trial: optuna.Trial, values: dict[str, Any], config: TrialConfig
    ) -> None:
        self._asked[trial_id] = trial
        self._tried.add(_key(values))
        self._ledger.ask(config)

    def tell(self, trial: TrialHistory) -> None:
        """Report the end of a trial.

        A stopped trial is told as pruned at its last epoch, so that values of different length
        are never compared as equals; a diverged one as pruned without a value, which TPE ranks
        last; a failed one says nothing about its configuration.
        """
        asked = self._asked.pop(trial.trial_id)
        self._ledger.end(trial.config, str(trial.status), trial.num_epochs)
        state = optuna.trial.TrialState
        if trial.status == "completed" and trial.score is not None:
            self._study.tell(asked, trial.score)
        elif trial.status == "failed":
            self._study.tell(asked, state=state.FAIL)
        else:
            if not trial.is_lost and trial.score is not None:
                asked.report(trial.score, trial.num_epochs)
            self._study.tell(asked, state=state.PRUNED)

    def _suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field in self._configurations.order:
            if self._configurations.is_active(field, values):
                values[field] = _suggest(trial, field, self._configurations.domains[field])
        return values

    def _draw_seed(self, draw: int) -> int:
        again = (draw,) if draw else ()
        return derive_seed(self._search.seed, *self._seed_names, self.num_asked, *again) % 2**32

    def _fresh_sampler(self, draw: int) -> optuna.samplers.BaseSampler:
        # A new sampler per proposal: its draws depend on the seed, the number of the proposal and
        # the results so far, never on what the process happened to draw before. So a resumed
        # serial search proposes what an uninterrupted one would have.
        seed = self._draw_seed(draw)
        if self._search.sampler == "tpe" and draw < SAMPLER_DRAWS:
            with warnings.catch_warnings():
                # `group` lets fields of one branch be modelled together; Optuna calls it
                # experimental, and the release is pinned.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return optuna.samplers.TPESampler(
                    seed=seed, multivariate=True, group=True, n_startup_trials=self._num_startup
                )
        return optuna.samplers.RandomSampler(seed=seed)


def _key(values: dict[str, Any]) -> Key:
    return tuple(values.items())


def _suggest(trial: optuna.Trial, field: str, domain: Domain) -> Any:
    if domain.choice is not None:
        return trial.suggest_categorical(field, domain.choice)
    low, high = domain.bounds
    if domain.kind == "int":
        return trial.suggest_int(field, low, high)
    return trial.suggest_float(field, low, high, log=domain.kind == "loguniform")
