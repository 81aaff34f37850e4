"""Everything that a configuration may name: shipped, installed as a plug-in, or a user's own.

A method, a kind of noise and a network are declared (`tune_noise.declaration`). From all
declarations that this process has loaded follow the fields of a trial, when each of them applies,
and its default.
"""

import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from tune_noise.config.conditional import only
from tune_noise.config.frozen import Fraction, OneLine
from tune_noise.declaration import (
    Declaration,
    DeclarationError,
    Field,
    MethodDeclaration,
    NetworkDeclaration,
    NoiseDeclaration,
    import_object,
)
from tune_noise.errors import suggestion
from tune_noise.methods.declarations import METHODS
from tune_noise.models.declarations import NETWORKS
from tune_noise.noise import Noise
from tune_noise.noise.kinds import NOISES

# The field of a trial that names a declaration -> the shipped ones.
SHIPPED: Mapping[str, Mapping[str, Declaration]] = {
    "noise": NOISES,
    "model": NETWORKS,
    "method": METHODS,
}
# The field -> the group of entry points by which a package announces its own.
ENTRY_POINTS = {
    "noise": "tune_noise.noise",
    "model": "tune_noise.models",
    "method": "tune_noise.methods",
}
_TYPES: Mapping[str, type[Declaration]] = {
    "noise": NoiseDeclaration,
    "model": NetworkDeclaration,
    "method": MethodDeclaration,
}
# What a person calls it -> for messages.
WORDS = {"noise": "kind of noise", "model": "network", "method": "method"}
_OBJECTS = {"noise": "Class", "model": "factory", "method": "Class"}
MAX_PATH_LETTERS = 200
_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_PATH = re.compile(rf"{_WORD}(\.{_WORD})*:{_WORD}")
# Declarations that are not shipped, by field and name, in the order in which they were loaded.
_loaded: dict[str, dict[str, Declaration]] = {"noise": {}, "model": {}, "method": {}}


def is_path(name: str) -> bool:
    """Return whether a name is the path of a user's own, `package.module:name`."""
    return ":" in name


def is_own(field: str, name: str) -> bool:
    """Return whether a name is well written and leads to something that is not shipped."""
    return _PATH.fullmatch(name) is not None or name in installed(field)


@cache
def installed(field: str) -> Mapping[str, str]:
    """Return name -> `package.module:name` of what installed packages announce for a field."""
    points = entry_points(group=ENTRY_POINTS[field])
    return {point.name: point.value for point in points if point.name not in SHIPPED[field]}


def names(field: str) -> list[str]:
    """Return the names that a field takes, without the paths: the shipped ones come first."""
    return [*SHIPPED[field], *installed(field)]


def check_name(field: str, name: str) -> str:
    """Return the name if it is declared, or looks like a path; nothing is imported.

    Raises:
        ValueError: it is neither.

    Example:
        >>> check_name("model", "my_networks.small:build")
        'my_networks.small:build'
    """
    if name in names(field):
        return name
    if is_path(name):
        if _PATH.fullmatch(name) and len(name) <= MAX_PATH_LETTERS:
            return name
        raise ValueError(
            f"{name[:60]!r} must be written package.module:{_OBJECTS[field]}, in letters, digits "
            f"and underscores, at most {MAX_PATH_LETTERS} of them"
        )
    closest = suggestion(name, names(field))
    hint = f"; {closest}" if closest.startswith("did") else ""
    raise ValueError(
        f"{name[:60]!r} is not one of {', '.join(names(field))}, nor "
        f"package.module:{_OBJECTS[field]} for a {WORDS[field]} of your own{hint}"
    )


def declaration_of(field: str, name: str) -> Declaration:
    """Return the declaration of what a field names; a user's own is imported once.

    Args:
        field: `noise`, `model` or `method`.
        name: a shipped or installed name, or a path.

    Raises:
        DeclarationError: it cannot be imported, or does not declare itself as it must.
    """
    if name in SHIPPED[field]:
        return SHIPPED[field][name]
    if name not in _loaded[field]:
        path = installed(field).get(name, name)
        if not is_path(path):
            raise DeclarationError(f"{name!r} is not declared: {suggestion(name, names(field))}")
        _load(field, name, import_object(path), path)
    return _loaded[field][name]


