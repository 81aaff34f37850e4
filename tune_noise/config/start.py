"""Configurations that a search asks first, before its sampler proposes any: those that suit it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tune_noise.config.configurations import Configurations, Values
from tune_noise.config.domains import Domain
from tune_noise.config.search import Condition, SearchConfig


def starting_points(
    search: SearchConfig, wanted: Mapping[str, Sequence[Values]]
) -> tuple[dict[str, list[Values]], list[str]]:
    """Fit configurations to what a search may try.

    Of a configuration the searched fields count, where they apply. A number outside its range is
    moved to the nearest end, or to what the space fixes; a configuration with a word that no choice
    has, or that differs from what is fixed, is left out; a field that it does not name is left to
    the sampler, and one without a level of `compare` counts for all of them.

    Args:
        search: is to ask for them first.
        wanted: name of a condition -> configurations, field -> value, the best first.

    Returns:
        Name of a condition -> values of searched fields, in the order of asking, no two alike; and
        sentences on how they differ from what was wanted.
    """
    if search.sampler == "grid":
        is_any = any(wanted.values())
        return {}, ["a grid has an order of its own: no trial is asked first"] if is_any else []
    points: dict[str, list[Values]] = {}
    changes = _Changes()
    for condition in search.all_conditions:
        fitted: list[Values] = []
        for values in _of_levels(search, wanted.get(condition.name, ())):
            point = _fit(search, condition, values, changes)
            if point is not None and point not in fitted:
                fitted.append(point)
        if fitted:
            points[condition.name] = fitted
    return points, changes.sentences()


class _Changes:
    """What differs from what was wanted: values that the space does not have, fields that moved."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()

    def sentences(self) -> list[str]:
        """Return at most two sentences."""
        counts = {
            "not asked first, as the space does not have it": self.left_out,
            "moved into its range in what is asked first": self.moved,
        }
        return [
            f"{words}: {', '.join(f'{what} ({_times(n)})' for what, n in counter.items())}"
            for words, counter in counts.items()
            if counter
        ]


def _of_levels(search: SearchConfig, wanted: Sequence[Values]) -> Iterator[Values]:
    """Yield the configurations; one without a level of `compare` is asked at each of them."""
    for values in wanted:
        if search.compare in search.search and search.compare not in values:
            yield from (values | {search.compare: level} for level in search.levels)
        else:
            yield values


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _fit(
    search: SearchConfig, condition: Condition, values: Values, changes: _Changes
) -> Values | None:
    for field, value in (search.fixed | condition.factors).items():
        if values.get(field, value) != value and not isinstance(value, int | float):
            changes.left_out[f"{field} {values[field]}"] += 1
            return None
    level = values.get(search.compare) if search.compare is not None else None
    if search.compare in search.search and level not in search.levels:
        changes.left_out[f"{search.compare} {level}"] += 1
        return None
    configurations = Configurations(search, condition, level)
    point = dict(configurations.level)
    for field in configurations.order:
        if field not in values or not configurations.is_active(field, point):
            continue
        domain = configurations.domains[field]
        if not _has_near(domain, values[field]):
            changes.left_out[f"{field} {values[field]}"] += 1
            return None
        point[field] = _nearest(domain, values[field])
        if point[field] != values[field]:
            changes.moved[field] += 1
    return point


def _has_near(domain: Domain, value: Any) -> bool:
    if domain.choice is not None:
        return value in domain.choice
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nearest(domain: Domain, value: Any) -> Any:
    """Return the value of a domain that is nearest to another one, if `_has_near`."""
    if domain.choice is not None:
        return value
    low, high = domain.bounds
    nearest = min(max(value, low), high)
    return round(nearest) if domain.kind == "int" else float(nearest)
