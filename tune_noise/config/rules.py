"""The rules between the parts of a space. Each takes the raw mapping and yields its problems.

They read the raw mapping, not a SearchConfig, so that one wrong value hides no other.
"""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from tune_noise.config.domains import Domain
from tune_noise.config.problems import message_of, shorten
from tune_noise.config.search import SEED_FIELDS, SPACE_LEVEL_FIELDS, SearchConfig
from tune_noise.config.trial import TrialConfig, describe_when, field_default, when
from tune_noise.errors import Problem, suggestion

Raw = dict[str, Any]
SECTIONS = ("conditions", "search", "fixed")


def section(raw: Raw, name: str) -> Raw:
    """A section of the space, or nothing where it is missing or not a mapping."""
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def field_problem(name: str, value: Any) -> str | None:
    """What is wrong with one value of one field of a trial; None where nothing is."""
    info = TrialConfig.model_fields[name]
    if isinstance(value, bool) or (value is None and name != "patience"):
        return f"{shorten(value)} is not a value of {name} ({info.description})"
    annotation: Any = info.annotation
    if info.metadata:
        annotation = Annotated[(annotation, *info.metadata)]
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        return message_of(error.errors()[0], {})
    return None


def parsed_domains(raw: Raw) -> dict[str, Domain]:
    """The domains that are well formed; the others are reported by the schema."""
    found = {}
    for name, value in section(raw, "search").items():
        try:
            found[str(name)] = Domain.model_validate(value)
        except ValidationError:
            continue
    return found


def known_fields(raw: Raw) -> Iterator[Problem]:
    """Every field of a section is one that a space may set there."""
    allowed = [f for f in TrialConfig.model_fields if f not in SPACE_LEVEL_FIELDS + SEED_FIELDS]
    for part in SECTIONS:
        for name in section(raw, part):
            if name in SPACE_LEVEL_FIELDS:
                yield Problem(f"{part}.{name}", f"write it as the space's own key `{name}:`")
            elif name in SEED_FIELDS:
                yield Problem(f"{part}.{name}", "seeds come from the search's own `seed:`")
            elif name not in allowed:
                yield Problem(f"{part}.{name}", f"unknown field: {suggestion(str(name), allowed)}")


def one_role_each(raw: Raw) -> Iterator[Problem]:
    """A field is a condition, searched or fixed: never two of them."""
    for first, second in (("conditions", "search"), ("conditions", "fixed"), ("search", "fixed")):
        for name in section(raw, first):
            if name in section(raw, second):
                yield Problem(
                    f"{second}.{name}", f"stands also in {first}: keep it in one of the two"
                )


def valid_values(raw: Raw) -> Iterator[Problem]:
    """Every value that a trial could get is in its field's range."""
    for name, levels in section(raw, "conditions").items():
        if name not in TrialConfig.model_fields or not isinstance(levels, list):
            continue
        if not levels:
            yield Problem(f"conditions.{name}", "[] has no level: give at least one")
        if len({repr(level) for level in levels}) < len(levels):
            yield Problem(f"conditions.{name}", f"{shorten(levels)} names a level twice")
        for level in levels:
            if message := field_problem(name, level):
                yield Problem(f"conditions.{name}", message)
    for name, value in section(raw, "fixed").items():
        if name in TrialConfig.model_fields and (message := field_problem(name, value)):
            yield Problem(f"fixed.{name}", message)
    for name, domain in parsed_domains(raw).items():
        if name in TrialConfig.model_fields:
            yield from _valid_domain(name, domain)


def _valid_domain(name: str, domain: Domain) -> Iterator[Problem]:
    place = f"search.{name}"
    annotation = TrialConfig.model_fields[name].annotation
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


def possible(raw: Raw, name: str) -> list[Any]:
    """All values a field can take in the trials of this space."""
    if name in section(raw, "conditions"):
        levels = section(raw, "conditions")[name]
        return levels if isinstance(levels, list) else []
    domains = parsed_domains(raw)
    if name in domains:
        return domains[name].extremes()
    if name in section(raw, "search"):
        return []
    if name in section(raw, "fixed"):
        return [section(raw, "fixed")[name]]
    if name in SPACE_LEVEL_FIELDS and name in raw:
        return [raw[name]]
    if name in SPACE_LEVEL_FIELDS:
        return [SearchConfig.model_fields[name].default]
    return [field_default(TrialConfig.model_fields[name])]


def fields_that_apply(raw: Raw) -> Iterator[Problem]:
    """A field that no trial of this space would use is an error, not an idle option."""
    for part in SECTIONS:
        for name in section(raw, part):
            if name not in TrialConfig.model_fields:
                continue
            for decider, allowed in when(name).items():
                values = possible(raw, decider)
                hits = [value for value in values if value in allowed]
                if values and (not hits or (part == "conditions" and len(hits) < len(values))):
                    yield Problem(
                        f"{part}.{name}",
                        f"has no effect where {decider} is {', '.join(map(str, values))}: it "
                        f"applies only to {describe_when(name)}",
                    )


