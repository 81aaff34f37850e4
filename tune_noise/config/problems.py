"""Pydantic's complaints in the project's words: place, rule, value, way out."""

from typing import Any

from pydantic import ValidationError

from tune_noise.errors import Problem, suggestion

# Complaints of pydantic about fields that hold one value.
_OF_ONE_VALUE = ("string_type", "int_type", "float_type", "bool_type", "literal_error")


def problems_of(
    error: ValidationError, *, known: dict[str, list[str]] | None = None
) -> list[Problem]:
    """Return one Problem per complaint of pydantic.

    Args:
        error: raised by a config node.
        known: place of a node ("" for the root) -> the keys it knows, for suggestions.
    """
    problems = []
    for item in error.errors():
        place, message = place_of(item["loc"]), message_of(item, known or {})
        if not place:
            # A rule about a whole node starts its message with the field that breaks it.
            place, _, message = message.partition(" ")
        problems.append(Problem(place, message))
    return problems


def place_of(location: tuple[Any, ...]) -> str:
    """Return where a value stands, e.g. `search.lr.uniform`; empty for the file as a whole."""
    return ".".join(str(part) for part in location)


def place_in(text: str) -> str:
    r"""Return what a user typed, as the place of a problem: one line, cut where it is long.

    Example:
        >>> place_in("lr"), place_in(""), place_in("a\nb")
        ('lr', "''", "'a\\nb'")
    """
    return text if text.isprintable() and 0 < len(text) <= 60 else shorten(text)


def message_of(item: Any, known: dict[str, list[str]]) -> str:
    """Return one complaint as a sentence that ends in a way out."""
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        *parents, key = [str(part) for part in item["loc"]]
        keys = known.get(".".join(parents), [])
        return f"unknown key: {suggestion(key, keys)}" if keys else "unknown key: remove it"
    if isinstance(value, list) and kind in _OF_ONE_VALUE:
        return f"{shorten(value)} is a list: give one value"
    if kind == "literal_error":
        names = [name.strip(" '") for name in context["expected"].replace(" or ", ",").split(",")]
        close = suggestion(str(value), names)
        hint = f" ({close})" if close.startswith("did") else ""
        return f"{shorten(value)} is not one of {', '.join(names)}{hint}"
    if kind == "missing":
        return "is missing and has no default: add it"
    if kind == "value_error":
        return str(context["error"])
    if kind in {"dict_type", "model_type", "model_attributes_type"}:
        if isinstance(value, list) and item["loc"][:-1] == ("search",):
            return f"{shorten(value)} is a list of values: write {{choice: {shorten(value)}}}"
        return f"{shorten(value)} must be a mapping of keys to values"
    if kind == "string_pattern_mismatch":
        return f"{shorten(value)} must be letters, digits, dot, dash and underscore alone"
    rule = str(item["msg"]).replace("Input should be", "must be")
    return f"{shorten(value)} {rule[0].lower()}{rule[1:]}"


def shorten(value: Any, limit: int = 60) -> str:
    """Return the value as it would be typed, cut where it is long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
