"""The searched fields of full-length trials: which trials have them, and where in the range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_noise.config.domains import Domain
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import applies, trial_fields
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.statistics import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SearchedField:
    """One searched field over some trials.

    Attributes:
        name: of the field.
        domain: its range.
        positions: float64 [trials], in [0, 1] within the range, by logarithm where it is
            loguniform; NaN where the field does not apply.
    """

    name: str
    domain: Domain
    positions: Floats

    @property
    def is_active(self) -> Bools:
        """Return for each trial whether the field applies, bool [trials]."""
        return np.isfinite(self.positions)

    def varies(self, among: Bools) -> bool:
        """Return whether some of these trials differ in it; False if it does not apply to all."""
        values = self.positions[among]
        return len(values) > 0 and bool(np.isfinite(values).all() and np.ptp(values) > 0.0)


def full_length(trials: Sequence[TrialHistory]) -> list[TrialHistory]:
    """Return the trials that no rung, failure or divergence cut short.

    A trial that a rung stopped has a score of fewer epochs, which says as much of the rung as of
    the configuration. A trial that its own `patience` ended is at its end.
    """
    return [t for t in trials if t.status == "completed" and t.score is not None]


def searched_fields(trials: Sequence[TrialHistory], search: SearchConfig) -> list[SearchedField]:
    """Return the searched fields in which these trials differ, in the order of the space."""
    configs = [trial.config.model_dump() for trial in trials]
    fields = [
        SearchedField(name, domain, np.array([_position(name, domain, c) for c in configs]))
        for name, domain in search.search.items()
        if name in trial_fields()
    ]
    return [field for field in fields if field.varies(field.is_active)]


def _position(name: str, domain: Domain, config: dict[str, Any]) -> float:
    chosen_for = all(config.get(decider) == value for decider, value in domain.when.items())
    if not chosen_for or not applies(name, config):
        return math.nan
    return position(domain, config[name])


def position(domain: Domain, value: Any) -> float:
    """Return where a value lies in its range, in [0, 1]; NaN for a value outside a choice.

    Example:
        >>> position(Domain(loguniform=(1e-4, 1e-2)), 1e-3)
        0.5
    """
    if domain.choice is not None:
        places = [place for place, level in enumerate(domain.choice) if level == value]
        return places[0] / max(1, len(domain.choice) - 1) if places else math.nan
    low, high = domain.bounds
    if domain.loguniform is not None:
        return float(math.log(value / low) / math.log(high / low))
    return float((value - low) / (high - low))
