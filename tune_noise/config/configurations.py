"""The different configurations that a condition of a search may try: which, and how many."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from tune_noise.config.conditional import default_deciders, field_default
from tune_noise.config.domains import Domain
from tune_noise.config.search import Condition, SearchConfig, deciders
from tune_noise.config.trial import applies, trial_fields

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
        self.order = search_order(self.domains)
        is_grid = search.sampler == "grid"
        # None: a continuous range.
        self._values = {f: d.values(is_grid=is_grid) for f, d in self.domains.items()}
        direct = {
            name for field, domain in self.domains.items() for name in deciders(field, domain)
        }
        # A decider that is not searched has a default, which others may decide.
        self._deciders = direct.union(*(default_deciders(trial_fields()[name]) for name in direct))

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


def num_trials(search: SearchConfig, condition: Condition) -> dict[Any, int]:
    """Return level of `compare` -> its trials; the trials of a condition are dealt out evenly.

    No configuration is tried twice, so they are fewer where there are not as many.
    """
    base, extra = divmod(search.trials, len(search.levels))
    return {
        level: int(min(base + (i < extra), Configurations(search, condition, level).number))
        for i, level in enumerate(search.levels)
    }


def num_finalists(search: SearchConfig, condition: Condition) -> int:
    """Return how many configurations of a condition are confirmed, at most."""
    return min(search.num_finalists, sum(num_trials(search, condition).values()))
