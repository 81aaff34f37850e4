"""A space as its file says it, before it is known to be valid: what a rule may ask of it."""

from functools import cached_property
from itertools import product
from typing import Any

from pydantic import ValidationError

from tune_noise.config.conditional import default_deciders, field_default
from tune_noise.config.domains import Domain
from tune_noise.config.search import SPACE_LEVEL_FIELDS, SearchConfig
from tune_noise.config.trial import applies, trial_fields

SECTIONS = ("conditions", "search", "fixed")


class RawSpace:
    """The mapping of a space, any part of which may be missing or malformed.

    Attributes:
        raw: the mapping. It must not change while its domains are in use.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def value(self, key: str) -> Any:
        """Return the value of a key of the space, or its default."""
        return self.raw.get(key, SearchConfig.model_fields[key].default)

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the space, or nothing where it is missing or not a mapping."""
        value = self.raw.get(name)
        return value if isinstance(value, dict) else {}

    def place(self, name: str) -> str:
        """Return where a field stands, e.g. `search.lr`."""
        parts = (part for part in SECTIONS if name in self.section(part))
        return next((f"{part}.{name}" for part in parts), name)

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """The domains that are well formed; the others are reported by the schema."""
        domains = {}
        for name, value in self.section("search").items():
            try:
                domains[str(name)] = Domain.model_validate(value)
            except ValidationError:
                continue
        return domains

    def possible(self, name: str) -> list[Any]:
        """Return all values a field can take in the trials of this space."""
        if name in self.section("conditions"):
            levels = self.section("conditions")[name]
            return levels if isinstance(levels, list) else []
        if name in self.domains:
            return self.domains[name].extremes()
        if name in self.section("search"):
            return []
        if name in self.section("fixed"):
            value = self.section("fixed")[name]
            # A list is refused, once: what its values would allow is not a further problem.
            return value if isinstance(value, list) else [value]
        if name in SPACE_LEVEL_FIELDS:
            return [self.value(name)]
        return self._possible_defaults(name)

    def _possible_defaults(self, name: str) -> list[Any]:
        """Return the defaults of a field beside all values of the fields that decide it."""
        info = trial_fields()[name]
        deciders = default_deciders(info)
        defaults: list[Any] = []
        for values in product(*map(self.possible, deciders)):
            given = dict(zip(deciders, values, strict=True))
            given = {k: v for k, v in given.items() if applies(k, given)}
            if not deciders or applies(name, given):
                defaults.append(field_default(info, given))
        return defaults
