"""The base of every config node, and the checks that several nodes share."""

import re
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator


def check_fraction(value: float) -> float:
    """Return value if it is in [0, 1), else raise ValueError that knows about percents."""
    if not 0.0 <= value < 1.0:
        percent = f" (for {value:g} percent write {value / 100:g})" if 1.0 < value < 100.0 else ""
        raise ValueError(f"{value:g} must be a fraction in [0, 1){percent}")
    return value


Fraction = Annotated[float, AfterValidator(check_fraction)]
_NUMBERS = {int, float, Fraction}


# What breaks a line, steers a terminal, or cannot be written as UTF-8.
NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_one_line(text: str) -> str:
    """Return text if it can stand in one line of a file, a message or a table, else raise."""
    if NO_LINE.search(text):
        raise ValueError(f"{text!r} must be one line without control characters")
    return text


OneLine = Annotated[str, AfterValidator(check_one_line)]

_NUMBER = re.compile(r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$")


class Frozen(BaseModel):
    """A config node: immutable, and an unknown key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_plain(self) -> dict[str, Any]:
        """Return the values as JSON and a space file can hold them; what is null is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @field_validator("*", mode="before")
    @classmethod
    def _a_number_is_written_as_one(cls, value: Any, info: ValidationInfo) -> Any:
        # First what most fields of a trial hold: a record may have ten thousand trials.
        if _is_no_number(value) or not _may_hold_numbers(cls, str(info.field_name)):
            return value
        annotation = cls.model_fields[str(info.field_name)].annotation
        if message := number_problem(annotation, value):
            raise ValueError(message)
        return value


def number_problem(annotation: Any, value: Any) -> str | None:
    """Return why a value is not the number that it would be taken for; None where it may pass.

    Pydantic reads yes as 1, "8" as 8 and 8.0 as 8; the rules of a space compare what was written.

    Example:
        >>> number_problem(int | None, "8")
        "'8' must be a number: write it without quotes"
    """
    if _is_no_number(value):
        return None
    types = {annotation, *get_args(annotation)}
    if isinstance(value, list | tuple):
        items = next((get_args(t) for t in types if get_origin(t) is tuple), ())
        faults = map(number_problem, items, value)
        return next((fault for fault in faults if fault), None)
    if not types & _NUMBERS:
        return None
    if isinstance(value, bool):
        return f"must not be {value}: YAML reads yes, no, on and off as booleans"
    if isinstance(value, str):
        hint = ": write it without quotes" if _NUMBER.match(value) else ""
        return f"{value!r} must be a number{hint}"
    if isinstance(value, float) and not types & {float, Fraction} and value.is_integer():
        return f"{value} must be a whole number: write {int(value)}"
    return None


def _is_no_number(value: Any) -> bool:
    """Return whether a value passes beside every annotation."""
    if type(value) is float:
        return not value.is_integer()
    return value is None or type(value) is int


@cache
def _may_hold_numbers(node: type[Frozen], field: str) -> bool:
    annotation = node.model_fields[field].annotation
    types = {annotation, *get_args(annotation)}
    return bool(types & _NUMBERS) or any(get_origin(kind) is tuple for kind in types)
