"""How configurations are written wherever a person reads them."""

from collections.abc import Sequence
from typing import Any

from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import NULLABLE_FIELDS, TrialConfig

# What they are called says what they are: `conv4` needs no `model` before it.
NAMED_BY_VALUE = ("method", "model")


def class_name(label: int, names: Sequence[str] | None) -> str:
    """Return what people read for a class: its name, or its number where classes have no names."""
    return str(label) if names is None else names[label]


def plain_value(value: Any) -> str:
    """Return a configuration's value in three significant digits."""
    if value is None:
        return "null"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def searched_values(config: TrialConfig, search: SearchConfig) -> list[str]:
    """Return the searched fields that apply, but for method and model: `lr 0.00103`, ..."""
    names = [name for name in search.search if name not in NAMED_BY_VALUE]
    values = {name: getattr(config, name, None) for name in names}
    return [
        f"{name} {plain_value(value)}"
        for name, value in values.items()
        if value is not None or name in NULLABLE_FIELDS
    ]


def configuration(config: TrialConfig, search: SearchConfig) -> str:
    """Return a configuration in words: `co_teaching (conv9_small, lr 0.00103, tau 0.5)`."""
    return f"{config.method} ({', '.join([config.model, *searched_values(config, search)])})"
