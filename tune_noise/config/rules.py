"""The rules of a space. Each takes the space as it was written and yields its problems.

They read the raw mapping, not a SearchConfig, so that one wrong value hides no other.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from math import ceil, prod
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from tune_noise.config import declared
from tune_noise.config.domains import Domain, has_twins
from tune_noise.config.frozen import number_problem
from tune_noise.config.problems import message_of, shorten
from tune_noise.config.raw_space import SECTIONS, RawSpace
from tune_noise.config.search import (
    MAX_GRID_POINTS,
    MAX_GROUPS,
    MAX_NAME_LETTERS,
    SPACE_LEVEL_FIELDS,
    Condition,
    Confirm,
    deciders,
    folder_word,
)
from tune_noise.config.trial import (
    NULLABLE_FIELDS,
    PATIENCE_NEEDS_BEST,
    TrialConfig,
    describe_when,
    trial_fields,
    unknown_matrix,
    when,
)
from tune_noise.declaration import DeclarationError
from tune_noise.errors import Problem, suggestion

# A longer list is not repeated in a message.
_MAX_LIST_LETTERS = 200


def load_own(space: RawSpace, *, further: Sequence[str] = ()) -> list[Problem]:
    """Load what a space names of a user's own; its fields are fields of a trial from then on.

    A network is imported only where a field is not one of ours: a search tries it before it starts.

    Args:
        space: as it was written.
        further: names of fields that are to be set beside those of the space.

    Returns:
        What cannot be used, and why.
    """
    problems = []
    for family in ("method", "noise", "model"):
        fields = [*further, *(str(name) for part in SECTIONS for name in space.section(part))]
        if family == "model" and all(name in trial_fields() for name in fields):
            continue
        for name in space.possible(family):
            if not isinstance(name, str) or not declared.is_own(family, name):
                continue
            try:
                declared.declaration_of(family, name)
            except DeclarationError as error:
                problems.append(Problem(space.place(family), str(error)))
    return problems


def field_problem(name: str, value: Any) -> str | None:
    """Return what is wrong with one value of one field of a trial; None where nothing is."""
    info = trial_fields()[name]
    if isinstance(value, bool) or (value is None and name not in NULLABLE_FIELDS):
        return f"{shorten(value)} is not a value of {name} ({info.description})"
    if message := number_problem(info.annotation, value):
        return message
    try:
        _checker(name).validate_python(value)
    except ValidationError as error:
        return message_of(error.errors()[0], {})
    return None


@cache
def _checker(name: str) -> TypeAdapter[Any]:
    info = trial_fields()[name]
    annotation: Any = info.annotation
    if info.metadata:
        annotation = Annotated[(annotation, *info.metadata)]
    return TypeAdapter(annotation)


def known_fields(space: RawSpace) -> Iterator[Problem]:
    """Every field of a section is one that a space may set there."""
    kept = ("seed", *SPACE_LEVEL_FIELDS)
    allowed = [f for f in trial_fields() if f not in kept]
    for part in SECTIONS:
        for name in space.section(part):
            if name in SPACE_LEVEL_FIELDS:
                yield Problem(f"{part}.{name}", f"write it as the space's own key `{name}:`")
            elif name == "seed":
                yield Problem(f"{part}.{name}", "seeds come from the search's own `seed:`")
            elif name == "noise_seed" and part == "search":
                yield Problem(
                    f"{part}.{name}",
                    "labels are no choice of a search: make noise_seed a condition, or fix it",
                )
            elif name not in allowed:
                yield Problem(f"{part}.{name}", f"unknown field: {suggestion(str(name), allowed)}")


def start_names_fields(space: RawSpace) -> Iterator[Problem]:
    """What is asked first names fields of a trial with values that they can have."""
    for part, points in space.section("start").items():
        for number, point in enumerate(points if isinstance(points, list) else ()):
            for name, value in point.items() if isinstance(point, dict) else ():
                place = f"start.{part}[{number}].{name}"
                if name not in trial_fields():
                    yield Problem(place, f"unknown field: {suggestion(str(name), trial_fields())}")
                elif message := field_problem(name, value):
                    yield Problem(place, message)


def one_role_each(space: RawSpace) -> Iterator[Problem]:
    """A field is a condition, searched or fixed: never two of them."""
    for first, second in (("conditions", "search"), ("conditions", "fixed"), ("search", "fixed")):
        for name in space.section(first):
            if name in space.section(second):
                yield Problem(
                    f"{second}.{name}", f"stands also in {first}: keep it in one of the two"
                )


def valid_values(space: RawSpace) -> Iterator[Problem]:
    """Every value that a trial could get is in its field's range."""
    for name, levels in space.section("conditions").items():
        if name not in trial_fields() or not isinstance(levels, list):
            continue  # another rule's word, or the schema's
        if not levels:
            yield Problem(f"conditions.{name}", "[] has no level: give at least one")
        if has_twins(levels):
            yield Problem(f"conditions.{name}", f"{shorten(levels)} names a level twice")
        for level in levels:
            if message := field_problem(name, level):
                yield Problem(f"conditions.{name}", message)
    for name, value in space.section("fixed").items():
        if name not in trial_fields():
            continue
        if isinstance(value, list):
            yield Problem(f"fixed.{name}", _as_choice(name, value))
        elif message := field_problem(name, value):
            yield Problem(f"fixed.{name}", message)
    for name, domain in space.domains.items():
        if name in trial_fields():
            yield from _valid_domain(name, domain)


