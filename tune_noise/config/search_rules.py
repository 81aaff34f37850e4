"""The rules of a search as a whole: conditions, levels, trials, epochs and seeds suffice.

They are of the form of `tune_noise.config.rules`.
"""

from collections.abc import Iterator
from math import ceil, prod
from typing import Any

from tune_noise.config import declared
from tune_noise.config.raw_space import SECTIONS, RawSpace
from tune_noise.config.rules import field_problem
from tune_noise.config.search import (
    MAX_GRID_POINTS,
    MAX_GROUPS,
    MAX_NAME_LETTERS,
    Condition,
    Confirm,
    folder_word,
)
from tune_noise.config.trial import (
    PATIENCE_NEEDS_BEST,
    describe_when,
    trial_fields,
    when,
)
from tune_noise.errors import Problem, suggestion


def early_stopping(space: RawSpace) -> Iterator[Problem]:
    """Rungs exist, and no trial is judged while its method still ramps or warms up."""
    stopping = space.section("early_stopping")
    grace = stopping.get("grace_epochs")
    epochs = space.value("epochs")
    if not isinstance(grace, int) or not isinstance(epochs, int) or epochs < 1:
        return  # the schema's word
    place = "early_stopping.grace_epochs"
    if grace >= epochs:
        yield Problem(
            place,
            f"{grace} must be below epochs ({epochs}), or no trial can ever be stopped: lower it, "
            "raise epochs, or remove early_stopping",
        )
    for field, declaration in declared.beginnings().items():
        lengths = _lengths(space, field)
        if lengths and grace < max(lengths):
            methods = ", ".join(_methods_with(space, field))
            yield Problem(
                place,
                f"{grace} is shorter than the {declaration.begins} of {methods} "
                f"({field} up to {max(lengths)}): until it ends such a method still learns wrong "
                "labels while others may be at their best, so the better method would be stopped; "
                f"use {max(lengths)} or more",
            )


def beginnings_end(space: RawSpace) -> Iterator[Problem]:
    """A method does its own work before the last epoch."""
    epochs = space.value("epochs")
    if not isinstance(epochs, int) or epochs < 1:
        return  # the schema's word
    for field, declaration in declared.beginnings().items():
        lengths = _lengths(space, field)
        if declaration.below == "epochs" and lengths and max(lengths) >= epochs:
            methods = ", ".join(_methods_with(space, field))
            yield Problem(
                "epochs",
                f"{epochs} is not above the {declaration.begins} of {methods} ({field} up to "
                f"{max(lengths)}), which would never begin: raise epochs, or set a shorter {field}",
            )


def _methods_with(space: RawSpace, field: str) -> list[str]:
    """Return the methods of this space to which a field of methods applies."""
    return [m for m in space.possible("method") if m in when(field)["method"]]


def _lengths(space: RawSpace, field: str) -> list[int]:
    """Return the values that a number of epochs can take here; empty where it means nothing."""
    if not _methods_with(space, field):
        return []
    return [length for length in space.possible(field) if type(length) is int]


def compared_levels(space: RawSpace) -> Iterator[Problem]:
    """`compare` names a field with a list of levels, and trials and finalists suffice for them."""
    name = space.raw.get("compare")
    if name is None or not isinstance(name, str):
        return
    if name not in trial_fields():
        choices = [f for f, d in space.domains.items() if d.choice]
        yield Problem(
            "compare", f"{name!r} is not a field: {suggestion(name, choices or ['method'])}"
        )
        return
    if name in space.section("conditions"):
        yield Problem(
            "compare", f"{name} is a condition: each level has a search of its own already"
        )
        return
    if name not in space.section("search") and name not in space.section("fixed"):
        yield Problem(
            "compare",
            f"{name} is not searched: add `{name}: {{choice: [...]}}` to search, or remove compare",
        )
        return
    domain = space.domains.get(name)
    if domain is not None and (domain.choice is None or domain.when):
        yield Problem("compare", f"{name} needs a plain choice: without when, got {domain}")
        return
    for decider, allowed in when(name).items():
        if any(value not in allowed for value in space.possible(decider)):
            yield Problem(
                "compare",
                f"{name} means nothing in some trials: it applies only to {describe_when(name)}",
            )
            return
    levels = len(space.possible(name))
    finalists = space.section("confirm").get("finalists")
    if isinstance(finalists, int) and finalists < levels:
        yield Problem(
            "confirm.finalists",
            f"{finalists} is below the {levels} levels of {name}, which all reach the final: "
            f"use {levels} or more, or leave it out",
        )
    trials = space.value("trials")
    if isinstance(trials, int) and trials < levels:
        yield Problem(
            "trials", f"{trials} per condition cannot serve the {levels} levels of {name}"
        )


