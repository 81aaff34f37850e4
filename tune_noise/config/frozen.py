"""The base of every config node, and the checks that several nodes share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


class Frozen(BaseModel):
    """A config node: immutable, and an unknown key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_boolean_is_a_number(cls, values: Any) -> Any:
        # Pydantic would read `epochs: yes` as 1, and YAML turns yes, no, on, off into booleans.
        if isinstance(values, dict):
            for key, value in values.items():
                if isinstance(value, bool) and key in cls.model_fields:
                    annotation = str(cls.model_fields[key].annotation)
                    if "bool" not in annotation and "Any" not in annotation:
                        raise ValueError(
                            f"{key} must not be {value}: YAML reads yes/no as booleans"
                        )
        return values


def check_fraction(value: float) -> float:
    """Return value if it is in [0, 1), else raise ValueError that knows about percents."""
    if not 0.0 <= value < 1.0:
        percent = f" (for {value:g} percent write {value / 100:g})" if 1.0 < value < 100.0 else ""
        raise ValueError(f"{value:g} must be a fraction in [0, 1){percent}")
    return value


Fraction = Annotated[float, AfterValidator(check_fraction)]