def _as_choice(name: str, values: list[Any]) -> str:
    """Return the way out where a list stands for the one value of a fixed field."""
    listed = json.dumps(values)
    if len(listed) > _MAX_LIST_LETTERS:
        listed = "[...]"
    return (
        f"{listed} is a list, and a fixed field has one value; to search the values write --set "
        f"'{name}={{choice: {listed}}}', or in the space search: {{{name}: {{choice: {listed}}}}}"
    )


def _valid_domain(name: str, domain: Domain) -> Iterator[Problem]:
    place = f"search.{name}"
    annotation = trial_fields()[name].annotation
    types = [t for t in (get_args(annotation) or (annotation,)) if t is not type(None)]
    if domain.choice is None and not any(t in (int, float) or get_args(t) for t in types):
        yield Problem(place, f"{domain.kind} is a range of numbers; {name} needs a choice")
        return
    if int in types and domain.kind in {"uniform", "loguniform"}:
        yield Problem(place, f"{name} is a whole number: use int: or choice:, not {domain.kind}:")
        return
    for value in domain.extremes():
        if message := field_problem(name, value):
            yield Problem(place, message)


def fields_that_apply(space: RawSpace) -> Iterator[Problem]:
    """A field that no trial of this space would use is an error, not an idle option."""
    for part in SECTIONS:
        for name in space.section(part):
            if name not in trial_fields():
                continue
            for decider, allowed in when(name).items():
                values = space.possible(decider)
                hits = [value for value in values if value in allowed]
                if values and (not hits or (part == "conditions" and len(hits) < len(values))):
                    yield Problem(
                        f"{part}.{name}",
                        f"has no effect where {decider} is {', '.join(map(str, values))}: it "
                        f"applies only to {describe_when(name)}; take it out (--set {name}=null)",
                    )


def noises_of(space: RawSpace) -> list[str]:
    """Return the kinds of noise of this space that are declared; others are another rule's word."""
    return [value for value in space.possible("noise") if field_problem("noise", value) is None]


def drawn_noise(space: RawSpace) -> Iterator[Problem]:
    """A noise seed is given only to noise that is drawn."""
    given = [value for value in noises_of(space) if not declared.noise(value).drawn]
    for part in ("conditions", "fixed"):
        if given and "noise_seed" in space.section(part):
            yield Problem(
                f"{part}.noise_seed",
                f"has no effect where noise is {', '.join(given)}: its labels are given, not "
                "drawn; take it out (--set noise_seed=null)",
            )


def domain_conditions(space: RawSpace) -> Iterator[Problem]:
    """`when` names fields of this space and values that they can take."""
    domains = space.domains
    for name, domain in domains.items():
        for decider, value in domain.when.items():
            place = f"search.{name}.when.{decider}"
            if decider not in trial_fields():
                fields = [f for f in trial_fields() if space.possible(f)]
                yield Problem(place, f"unknown field: {suggestion(str(decider), fields)}")
            elif decider == name:
                yield Problem(place, "a field cannot depend on itself")
            elif not _occurs(space, decider, value):
                possible_values = domains.get(decider) or shorten(space.possible(decider))
                yield Problem(
                    place, f"{shorten(value)} never occurs: {decider} is {possible_values}"
                )
    yield from _no_circle(space)


def _occurs(space: RawSpace, decider: str, value: Any) -> bool:
    domain = space.domains.get(decider)
    if domain is not None and domain.kind == "int":
        return isinstance(value, int) and domain.bounds[0] <= value <= domain.bounds[1]
    # A drawn real number practically never equals one that is named.
    return value in space.possible(decider) and (domain is None or domain.kind == "choice")


def _no_circle(space: RawSpace) -> Iterator[Problem]:
    domains = space.domains
    for name in domains:
        if name in domains[name].when:
            continue  # reported already
        seen: set[str] = set()
        frontier = set(domains[name].when)
        while frontier and name not in seen:
            seen |= frontier
            frontier = {d for f in frontier if f in domains for d in deciders(f, domains[f])} - seen
        if name in seen:
            yield Problem(f"search.{name}.when", "depends on itself through other fields")


def told_matrix(space: RawSpace) -> Iterator[Problem]:
    """A method is told a transition matrix only of noise whose matrix is known."""
    noises = [value for value in noises_of(space) if not declared.noise(value).class_conditional]
    methods = [name for name in space.possible("method") if field_problem("method", name) is None]
    pairs = {pair for name in methods for pair in declared.method(name).told_matrix.items()}
    for field, value in sorted(pairs):
        if noises and value in space.possible(field):
            yield Problem(space.place(field), unknown_matrix(field, value, shorten(noises[0])))


def valid_objective(space: RawSpace) -> Iterator[Problem]:
    """Noise and objective are what a trial allows; the objective beside the oracle."""
    given: dict[str, dict[str, Any]] = {}
    if "noise" in space.raw:
        given["noise"] = {"noise": space.raw["noise"]}
    oracle = {"oracle": True} if space.raw.get("oracle") is True else {}
    if "objective" in space.raw or oracle:
        given["objective"] = {"objective": space.value("objective")} | oracle
    for name, values in given.items():
        try:
            TrialConfig.model_validate(values)
        except ValidationError as error:
            yield Problem(name, message_of(error.errors()[0], {}))


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


RULES = (
    known_fields,
    start_names_fields,
    one_role_each,
    valid_values,
    fields_that_apply,
    domain_conditions,
    told_matrix,
    drawn_noise,
    valid_objective,
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
