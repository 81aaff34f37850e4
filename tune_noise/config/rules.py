"""The rules of a space about its fields. Each takes the raw mapping and yields its problems.

They read the raw mapping, not a SearchConfig, so that one wrong value hides no other.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from tune_noise.config import declared
from tune_noise.config.conditional import default_deciders, field_default
from tune_noise.config.domains import Domain, has_twins
from tune_noise.config.frozen import wrong_kind_of_number
from tune_noise.config.problems import message_of, shorten
from tune_noise.config.search import SPACE_LEVEL_FIELDS, SearchConfig
from tune_noise.config.trial import (
    NULLABLE_FIELDS,
    TrialConfig,
    applies,
    describe_when,
    trial_fields,
    unknown_matrix,
    when,
)
from tune_noise.declaration import DeclarationError
from tune_noise.errors import Problem, suggestion

Raw = dict[str, Any]
SECTIONS = ("conditions", "search", "fixed")


def section(raw: Raw, name: str) -> Raw:
    """Return a section of the space, or nothing where it is missing or not a mapping."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def field_problem(name: str, value: Any) -> str | None:
    """Return what is wrong with one value of one field of a trial; None where nothing is."""
    info = trial_fields()[name]
    if isinstance(value, bool) or (value is None and name not in NULLABLE_FIELDS):
        return f"{shorten(value)} is not a value of {name} ({info.description})"
    if message := wrong_kind_of_number(info.annotation, value):
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


def parsed_domains(raw: Raw) -> dict[str, Domain]:
    """Return the domains that are well formed; the others are reported by the schema."""
    domains = {}
    for name, value in section(raw, "search").items():
        try:
            domains[str(name)] = Domain.model_validate(value)
        except ValidationError:
            continue
    return domains


def load_own(raw: Raw, *, further: Sequence[str] = ()) -> list[Problem]:
    """Load what a space names of a user's own; its fields are fields of a trial from then on.

    A network is imported only where a field is not one of ours: a search tries it before it starts.

    Args:
        raw: the space.
        further: names of fields that are to be set beside those of the space.

    Returns:
        What cannot be used, and why.
    """
    problems = []
    for family in ("method", "noise", "model"):
        fields = [*further, *(str(name) for part in SECTIONS for name in section(raw, part))]
        if family == "model" and all(name in trial_fields() for name in fields):
            continue
        for name in possible(raw, family):
            if not isinstance(name, str) or not declared.is_own(family, name):
                continue
            try:
                declared.declaration_of(family, name)
            except DeclarationError as error:
                problems.append(Problem(_place(raw, family), str(error)))
    return problems


def _place(raw: Raw, name: str) -> str:
    parts = (part for part in SECTIONS if name in section(raw, part))
    return next((f"{part}.{name}" for part in parts), name)


def known_fields(raw: Raw) -> Iterator[Problem]:
    """Every field of a section is one that a space may set there."""
    kept = ("seed", *SPACE_LEVEL_FIELDS)
    allowed = [f for f in trial_fields() if f not in kept]
    for part in SECTIONS:
        for name in section(raw, part):
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
        if name not in trial_fields() or not isinstance(levels, list):
            continue  # another rule's word, or the schema's
        if not levels:
            yield Problem(f"conditions.{name}", "[] has no level: give at least one")
        if has_twins(levels):
            yield Problem(f"conditions.{name}", f"{shorten(levels)} names a level twice")
        for level in levels:
            if message := field_problem(name, level):
                yield Problem(f"conditions.{name}", message)
    for name, value in section(raw, "fixed").items():
        if name in trial_fields() and (message := field_problem(name, value)):
            yield Problem(f"fixed.{name}", message)
    for name, domain in parsed_domains(raw).items():
        if name in trial_fields():
            yield from _valid_domain(name, domain)


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


def possible(raw: Raw, name: str) -> list[Any]:
    """Return all values a field can take in the trials of this space."""
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
    return _possible_defaults(raw, name)


def _possible_defaults(raw: Raw, name: str) -> list[Any]:
    """Return the defaults of a field beside all values of the fields that decide it."""
    info = trial_fields()[name]
    deciders_of_it = default_deciders(info)
    defaults: list[Any] = []
    for values in product(*(possible(raw, decider) for decider in deciders_of_it)):
        given = dict(zip(deciders_of_it, values, strict=True))
        given = {k: v for k, v in given.items() if applies(k, given)}
        if not deciders_of_it or applies(name, given):
            defaults.append(field_default(info, given))
    return defaults


