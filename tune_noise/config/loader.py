"""From a space's name and its overrides to a SearchConfig, or to all errors at once."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tune_noise.config import declared
from tune_noise.config.data_source import DataSource, with_dataset
from tune_noise.config.domains import Domain
from tune_noise.config.frozen import Frozen
from tune_noise.config.problems import place_in, problems_of, shorten
from tune_noise.config.raw_space import SECTIONS, RawSpace
from tune_noise.config.rules import FIELD_RULES, load_own
from tune_noise.config.search import (
    Confirm,
    EarlyStopping,
    Resources,
    SearchConfig,
    Start,
    Suspects,
)
from tune_noise.config.search_rules import SEARCH_RULES
from tune_noise.config.space_yaml import parse_yaml
from tune_noise.config.trial import TrialConfig, applies, describe_when, trial_fields
from tune_noise.errors import ConfigError, Problem, UserError, suggestion
from tune_noise.system.files import expand_home

MAX_SPACE_BYTES = 1_000_000
# Shown at once: whoever has more has chosen the wrong file.
MAX_PROBLEMS = 50
_NESTED: dict[str, type[Frozen]] = {
    "data": DataSource,
    "early_stopping": EarlyStopping,
    "confirm": Confirm,
    "suspects": Suspects,
    "start": Start,
    "resources": Resources,
}
_IN_PLACE_OF = {"data": "dataset", "val_folds": "val_fraction"}
_IN_PLACE_OF |= {other: key for key, other in _IN_PLACE_OF.items()}


def spaces_dir() -> Path:
    """Return the folder of the shipped spaces: inside an installed wheel, or beside the package."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "search_spaces"
    return inside if inside.is_dir() else package.parent / "search_spaces"


def shipped_spaces() -> dict[str, Path]:
    """Return name -> file of every shipped space."""
    return {path.stem: path for path in sorted(spaces_dir().glob("*.yaml"))}


def find_space(space: str) -> Path:
    """Return the file of a space.

    Raises:
        UserError: space is neither a shipped name nor a file.
    """
    shipped = shipped_spaces()
    if space in shipped:
        return shipped[space]
    path = Path(expand_home(space))
    if os.path.isfile(path):  # Path.is_file raises where the name is too long
        return path
    if path.suffix in {".yaml", ".yml"} or "/" in space:
        raise UserError(f"--space {space}: there is no such file; shipped: {', '.join(shipped)}")
    raise UserError(f"--space {space}: there is no such space: {suggestion(space, shipped)}")