def origin(field: str, name: str) -> dict[str, str]:
    """Return what identifies the version of a user's own: `source`, and `package` if it has one.

    Args:
        field: `noise`, `model` or `method`.
        name: an installed name, or a path.

    Returns:
        `source` is the start of the sha256 of its module's file; `package` is name and version of
        the installed distribution that the module belongs to.

    Raises:
        DeclarationError: it cannot be used here.
    """
    path = declaration_of(field, name).implementation
    module = path.partition(":")[0]
    import_object(path)
    file = getattr(sys.modules[module], "__file__", None)
    source = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""
    distributions = packages_distributions().get(module.partition(".")[0], [])
    packages = sorted({f"{package} {version(package)}" for package in distributions})
    return {"source": source} | ({"package": ", ".join(packages)} if packages else {})


def method(name: str) -> MethodDeclaration:
    """Return the declaration of a training method."""
    declaration = declaration_of("method", name)
    assert isinstance(declaration, MethodDeclaration)
    return declaration


def noise(name: str) -> NoiseDeclaration:
    """Return the declaration of a kind of noise."""
    declaration = declaration_of("noise", name)
    assert isinstance(declaration, NoiseDeclaration)
    return declaration


def network(name: str) -> NetworkDeclaration:
    """Return the declaration of a network."""
    declaration = declaration_of("model", name)
    assert isinstance(declaration, NetworkDeclaration)
    return declaration


def is_loaded(field: str, name: str) -> bool:
    """Return whether this process has loaded something that is not shipped."""
    return name in _loaded[field]


def network_path(name: str) -> str:
    """Return the name of a network as `models.networks.build_network` takes it."""
    return name if name in NETWORKS else network(name).implementation


def loaded_names() -> tuple[str, ...]:
    """Return the names of all declarations beside the shipped ones that this process has loaded."""
    return tuple(f"{field} {name}" for field, ones in _loaded.items() for name in ones)


def declared_fields() -> dict[str, tuple[Any, FieldInfo]]:
    """Return name -> type and pydantic's field of everything declared, as it stands now."""
    fields: dict[str, tuple[Any, FieldInfo]] = {}
    for family in SHIPPED:
        fields |= fields_of(family)
    return fields


def beginnings() -> dict[str, Field]:
    """Return name -> field that says how long a method prepares before it does its own work."""
    fields = (one for _, declaration in _all("method") for one in declaration.fields)
    return {one.name: one for one in fields if one.begins}


def noise_fields() -> dict[str, Field]:
    """Return name -> field of everything that the kinds of noise declare."""
    return {field.name: field for _, noise in _all("noise") for field in noise.fields}


def networks_for(kind: str) -> list[str]:
    """Return the shipped networks that take inputs of a kind."""
    return [name for name, network in NETWORKS.items() if kind in network.inputs]


def class_conditional_noises() -> list[str]:
    """Return the kinds of noise of which a transition matrix is known."""
    return [name for name, noise in _all("noise") if getattr(noise, "class_conditional", False)]


def per_replicate_fields() -> frozenset[str]:
    """Return the declared fields in which the replicates of one stack may differ.

    They share the network, and how many labels an image has.
    """
    shared = {getattr(declaration, "added_labels", "") for _, declaration in _all("noise")}
    return frozenset(
        one.name
        for family in SHIPPED
        for _, declaration in _all(family)
        for one in declaration.fields
        if one.per_replicate and family != "model" and one.name not in shared
    )


def _all(family: str) -> Iterator[tuple[str, Declaration]]:
    yield from SHIPPED[family].items()
    yield from _loaded[family].items()


def fields_of(family: str) -> dict[str, tuple[Any, FieldInfo]]:
    """Return name -> type and pydantic's field of what all noises, models or methods declare."""
    users: dict[str, list[tuple[str, Field]]] = {}
    for name, declaration in _all(family):
        for one in declaration.fields:
            users.setdefault(one.name, []).append((name, one))
    return {name: _merged(family, uses) for name, uses in users.items()}