def fields_that_apply(raw: Raw) -> Iterator[Problem]:
    """A field that no trial of this space would use is an error, not an idle option."""
    for part in SECTIONS:
        for name in section(raw, part):
            if name not in trial_fields():
                continue
            for decider, allowed in when(name).items():
                values = possible(raw, decider)
                hits = [value for value in values if value in allowed]
                if values and (not hits or (part == "conditions" and len(hits) < len(values))):
                    yield Problem(
                        f"{part}.{name}",
                        f"has no effect where {decider} is {', '.join(map(str, values))}: it "
                        f"applies only to {describe_when(name)}; take it out (--set {name}=null)",
                    )


def noises_of(raw: Raw) -> list[str]:
    """Return the kinds of noise of this space that are declared; others are another rule's word."""
    return [value for value in possible(raw, "noise") if field_problem("noise", value) is None]


def drawn_noise(raw: Raw) -> Iterator[Problem]:
    """A noise seed is given only to noise that is drawn."""
    given = [value for value in noises_of(raw) if not declared.noise(value).drawn]
    for part in ("conditions", "fixed"):
        if given and "noise_seed" in section(raw, part):
            yield Problem(
                f"{part}.noise_seed",
                f"has no effect where noise is {', '.join(given)}: its labels are given, not "
                "drawn; take it out (--set noise_seed=null)",
            )


def domain_conditions(raw: Raw) -> Iterator[Problem]:
    """`when` names fields of this space and values that they can take."""
    domains = parsed_domains(raw)
    for name, domain in domains.items():
        for decider, value in domain.when.items():
            place = f"search.{name}.when.{decider}"
            if decider not in trial_fields():
                fields = [f for f in trial_fields() if possible(raw, f)]
                yield Problem(place, f"unknown field: {suggestion(str(decider), fields)}")
            elif decider == name:
                yield Problem(place, "a field cannot depend on itself")
            elif not _occurs(raw, decider, value):
                possible_values = domains.get(decider) or shorten(possible(raw, decider))
                yield Problem(
                    place, f"{shorten(value)} never occurs: {decider} is {possible_values}"
                )
    yield from _no_circle(raw)


def deciders(name: str, domain: Domain) -> set[str]:
    """Return the fields that decide whether a searched field is drawn."""
    return {*domain.when, *when(name)} if name in trial_fields() else set(domain.when)


def _occurs(raw: Raw, decider: str, value: Any) -> bool:
    domain = parsed_domains(raw).get(decider)
    if domain is not None and domain.kind == "int":
        return isinstance(value, int) and domain.bounds[0] <= value <= domain.bounds[1]
    # A drawn real number practically never equals one that is named.
    return value in possible(raw, decider) and (domain is None or domain.kind == "choice")


def _no_circle(raw: Raw) -> Iterator[Problem]:
    domains = parsed_domains(raw)
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


def told_matrix(raw: Raw) -> Iterator[Problem]:
    """A method is told a transition matrix only of noise whose matrix is known."""
    noises = [value for value in noises_of(raw) if not declared.noise(value).class_conditional]
    methods = [name for name in possible(raw, "method") if field_problem("method", name) is None]
    pairs = {pair for name in methods for pair in declared.method(name).told_matrix.items()}
    for field, value in sorted(pairs):
        if noises and value in possible(raw, field):
            yield Problem(_place(raw, field), unknown_matrix(field, value, shorten(noises[0])))


def valid_objective(raw: Raw) -> Iterator[Problem]:
    """Noise and objective are what a trial allows; the objective beside the oracle."""
    given: list[tuple[str, Raw]] = [(name, {name: raw[name]}) for name in ("noise",) if name in raw]
    oracle = {"oracle": True} if raw.get("oracle") is True else {}
    if "objective" in raw or oracle:
        objective = raw.get("objective", SearchConfig.model_fields["objective"].default)
        given.append(("objective", {"objective": objective} | oracle))
    for name, values in given:
        try:
            TrialConfig.model_validate(values)
        except ValidationError as error:
            yield Problem(name, message_of(error.errors()[0], {}))


FIELD_RULES = (
    known_fields,
    one_role_each,
    valid_values,
    fields_that_apply,
    domain_conditions,
    told_matrix,
    drawn_noise,
    valid_objective,
)
