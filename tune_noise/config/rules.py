"""The rules of the fields of a space: known, in one place, with values that suit each other.

Each rule takes the space as it was written and yields its problems.

They read the raw mapping, not a SearchConfig, so that one wrong value hides no other.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from tune_noise.config import declared
from tune_noise.config.domains import Domain, has_twins
from tune_noise.config.frozen import number_problem
from tune_noise.config.problems import message_of, shorten
from tune_noise.config.raw_space import SECTIONS, RawSpace
from tune_noise.config.search import (
    SPACE_LEVEL_FIELDS,
    deciders,
)
from tune_noise.config.trial import (
    NULLABLE_FIELDS,
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


FIELD_RULES = (
    known_fields,
    start_names_fields,
    one_role_each,
    valid_values,
    fields_that_apply,
    domain_conditions,
    told_matrix,
    drawn_noise,
    valid_objective,
)