def domain_conditions(raw: Raw) -> Iterator[Problem]:
    """`when` names fields of this space and values that they can take."""
    for name, domain in parsed_domains(raw).items():
        for decider, value in domain.when.items():
            place = f"search.{name}.when.{decider}"
            if decider not in TrialConfig.model_fields:
                known = [f for f in TrialConfig.model_fields if possible(raw, f)]
                yield Problem(place, f"unknown field: {suggestion(str(decider), known)}")
            elif decider == name:
                yield Problem(place, "a field cannot depend on itself")
            elif value not in (values := possible(raw, decider)):
                yield Problem(
                    place, f"{shorten(value)} never occurs: {decider} is {shorten(values)}"
                )
    yield from _no_circle(raw)


def _no_circle(raw: Raw) -> Iterator[Problem]:
    domains = parsed_domains(raw)
    for name in domains:
        seen, frontier = {name}, set(domains[name].when)
        while frontier:
            if name in frontier:
                yield Problem(f"search.{name}.when", "depends on itself through other fields")
                break
            seen |= frontier
            frontier = {d for f in frontier if f in domains for d in domains[f].when} - seen


def early_stopping(raw: Raw) -> Iterator[Problem]:
    """Rungs exist, and no trial is judged while co-teaching still ramps up."""
    stopping = section(raw, "early_stopping")
    grace = stopping.get("grace_epochs")
    epochs = raw.get("epochs", SearchConfig.model_fields["epochs"].default)
    if not isinstance(grace, int) or not isinstance(epochs, int):
        return
    place = "early_stopping.grace_epochs"
    if grace >= epochs:
        yield Problem(
            place,
            f"{grace} must be below epochs ({epochs}), or no trial can ever be stopped: lower it, "
            "raise epochs, or remove early_stopping",
        )
    if "co_teaching" not in possible(raw, "method"):
        return
    ramps = [r for r in possible(raw, "ramp_epochs") if isinstance(r, int)]
    if ramps and grace < max(ramps):
        yield Problem(
            place,
            f"{grace} is shorter than co-teaching's ramp (ramp_epochs up to {max(ramps)}): until "
            "it ends co-teaching still learns wrong labels and standard training is at its best, "
            f"so the better method would be stopped; use {max(ramps)} or more",
        )


def compared_levels(raw: Raw) -> Iterator[Problem]:
    """`compare` names a field with a list of levels, and trials and finalists suffice for them."""
    name = raw.get("compare")
    if name is None or not isinstance(name, str):
        return
    if name not in TrialConfig.model_fields:
        choices = [f for f, d in parsed_domains(raw).items() if d.choice]
        yield Problem(
            "compare", f"{name!r} is not a field: {suggestion(name, choices or ['method'])}"
        )
        return
    if name in section(raw, "conditions"):
        yield Problem(
            "compare", f"{name} is a condition: each level has a search of its own already"
        )
        return
    domain = parsed_domains(raw).get(name)
    if domain is not None and (domain.choice is None or domain.when):
        yield Problem("compare", f"{name} needs a plain choice: without when, got {domain}")
        return
    levels = len(possible(raw, name))
    finalists = section(raw, "confirm").get("finalists")
    if isinstance(finalists, int) and finalists < levels:
        yield Problem(
            "confirm.finalists",
            f"{finalists} is below the {levels} levels of {name}, which all reach the final: "
            f"use {levels} or more, or leave it out",
        )
    trials = raw.get("trials", SearchConfig.model_fields["trials"].default)
    if isinstance(trials, int) and trials < levels:
        yield Problem(
            "trials", f"{trials} per condition cannot serve the {levels} levels of {name}"
        )


def grid_is_finite(raw: Raw) -> Iterator[Problem]:
    """A grid needs a finite number of points, and trials enough for all of them."""
    if raw.get("sampler") != "grid":
        return
    size = 1
    for name, domain in parsed_domains(raw).items():
        if domain.kind in {"uniform", "loguniform"} and domain.points is None:
            yield Problem(
                f"search.{name}", f"a grid needs points: of {domain} (e.g. points: 5), or a choice"
            )
        size *= max(1, len(domain.grid()))
    trials = raw.get("trials", SearchConfig.model_fields["trials"].default)
    if isinstance(trials, int) and trials < size:
        yield Problem(
            "trials",
            f"{trials} per condition is below the grid's {size} points (counted without when): "
            "raise trials, thin the grid, or use sampler random",
        )


def valid_objective(raw: Raw) -> Iterator[Problem]:
    """Noise and objective are what a trial allows."""
    for name in ("noise", "objective"):
        if name not in raw:
            continue
        try:
            TrialConfig.model_validate({name: raw[name]})
        except ValidationError as error:
            yield Problem(name, message_of(error.errors()[0], {}))


ALL_RULES = (
    known_fields,
    one_role_each,
    valid_values,
    fields_that_apply,
    domain_conditions,
    valid_objective,
    early_stopping,
    compared_levels,
    grid_is_finite,
)