def _merged(family: str, uses: list[tuple[str, Field]]) -> tuple[Any, FieldInfo]:
    """Return the one field of a trial that several declarations share."""
    first = uses[0][1]
    by: dict[str, dict[str, Any]] = {}
    for _, one in uses:
        by |= {decider: dict(defaults) for decider, defaults in one.default_by.items()}
    if any(one.default != first.default for _, one in uses):
        by[family] = {name: one.default for name, one in uses}
    annotation, limits = _annotation(first)
    info: FieldInfo = only(
        first.default,
        when={family: tuple(name for name, _ in uses)},
        by=by,
        description=first.description,
        **limits,
    )
    return annotation, info


def _annotation(one: Field) -> tuple[Any, dict[str, Any]]:
    limits, annotation = one.limits, one.type
    if one.type is float and one.ge == 0.0 and one.lt == 1.0:
        limits, annotation = {}, Fraction
    elif one.type is str:
        annotation = OneLine
    if one.check is not None:
        annotation = Annotated[annotation, AfterValidator(one.check)]
    return annotation | None, limits


def _load(field: str, name: str, thing: Any, path: str) -> None:
    """Take the declaration of a user's own class or function.

    Raises:
        DeclarationError: it is not callable, or its declaration is not as it must be.
    """
    if not callable(thing):
        raise DeclarationError(f"{path!r}: it must be a class or a function")
    kind = _TYPES[field]
    declaration = getattr(thing, "declaration", None)
    if declaration is None and field == "model":
        declaration = NetworkDeclaration()  # a plain factory has no hyper-parameters
    if not isinstance(declaration, kind):
        raise DeclarationError(
            f"{path!r}: a {WORDS[field]} declares itself by an attribute "
            f"`declaration = {kind.__name__}(...)` of tune_noise.declaration"
        )
    _check_fields(field, path, declaration)
    if field == "noise":
        _check_noise_class(path, thing, declaration)
    _loaded[field][name] = replace(declaration, name=name, implementation=path)
    for listener in _listeners:
        listener()


def _check_noise_class(path: str, thing: Any, declaration: Declaration) -> None:
    if not (isinstance(thing, type) and issubclass(thing, Noise)):
        raise DeclarationError(
            f"{path!r}: it must be a class that derives from tune_noise.noise.Noise"
        )
    fields = [field.name for field in declaration.fields]
    parameters = list(inspect.signature(thing).parameters)
    if sorted(parameters) != sorted(fields):
        raise DeclarationError(
            f"{path!r}: it must take the fields that it declares, {', '.join(fields) or 'none'}; "
            f"it takes {', '.join(parameters) or 'none'}"
        )


def _check_fields(family: str, path: str, declaration: Declaration) -> None:
    for one in declaration.fields:
        if not re.fullmatch(_WORD, one.name):
            raise DeclarationError(f"{path!r}: field name {one.name!r} must be one word")
        if one.name in _plain_fields:
            raise DeclarationError(
                f"{path!r}: field {one.name} is one that every trial has: choose another name"
            )
        for other in SHIPPED:
            for name, declaration_there in _all(other):
                for there in declaration_there.fields:
                    same = other == family and _shape(there) == _shape(one)
                    if there.name == one.name and not same:
                        raise DeclarationError(
                            f"{path!r}: field {one.name} is declared otherwise by {other} {name}: "
                            "choose another name, or declare it with the same type and range"
                        )


def _shape(one: Field) -> tuple[Any, ...]:
    return (one.type, one.per_replicate, one.begins, *sorted(one.limits.items()))


# Called when a declaration was loaded, as the fields of a trial have changed.
_listeners: list[Callable[[], None]] = []
# The fields of every trial, whose names nothing declared may take.
_plain_fields: set[str] = set()


def extend(plain_fields: Collection[str], *, when_loaded: Callable[[], None]) -> None:
    """Tell which fields every trial has, and what to call when a further declaration is loaded."""
    _plain_fields.update(plain_fields)
    _listeners.append(when_loaded)
