"""Fields that mean something only beside certain values of other fields."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo


def only(
    default: Any = None,
    *,
    when: dict[str, tuple[str | None, ...]],
    description: str,
    by: dict[str, dict[str, Any]] | None = None,
    **limits: Any,
) -> Any:
    """Return a field that is None where it means nothing, and has its default where it does.

    Args:
        default: where the field applies and nobody set it.
        when: deciding field -> the values beside which this one applies; all must hold. None is
            the value of a field that is left out.
        description: one line.
        by: deciding field -> its value -> the default beside it; the first that names one wins.
        **limits: what `pydantic.Field` takes, e.g. ge.
    """
    extra: dict[str, Any] = {
        "when": {decider: list(values) for decider, values in when.items()},
        "default": default,
        "default_by": by or {},
    }
    return Field(default=None, description=description, json_schema_extra=extra, **limits)


def condition_of(info: FieldInfo) -> dict[str, list[str | None]]:
    """Return deciding field -> the values beside which a field applies; empty: always."""
    condition: dict[str, list[str | None]] = _extra(info).get("when", {})
    return condition


def default_deciders(info: FieldInfo) -> list[str]:
    """Return the fields on whose values the default of a field depends; most have none."""
    return list(_extra(info).get("default_by", {}))


def field_default(info: FieldInfo, values: dict[str, Any] | None = None) -> Any:
    """Return the default of a field beside the other values of a configuration."""
    extra, given = _extra(info), values or {}
    for decider, defaults in extra.get("default_by", {}).items():
        value = given.get(decider)
        # A raw space may hold anything here, also what no mapping can be asked for.
        if isinstance(value, str) and value in defaults:
            return defaults[value]
    return extra.get("default", info.default)


def either(values: Sequence[str | None]) -> str:
    """Return `a, b or c`: one of several values in words."""
    *others, last = ("null" if value is None else value for value in values)
    return f"{', '.join(others)} or {last}" if others else last


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}
