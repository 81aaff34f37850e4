"""The ranges of searched fields: choice, uniform, loguniform, int."""

import math
from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from tune_noise.config.frozen import Frozen

KINDS = ("choice", "uniform", "loguniform", "int")


class Domain(Frozen):
    """The range of one searched field: exactly one of choice, uniform, loguniform and int.

    Example:
        >>> Domain.model_validate({"uniform": [0.1, 0.6], "when": {"method": "co_teaching"}}).kind
        'uniform'
    """

    choice: list[Any] | None = Field(
        None, min_length=1, max_length=100, description="one of these values"
    )
    uniform: tuple[float, float] | None = Field(None, description="[low, high]")
    loguniform: tuple[float, float] | None = Field(None, description="[low, high], low above 0")
    int_: tuple[int, int] | None = Field(
        None, alias="int", description="[low, high], both included"
    )
    points: int | None = Field(
        None, ge=2, le=1000, description="how many values a grid takes of the range"
    )
    when: dict[str, Any] = Field(
        default_factory=dict, description="searched only where field=value"
    )

    @model_validator(mode="after")
    def _exactly_one_range(self) -> Self:
        given = [kind for kind in KINDS if self._range(kind) is not None]
        if len(given) != 1:
            got = f"got {' and '.join(given)}" if given else "got none"
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}; {got}")
        if self.kind == "choice":
            self._check_choice()
        else:
            self._check_range()
        return self

    def _check_choice(self) -> None:
        values = self.choice or []
        if has_twins(values):
            raise ValueError(f"choice {values} names a value twice")
        if self.points is not None:
            raise ValueError("points belongs to a range; a choice is already a grid")

    def _check_range(self) -> None:
        low, high = self.bounds
        if low >= high:
            raise ValueError(f"{self.kind} [{low}, {high}] is empty: low must be below high")
        if self.loguniform is not None and low <= 0.0:
            raise ValueError(f"loguniform [{low}, {high}] must start above 0")

    def _range(self, kind: str) -> Any:
        # `int` cannot be an attribute's name beside annotations that mean the type.
        return getattr(self, "int_" if kind == "int" else kind)

    @property
    def kind(self) -> str:
        """Which of the four ranges this is."""
        return next(kind for kind in KINDS if self._range(kind) is not None)

    @property
    def bounds(self) -> tuple[Any, Any]:
        """Low and high of a range; not for a choice."""
        low, high = self._range(self.kind)
        return low, high

    def extremes(self) -> list[Any]:
        """Return the values that prove the whole domain valid: all choices, or both ends."""
        return list(self.choice) if self.choice is not None else list(self.bounds)

    def grid(self) -> list[Any]:
        """Return the values of a grid: all of a choice or an int range, else `points` of them."""
        if self.choice is not None:
            return list(self.choice)
        low, high = self.bounds
        if self.int_ is not None and self.points is None:
            return list(range(low, high + 1))
        steps = [i / (self.points - 1) for i in range(self.points)] if self.points else []
        if self.loguniform is not None:
            values = [math.exp((1 - t) * math.log(low) + t * math.log(high)) for t in steps]
        else:
            values = [(1 - t) * low + t * high for t in steps]
        # Rounding must carry no value across a bound: beyond it a trial would be refused.
        values = [min(max(value, low), high) for value in values]
        return sorted({round(v) for v in values}) if self.int_ is not None else values

    def values(self, *, is_grid: bool) -> Sequence[Any] | None:
        """Return every value that a trial may have; None for a continuous range.

        Args:
            is_grid: whether the values are those of `grid`.
        """
        if is_grid or self.choice is not None:
            return self.grid()
        return None if self.int_ is None else range(self.int_[0], self.int_[1] + 1)

    @property
    def grid_size(self) -> int:
        """How many values `grid` gives at most, without making them."""
        if self.choice is not None:
            return len(self.choice)
        if self.int_ is not None and self.points is None:
            return self.int_[1] - self.int_[0] + 1
        return self.points or 0

    def __str__(self) -> str:
        """Return the domain as a space writes it, e.g. `loguniform [0.0001, 0.01]`."""
        if self.choice is not None:
            return f"choice {levels_in_words(self.choice)}"
        low, high = self.bounds
        return f"{self.kind} [{low}, {high}]"


def levels_in_words(levels: list[Any]) -> str:
    """Return a list of values as a space writes it: Python's None is null there.

    Example:
        >>> levels_in_words([None, 3])
        '[null, 3]'
    """
    return f"[{', '.join('null' if level is None else repr(level) for level in levels)}]"


def has_twins(values: list[Any]) -> bool:
    """Return whether a list names a value twice; 5 and 5.0 are one value.

    Example:
        >>> has_twins([5, 5.0]), has_twins([5, "5"])
        (True, False)
    """
    try:
        return len(set(values)) < len(values)
    except TypeError:  # a list or mapping among them
        return any(value in values[:place] for place, value in enumerate(values))
