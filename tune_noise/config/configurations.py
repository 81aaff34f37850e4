"""The different configurations that a condition of a search may try: which, and how many."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from tune_noise.config import declared
from tune_noise.config.conditional import default_deciders, field_default
from tune_noise.config.domains import Domain
from tune_noise.config.search import Condition, SearchConfig, deciders
from tune_noise.config.trial import TrialConfig, applies, trial_fields
from tune_noise.declaration import MethodDeclaration

# The charges of trials may be fractions, whose sums are not exact.
_ROUNDING = 1e-6

Values = dict[str, Any]


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


class Configurations:
    """The searched values that the trials of one group may have: of a condition, at a level.

    Two trials of a group have the same configuration exactly if these values are the same: fields
    that do not apply are left out, and everything else, seeds included, is common to the group.

    Args:
        search: gives the domains.
        condition: its factors take part in deciding which fields apply.
        level: the group's level of `compare`; None where nothing is compared.

    Attributes:
        search: as it was given.
        domains: of the fields that differ within the group.
        order: those fields, the ones that decide about others first.
        level: field of `compare` -> its level, where it is searched.
    """

    def __init__(self, search: SearchConfig, condition: Condition, level: Any) -> None:
        self.domains = dict(search.search)
        self.level = {search.compare: level} if search.compare in self.domains else {}
        for field in self.level:
            del self.domains[field]
        self._given = {"noise": search.noise} | search.fixed | condition.factors | self.level
        self.search, self._condition = search, condition
        self.order = search_order(self.domains)
        is_grid = search.sampler == "grid"
        # None: a continuous range.
        self._values = {f: d.values(is_grid=is_grid) for f, d in self.domains.items()}
        direct = {
            name for field, domain in self.domains.items() for name in deciders(field, domain)
        }
        # A decider that is not searched has a default, which others may decide.
        self._deciders = direct.union(*(default_deciders(trial_fields()[name]) for name in direct))

    def config(self, values: Values) -> TrialConfig:
        """Return the trial of some searched values, with any seeds."""
        return self.search.trial_config(self._condition, self.level | values)

    @property
    def cheapest(self) -> float:
        """The least that the budget is charged for a trial that is not stopped."""
        if self.search.budget == "trials":
            return 1.0
        folds = min(folds or 1 for folds in self._possible("val_folds", None))
        return self.search.epochs * min(
            declaration.epoch_cost(folds * self._least_networks(declaration))
            for declaration in map(declared.method, self._possible("method", "standard"))
        )

    def _least_networks(self, declaration: MethodDeclaration) -> int:
        networks = declaration.networks
        if not isinstance(networks, str):
            return networks
        [default] = (field.default for field in declaration.fields if field.name == networks)
        return int(min(self._possible(networks, default)))

    def _possible(self, field: str, default: Any) -> list[Any]:
        """Return the values of a field, of a range its ends."""
        domain = self.domains.get(field)
        return domain.extremes() if domain else [self._given.get(field, default)]

    def is_active(self, field: str, values: Values) -> bool:
        """Return whether a searched field applies beside the values of those before it."""
        given = self._given | values
        for decider, value in self.domains[field].when.items():
            default = field_default(trial_fields()[decider], given)
            if given.get(decider, default) != value:
                return False
        return applies(field, given)

    @property
    def number(self) -> float:
        """How many there are; infinity with a continuous range."""
        return self._number(self.order, {})

    def _number(self, order: Sequence[str], values: Values) -> float:
        if not order:
            return 1
        field, *others = order
        if not self.is_active(field, values):
            return self._number(others, values)
        choices = self._values[field]
        if choices is None:
            return math.inf
        if field not in self._deciders:
            return len(choices) * self._number(others, values)
        if isinstance(choices, range):
            # It may have a billion numbers: all that no domain names are alike.
            named = {d.when[field] for d in self.domains.values() if field in d.when}
            apart = [number for number in named if number in choices]
            unnamed = next((number for number in choices if number not in named), None)
            alike = (len(choices) - len(apart)) * self._number(others, values | {field: unnamed})
        else:
            apart, alike = list(choices), 0
        return alike + sum(self._number(others, values | {field: choice}) for choice in apart)

    def all(self) -> Iterator[Values]:
        """Yield each of a finite number, in the order of a grid."""
        yield from self._all(self.order, {})

    def _all(self, order: Sequence[str], values: Values) -> Iterator[Values]:
        if not order:
            yield values
            return
        field, *others = order
        choices = (self._values[field] or []) if self.is_active(field, values) else None
        if choices is None:
            yield from self._all(others, values)
            return
        for choice in choices:
            yield from self._all(others, values | {field: choice})


def num_configurations(search: SearchConfig, condition: Condition) -> float:
    """Return how many different configurations a condition may try; infinity if any number."""
    return sum(Configurations(search, condition, level).number for level in search.levels)


def charge(search: SearchConfig, trial: TrialConfig) -> float:
    """Return what a trial that is not stopped takes of the budget: one trial, or network-epochs."""
    return 1.0 if search.budget == "trials" else trial.epochs * trial.epoch_cost


def budgets(search: SearchConfig, condition: Condition) -> dict[Any, float]:
    """Return level of `compare` -> its trials, or its network-epochs, dealt out evenly.

    Where validation has folds a trial of one network trains a network for each of them.
    """
    levels = search.levels
    if search.budget == "trials":
        base, extra = divmod(search.trials, len(levels))
        return {level: float(base + (i < extra)) for i, level in enumerate(levels)}
    folds = (search.fixed | condition.factors).get("val_folds") or 1
    return dict.fromkeys(levels, search.trials * search.epochs * folds / len(levels))


def num_trials(search: SearchConfig, condition: Condition) -> dict[Any, int]:
    """Return level of `compare` -> its trials, if none is stopped.

    No configuration is tried twice, so they are fewer where there are not as many.
    """
    return {
        level: Ledger(Configurations(search, condition, level), budget).num_left
        for level, budget in budgets(search, condition).items()
    }


class Ledger:
    """What a level of `compare` may still spend on the search of a condition.

    A trial that is asked for is charged as if it were not stopped; when it ends, it gives back the
    network-epochs that it did not use. A failed one gives nothing back, or a search whose trials
    all fail would never end. So no level ever spends more than its budget.

    Args:
        configurations: that the level may try.
        budget: trials or network-epochs, see `budgets`.

    Attributes:
        num_asked: number of trials so far.
    """

    def __init__(self, configurations: Configurations, budget: float) -> None:
        self._search, self._number = configurations.search, configurations.number
        self._budget, self._cheapest = budget, configurations.cheapest
        self._left = budget
        self.num_asked = 0

    @property
    def spent(self) -> float:
        """Trials or network-epochs that are spent, or kept for trials that run."""
        return self._budget - self._left

    @property
    def num_left(self) -> int:
        """The number of further trials, if none of them is stopped."""
        return max(
            0, int(min((self._left + _ROUNDING) / self._cheapest, self._number - self.num_asked))
        )

    def covers(self, trial: TrialConfig) -> bool:
        """Return whether enough is left for a trial."""
        return charge(self._search, trial) <= self._left + _ROUNDING

    def ask(self, trial: TrialConfig) -> None:
        """Charge a trial that is asked for."""
        self.num_asked += 1
        self._left -= charge(self._search, trial)

    def end(self, trial: TrialConfig, status: str, num_epochs: int) -> None:
        """Give back what a trial that has ended did not use."""
        if self._search.budget == "network_epochs" and status != "failed":
            self._left += (trial.epochs - max(1, num_epochs)) * trial.epoch_cost


def num_finalists(search: SearchConfig, condition: Condition) -> int:
    """Return how many configurations of a condition are confirmed, at most."""
    return min(search.num_finalists, sum(num_trials(search, condition).values()))