def budget_pays(space: RawSpace) -> Iterator[Problem]:
    """An equal share of network-epochs pays for a trial of every method that is not stopped."""
    trials, compare = space.value("trials"), space.raw.get("compare")
    if space.raw.get("budget") != "network_epochs" or not isinstance(trials, int):
        return
    if space.raw.get("sampler") == "grid":
        message = "network_epochs does not say which points of a grid are left out: use trials"
        yield Problem("budget", message)
        return
    levels = len(space.possible(str(compare))) if compare in trial_fields() else 1
    costs = {
        name: declared.method(name).epoch_cost(min(_networks(space, name), default=1))
        for name in space.possible("method")
        if field_problem("method", name) is None
    }
    # Whichever methods a level has, one is enough; a level that is a method has no other.
    cost = (max if compare == "method" else min)(costs.values(), default=0.0)
    if trials < cost * levels:
        dearest = max(costs, key=lambda name: costs[name])
        yield Problem(
            "trials",
            f"{trials} of one network, shared by {levels} levels of {compare}, do not pay for one "
            f"of {dearest}, which costs {cost:g} of them: use {ceil(cost * levels)} or more",
        )


def _networks(space: RawSpace, method: str) -> list[int]:
    """Return how many networks a method may have here."""
    networks = declared.method(method).networks
    values = space.possible(networks) if isinstance(networks, str) else [networks]
    return [value for value in values if type(value) is int]


def further_seeds_decide(space: RawSpace) -> Iterator[Problem]:
    """A budget of seeds leaves some to spend, on more than one finalist, after a first look."""
    confirm = space.section("confirm")
    budget = confirm.get("max_seeds")
    seeds = confirm.get("seeds", Confirm.model_fields["seeds"].default)
    if type(budget) is not int or type(seeds) is not int:
        return  # the schema's word
    place = "confirm.max_seeds"
    if confirm.get("finalists") == 1:
        yield Problem(place, "with finalists: 1 nothing is to be decided: leave max_seeds out")
    elif seeds < 2:
        yield Problem(
            place,
            "the first look needs a spread between seeds to judge by: set seeds to 2 or more (3 "
            "or more serve better)",
        )
    elif budget <= seeds:
        yield Problem(
            place,
            f"{budget} must be above seeds ({seeds}), which are spent on every finalist: raise "
            "it, lower seeds, or leave max_seeds out",
        )


def grid_is_finite(space: RawSpace) -> Iterator[Problem]:
    """A grid needs a finite number of points, and trials enough for all of them."""
    if space.raw.get("sampler") != "grid":
        return
    size = 1
    for name, domain in space.domains.items():
        if domain.kind in {"uniform", "loguniform"} and domain.points is None:
            yield Problem(
                f"search.{name}", f"a grid needs points: of {domain} (e.g. points: 5), or a choice"
            )
        size *= max(1, domain.grid_size)
    conditions = _num_conditions(space)
    if conditions * size > MAX_GRID_POINTS:
        yield Problem(
            "sampler",
            f"a grid of {size} points in each of {conditions} conditions; all are made at once, "
            f"and {MAX_GRID_POINTS} may be: thin the grid, or use sampler random",
        )
        return
    trials = space.value("trials")
    if isinstance(trials, int) and trials < size:
        yield Problem(
            "trials",
            f"{trials} per condition is below the grid's {size} points (counted without when): "
            "raise trials, thin the grid, or use sampler random",
        )


def patience_is_for_a_best_epoch(space: RawSpace) -> Iterator[Problem]:
    """Patience and the mean of the last epochs exclude each other."""
    if space.raw.get("last_epochs") is None:
        return
    for part in SECTIONS:
        if space.section(part).get("patience") is not None:
            yield Problem(f"{part}.patience", PATIENCE_NEEDS_BEST)


def something_varies(space: RawSpace) -> Iterator[Problem]:
    """Trials of a condition differ: the same configuration and seed would give the same result."""
    trials = space.value("trials")
    if not space.raw.get("search") and isinstance(trials, int) and trials > 1:
        yield Problem(
            "trials",
            f"{trials} per condition would all be the same, as nothing is searched: give search "
            "a domain, or set trials to 1",
        )


def conditions_are_few(space: RawSpace) -> Iterator[Problem]:
    """The product of all levels is one that a search can hold, and each names a folder."""
    levels = _levels(space)
    compare = space.raw.get("compare")
    is_field = isinstance(compare, str) and compare in trial_fields()
    compared = len(space.possible(str(compare))) if is_field else 1
    conditions = _num_conditions(space)
    if conditions * compared > MAX_GROUPS:
        per_condition = f", each with {compared} levels of {compare}" if compared > 1 else ""
        yield Problem(
            "conditions",
            f"{conditions} combinations{per_condition}, and a search may have {MAX_GROUPS}: take "
            "levels out, or run several searches",
        )
    longest = {name: max(map(folder_word, values), key=len) for name, values in levels.items()}
    if len(Condition(longest).name) > MAX_NAME_LETTERS:
        yield Problem(
            "conditions",
            f"{len(levels)} fields name folders of more than {MAX_NAME_LETTERS} letters: write "
            "fields with one level into fixed, or round their numbers",
        )


def _levels(space: RawSpace) -> dict[str, list[Any]]:
    return {k: v for k, v in space.section("conditions").items() if isinstance(v, list) and v}


def _num_conditions(space: RawSpace) -> int:
    return prod(map(len, _levels(space).values()))


SEARCH_RULES = (
    conditions_are_few,
    early_stopping,
    beginnings_end,
    compared_levels,
    budget_pays,
    further_seeds_decide,
    grid_is_finite,
    patience_is_for_a_best_epoch,
    something_varies,
)
