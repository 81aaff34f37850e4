"""Configurations that a search asks first, before its sampler proposes any: those that suit it."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    the sampler.

    Args:
        search: is to ask for them first.
        wanted: name of a condition -> configurations, field -> value, the best first.

    Returns:
        Name of a condition -> values of searched fields, in the order of asking, no two alike; and
        a sentence for each way in which they differ from what was wanted.
    """
    if search.sampler == "grid":
        is_any = any(wanted.values())
        return {}, ["a grid has an order of its own: no trial is asked first"] if is_any else []
    points: dict[str, list[Values]] = {}
    changes: Counter[str] = Counter()
    for condition in search.all_conditions:
        fitted: list[Values] = []
        for values in wanted.get(condition.name, ()):
            point = _fit(search, condition, values, changes)
            if point is not None and point not in fitted:
                fitted.append(point)
        if fitted:
            points[condition.name] = fitted
    return points, [
        change if times == 1 else f"{change} ({times} times)" for change, times in changes.items()
    ]


def _fit(
    search: SearchConfig, condition: Condition, values: Values, changes: Counter[str]
) -> Values | None:
    level = values.get(search.compare) if search.compare is not None else None
    if search.compare in search.search and level not in search.levels:
        changes[_left_out(f"{search.compare} {level}", "it is not among the compared")] += 1
        return None
    for field, value in (search.fixed | condition.factors).items():
        if values.get(field, value) != value and not isinstance(value, int | float):
            changes[_left_out(f"{field} {values[field]}", f"the space fixes {value}")] += 1
            return None
    configurations = Configurations(search, condition, level)
    point = dict(configurations.level)
    for field in configurations.order:
        if field not in values or not configurations.is_active(field, point):
            continue
        domain = configurations.domains[field]
        if not _has_near(domain, values[field]):
            changes[_left_out(f"{field} {values[field]}", f"the space has {domain}")] += 1
            return None
        value = _nearest(domain, values[field])
        if value != values[field]:
            changes[f"of what is asked first, {field} {values[field]} becomes {value}"] += 1
        point[field] = value
    return point


def _left_out(value: str, reason: str) -> str:
    return f"a configuration with {value} is not asked first: {reason}"


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
