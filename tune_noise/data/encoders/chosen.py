"""The encoder that a space names, made and ready, with all that identifies it."""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pydantic

from tune_noise.config.problems import problems_of
from tune_noise.data.encoders.declarations import DEFAULT_ENCODERS, ENCODERS
from tune_noise.data.encoders.protocol import Encoder
from tune_noise.declaration import (
    DeclarationError,
    EncoderDeclaration,
    Field,
    import_object,
)
from tune_noise.errors import ConfigError, DataError, Problem, suggestion


@dataclass(frozen=True, eq=False)
class ChosenEncoder:
    """An encoder by its name and the values of its fields.

    Attributes:
        name: of the declaration, or `package.module:factory` of a user's own.
        fields: the values of all fields.
        takes: the kind of raw inputs.
        version: what else its outputs depend on: `revision`, and `package`, `weights` or `source`
            where there are such.
        encoder: the one that encodes; not fitted yet, where it learns something.
    """

    name: str
    fields: Mapping[str, Any]
    takes: str
    version: Mapping[str, Any]
    encoder: Encoder

    @property
    def about(self) -> dict[str, Any]:
        """Plain values that say all of it."""
        about = {"name": self.name, "takes": self.takes}
        return {**about, "fields": dict(self.fields), "version": dict(self.version)}

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.fields.items())
        return f"{self.name} ({values})" if values else self.name


def choose_encoder(asked: str | Mapping[str, Any] | None, kind: str) -> ChosenEncoder | None:
    """Make the encoder that a user asked for, or the default one of a kind of raw inputs.

    Args:
        asked: a name, `NAME:MODEL` for one that takes a model's name, `package.module:factory`, or
            a mapping with `name` and fields; None: the default.
        kind: of the raw inputs.

    Returns:
        None for raw inputs that are used as they come.

    Raises:
        DataError: it is unknown, does not suit the kind, or lacks a library; or a field is wrong.
    """
    if kind not in DEFAULT_ENCODERS:
        if asked is not None:
            raise _refused(f"{kind} are used as they come: leave the encoder out")
        return None
    values = {"name": asked} if isinstance(asked, str) else dict(asked or {})
    name = values.pop("name", None) or DEFAULT_ENCODERS[kind]
    prefix, _, model = str(name).partition(":")
    if model and prefix in ENCODERS:
        name, values = prefix, {"model": model, **values}
    if name in ENCODERS:
        declaration = ENCODERS[name]
        path = declaration.implementation
    elif ":" in str(name):
        path = str(name)
        declaration = _own_declaration(path, kind)
    else:
        names = [one for one, there in ENCODERS.items() if there.takes == kind]
        raise _refused(
            f"{name!r} is not an encoder of {kind}, nor package.module:factory of your own; "
            f"{suggestion(str(name), names)}"
        )
    if declaration.takes != kind:
        names = [one for one, there in ENCODERS.items() if there.takes == kind]
        raise _refused(
            f"{name} takes {declaration.takes}, and these are {kind}: choose from "
            f"{', '.join(names)}"
        )
    fields = _checked_fields(declaration, values)
    return made_encoder(str(name), declaration, path, fields)


def made_encoder(
    name: str, declaration: EncoderDeclaration, path: str, fields: Mapping[str, Any]
) -> ChosenEncoder:
    """Import an encoder's class or factory and call it with the values of its fields.

    Raises:
        DataError: it needs a library that is not installed, or fails.
    """
    try:
        encoder = import_object(path)(**fields)
    except DataError:
        raise
    except (DeclarationError, ImportError) as error:
        if not declaration.extra:
            raise _refused(str(error)) from None
        raise _refused(
            f"{name} needs a library that is not installed: pip install "
            f"'tune-noise[{declaration.extra}]' ({error})"
        ) from None
    except Exception as error:  # whatever the user's code, or a library, may raise
        raise _refused(
            f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ) from error
    if not isinstance(encoder, Encoder):
        raise _refused(f"{name}: it must return an object with a method `encode`")
    return ChosenEncoder(
        name, fields, declaration.takes, _version(declaration, path, encoder), encoder
    )


def _own_declaration(path: str, kind: str) -> EncoderDeclaration:
    try:
        factory = import_object(path)
    except DeclarationError as error:
        raise _refused(str(error)) from None
    if not callable(factory):
        raise _refused(f"{path!r}: it must be a class or a function")
    declaration = getattr(factory, "declaration", None) or EncoderDeclaration(takes=kind)
    if not isinstance(declaration, EncoderDeclaration):
        raise _refused(f"{path!r}: its attribute `declaration` must be an EncoderDeclaration")
    return declaration


def _checked_fields(declaration: EncoderDeclaration, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all fields, with the defaults of those that were not set."""
    fields: dict[str, Any] = {one.name: _pydantic_field(one) for one in declaration.fields}
    config = pydantic.ConfigDict(extra="forbid", protected_namespaces=())
    model: Any = pydantic.create_model("Fields", __config__=config, **fields)
    try:
        return dict(model(**values))
    except pydantic.ValidationError as error:
        known = {"": [field.name for field in declaration.fields]}
        problems = [
            Problem(f"encoder.{problem.place}", problem.message)
            for problem in problems_of(error, known=known)
        ]
        raise DataError(str(ConfigError("data", problems))) from None


def _pydantic_field(one: Field) -> tuple[Any, Any]:
    limits: dict[str, Any] = one.limits
    return one.type, pydantic.Field(... if one.default is None else one.default, **limits)


def _version(declaration: EncoderDeclaration, path: str, encoder: Encoder) -> dict[str, Any]:
    facts: dict[str, Any] = {"revision": declaration.revision}
    if declaration.package:
        try:
            facts["package"] = f"{declaration.package} {version(declaration.package)}"
        except PackageNotFoundError:
            facts["package"] = f"{declaration.package}, not installed by pip"
    if weights := getattr(encoder, "weights", ()):
        facts["weights"] = _content_digest(map(Path, weights))
    if path == declaration.implementation:
        return facts
    file = inspect.getsourcefile(import_object(path))
    return facts | {"source": _content_digest([Path(file)] if file else [])}


def _content_digest(files: Any) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, partial(hashlib.sha256)).digest())
    return digest.hexdigest()[:16]


def _refused(message: str) -> DataError:
    return DataError(f"encoder: {message}")