def read_space(path: Path) -> dict[str, Any]:
    """Return the raw mapping of a space file.

    Raises:
        UserError: the file cannot be read, is too large, or is not a YAML mapping.
    """
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise UserError(f"{path}: is not a file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SPACE_BYTES + 1)
        if len(content) > MAX_SPACE_BYTES:
            raise UserError(f"{path}: larger than {MAX_SPACE_BYTES} bytes: not a search space")
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    raw = parse_yaml(text, source=str(path))
    if not isinstance(raw, dict):
        raise UserError(f"{path}: a space is a mapping of keys to values, got {shorten(raw)}")
    return {str(key): value for key, value in raw.items()}


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Parse `["lr=1e-3", "alpha=[0, 5]"]` to {"lr": 0.001, "alpha": [0, 5]}.

    Raises:
        ConfigError: one Problem per assignment that is not `field=value`.
    """
    values: dict[str, Any] = {}
    problems = []
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            problems.append(Problem(place_in(text), "must be field=value, e.g. lr=0.001"))
            continue
        try:
            values[key.strip()] = parse_yaml(value, source=key)
        except UserError as error:
            problems.append(Problem(place_in(text), str(error)))
    if problems:
        raise ConfigError("--set", problems)
    return values


def with_assignments(raw: dict[str, Any], assignments: dict[str, Any]) -> dict[str, Any]:
    """Return the space after `--set` of its keys, dotted keys of a section, or a trial's fields.

    `data` and `dataset` take each other's place, and so do `val_fraction` and `val_folds`; what
    `data` may hold is set beside it.

    A field takes its value wherever the space had it: as a condition the value (or list) becomes
    its levels; a mapping becomes its domain; null takes it out of the space; anything else fixes
    it, and it is no longer searched.

    Raises:
        ConfigError: a key is neither.
    """
    new = {k: dict(v) if isinstance(v, dict) else v for k, v in raw.items()}
    problems = []
    # The name of a user's own comes first: it may declare the fields that are set beside it. Part
    # of a section comes after the whole of it.
    for key in sorted(assignments, key=lambda key: (key not in declared.SHIPPED, "." in key)):
        value = assignments[key]
        head, _, tail = key.partition(".")
        replaces = value is not None and _IN_PLACE_OF.get(key, key) not in assignments
        if key in SearchConfig.model_fields:
            new[key] = value
            if replaces:
                new.pop(_IN_PLACE_OF[key], None)
        elif head == "data" and new.get("data") is None:
            message = "says where something stands in your own data: name them by --data SOURCE"
            problems.append(Problem(place_in(key), message))
        elif tail and head in _NESTED and tail in _NESTED[head].model_fields:
            section = new.get(head) or {}
            if head == "data" and isinstance(section, str):
                section = {"train": section}
            # A section that is not a mapping stays for the schema to report.
            new[head] = {**section, tail: value} if isinstance(section, dict) else section
        elif key in trial_fields():
            if replaces:
                _set_field(new, _IN_PLACE_OF[key], None)
            _set_field(new, key, value)
        elif unusable := load_own(RawSpace(new), further=[key]):
            problems += unusable
        elif key in trial_fields():
            _set_field(new, key, value)
        else:
            allowed = [*SearchConfig.model_fields, *trial_fields()]
            allowed += [f"{n}.{f}" for n, node in _NESTED.items() for f in node.model_fields]
            problems.append(Problem(place_in(key), f"unknown field: {suggestion(key, allowed)}"))
    if problems:
        raise ConfigError("--set", problems)
    return new


def _set_field(raw: dict[str, Any], field: str, value: Any) -> None:
    for part in SECTIONS:
        if not isinstance(raw.setdefault(part, {}), dict):
            return  # the schema reports the malformed section
    if value is None:
        # Back to the default, which is also what null means to the one field that may be null.
        for part in SECTIONS:
            raw[part].pop(field, None)
        return
    if field in raw["conditions"]:
        raw["conditions"][field] = value if isinstance(value, list) else [value]
        return
    raw["search"].pop(field, None)
    raw["fixed"].pop(field, None)
    raw["search" if isinstance(value, dict) else "fixed"][field] = value


def build_search(raw: dict[str, Any], *, source: str) -> SearchConfig:
    """Check a raw space and make a SearchConfig of it.

    Raises:
        ConfigError: all problems at once.
    """
    problems: list[Problem] = []
    search = None
    try:
        search = SearchConfig.model_validate(raw)
    except ValidationError as error:
        keys = {"": list(SearchConfig.model_fields)}
        keys |= {name: list(node.model_fields) for name, node in _NESTED.items()}
        domains = raw.get("search")
        for field in domains if isinstance(domains, dict) else ():
            keys[f"search.{field}"] = list(Domain.model_fields)
        problems += problems_of(error, known=keys)
    if raw.get("data") is not None:
        # What is wrong with a path of one's own data is said of that alone.
        problems = [problem for problem in problems if problem.place != "dataset"]
        if "dataset" in raw:
            message = "stands beside data, which takes its place: leave one of them out"
            problems.append(Problem("dataset", message))
    # A rule may repeat what the schema said of the same place: the schema's word stands.
    refused = {problem.place for problem in problems}
    # Without its declaration nothing can be said of a space that names a user's own.
    space = RawSpace(with_dataset(raw))
    unusable = load_own(space)
    problems += unusable
    for rule in () if unusable else (*FIELD_RULES, *SEARCH_RULES):
        problems += [problem for problem in rule(space) if problem.place not in refused]
    if problems or search is None:
        raise ConfigError(source, _listed(problems))
    return search


def _listed(problems: list[Problem]) -> list[Problem]:
    hidden = len(problems) - MAX_PROBLEMS
    if hidden <= 0:
        return problems
    return [*problems[:MAX_PROBLEMS], Problem("...", f"and {hidden} more: correct these first")]


def read_search(space: str | Path, overrides: Mapping[str, Any] | None = None) -> SearchConfig:
    """Read a search space and check it.

    Args:
        space: the name of a shipped space, or the path of a YAML file.
        overrides: field -> value, as the command line's `--set` takes them.

    Raises:
        UserError: there is no such space, it cannot be read, or it has problems; all problems of a
            space are reported at once (`ConfigError`).

    Example:
        >>> search = read_search("smoke", {"trials": 4})
        >>> search.dataset, search.trials
        ('digits', 4)
    """
    path = find_space(str(space))
    raw = {"name": path.stem, **read_space(path)}
    changed = " as the command line changes it" if overrides else ""
    return build_search(with_assignments(raw, dict(overrides or {})), source=f"{path}{changed}")


def build_source(values: Mapping[str, Any], *, source: str) -> DataSource:
    """Check what is said of one's own data.

    Args:
        values: `data`, and what stands beside it: `data.label` and so on.
        source: where it is said.

    Raises:
        ConfigError: all problems at once.
    """
    raw = with_assignments({}, dict(values))["data"]
    try:
        return DataSource.model_validate(raw)
    except ValidationError as error:
        problems = problems_of(error, known={"": list(DataSource.model_fields)})
        raise ConfigError(source, problems) from None


def build_trial(values: dict[str, Any], *, source: str) -> TrialConfig:
    """Check the fields of one trial.

    Raises:
        ConfigError: all problems at once.
    """
    # Pydantic would stop at the first field that does not apply.
    idle = {
        name: Problem(name, f"has no effect here: it applies only to {describe_when(name)}")
        for name, value in values.items()
        if name in trial_fields() and value is not None and not applies(name, values)
    }
    problems = list(idle.values())
    try:
        trial = TrialConfig.model_validate({k: v for k, v in values.items() if k not in idle})
    except ValidationError as error:
        problems += problems_of(error, known={"": list(trial_fields())})
    if problems:
        raise ConfigError(source, problems)
    return trial
