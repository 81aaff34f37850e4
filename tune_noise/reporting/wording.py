"""The wording of numbers and conditions, the same in the page and in the terminal."""

import math
from typing import Any

from tune_noise.config import declared
from tune_noise.config.conditional import field_default
from tune_noise.config.metric_names import METRICS
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import trial_fields
from tune_noise.config.words import NAMED_BY_VALUE, plain_value
from tune_noise.reporting.statistics import Estimate

NO_VALUE = "-"
_MAX_DECIMALS = 8
_NOTHING = 1e-9  # what rounding leaves of a difference of 0


def objective_name(objective: str) -> str:
    """Return `information` for val_information_noisy; one that sees clean labels is an oracle."""
    metric = METRICS[objective]
    name = metric.short_name or objective
    return f"{name} (oracle)" if metric.sees_clean_labels else name


def selection(config: SearchConfig) -> str:
    """Return where a trial's figures are from: `selected epoch`, `mean of the last 10 epochs`."""
    if config.last_epochs is None:
        return "selected epoch"
    if config.last_epochs == 1:
        return "last epoch"
    return f"mean of the last {config.last_epochs} epochs"


def unit(metric: str) -> str:
    """Return `nats`, or `%` for a fraction; a metric may carry a suffix of `trials.csv`."""
    base = metric.removesuffix("_mean").removesuffix("_last").removesuffix("_best")
    return "%" if METRICS[base].unit == "fraction" else METRICS[base].unit


def scale(metric: str) -> float:
    """Return the factor from a value to the value in its `unit`."""
    return 100.0 if unit(metric) == "%" else 1.0


def decimals(estimate: Estimate, metric: str) -> int:
    """Return how many decimals the interval's half-width supports.

    One digit of the half-width, two where it starts with 1 or 2; three digits of the mean where
    there is no interval; at least two decimals. Percentages get one.
    """
    if scale(metric) > 1.0:
        return 1
    if estimate.ci95 is None:
        return _within(2 - _magnitude(estimate.mean))
    low, high = estimate.ci95
    return _within(-_magnitude((high - low) / 6.0))


def number(value: float, places: int) -> str:
    """Return a number with fixed decimals; never `-0.00`."""
    return f"{round(value, places) + 0.0:.{places}f}"


def interval(ends: tuple[float, float] | None, *, factor: float, places: int) -> str:
    """Return `[1.29, 1.33]`; empty where one value gives no interval."""
    if ends is None:
        return ""
    return f"[{number(ends[0] * factor, places)}, {number(ends[1] * factor, places)}]"


def shown_ends(estimate: Estimate, metric: str) -> tuple[float, float] | None:
    """Return the ends of the 95 % interval of a mean as people see them.

    No fraction is below 0 or above 1: what a t interval of few seeds has beyond that holds no
    possible mean, and is cut off. An estimate that itself leaves [0, 1] by chance keeps its ends.

    Example:
        >>> shown_ends(Estimate(3, 0.98, 0.01, (0.95, 1.01)), "test_accuracy_clean")
        (0.95, 1.0)
    """
    if estimate.ci95 is None or unit(metric) != "%" or not 0.0 <= estimate.mean <= 1.0:
        return estimate.ci95
    return max(0.0, estimate.ci95[0]), min(1.0, estimate.ci95[1])


def interval_of(estimate: Estimate, metric: str) -> str:
    """Return the 95 % interval of a metric's mean, in the metric's unit."""
    ends = shown_ends(estimate, metric)
    return interval(ends, factor=scale(metric), places=decimals(estimate, metric))


def with_interval(estimate: Estimate, metric: str) -> str:
    """Return `93.1 % [92.5, 93.7]`: mean, unit, 95 % interval."""
    mean = number(estimate.mean * scale(metric), decimals(estimate, metric))
    return f"{mean} {unit(metric)} {interval_of(estimate, metric)}".strip()


def with_sd(estimate: Estimate, metric: str) -> str:
    """Return `93.1 ± 0.4`: mean and sample standard deviation, without the unit."""
    factor, places = scale(metric), decimals(estimate, metric)
    mean = number(estimate.mean * factor, places)
    return mean if estimate.sd is None else f"{mean} ± {number(estimate.sd * factor, places)}"


def difference(estimate: Estimate, metric: str) -> tuple[str, str]:
    """Return `0.21` and `[0.15, 0.27]`, with so many decimals that no end of it turns to 0.

    Otherwise an interval that excludes 0, and so makes a winner, might be written as if it did not.
    """
    factor, places = scale(metric), decimals(estimate, metric)
    ends = [end * factor for end in estimate.ci95 or () if abs(end) > _NOTHING]
    while places < _MAX_DECIMALS and any(round(end, places) == 0.0 for end in ends):
        places += 1
    mean = number(estimate.mean * factor, places)
    return mean, interval(estimate.ci95, factor=factor, places=places)


def interval_name(level: float) -> str:
    """Return `95 % interval`, or its name where a finalist was judged at another level.

    Example:
        >>> interval_name(0.05), interval_name(0.05 / 4)
        ('95 % interval', '98.75 % interval')
    """
    return f"{100.0 * (1.0 - level):.4g} % interval"


def standard_error(error: float, metric: str) -> str:
    """Return `SE 0.020` for one measurement, in the metric's unit, with two significant digits."""
    scaled = error * scale(metric)
    return f"SE {number(scaled, _within(1 - _magnitude(scaled)))}"


def level_in_words(field: str, level: Any) -> str:
    """Return `co_teaching` or `patience null`: a level names itself or needs its field.

    Example:
        >>> level_in_words("method", "co_teaching"), level_in_words("tau", 0.5625)
        ('co_teaching', 'tau 0.5625')
    """
    if field in NAMED_BY_VALUE:
        return str(level)
    # Whole, unlike a searched value: three digits might make two levels one.
    return f"{field} {'null' if level is None else level}"


def condition_in_words(factors: dict[str, Any], search: SearchConfig) -> str:
    """Return `pair_flip noise_rate 0.45`: the kind of noise, its level, then the other factors."""
    noise = factors.get("noise", search.noise)
    fields = [field.name for field in declared.noise(str(noise)).fields]
    given = {name: factors.get(name, search.fixed.get(name)) for name in fields}
    levels = {k: default_of(k) if v is None else v for k, v in given.items()}
    levels = {k: v for k, v in levels.items() if v is not None}
    others = {k: v for k, v in factors.items() if k != "noise" and k not in levels}
    notes = {"noise_rate": rate_note(noise)}
    parts = [f"{k} {plain_value(v)}{notes.get(k, '')}" for k, v in (levels | others).items()]
    kind = declared.noise(str(noise)).phrase or str(noise)
    return f"{kind} {', '.join(parts)}" if levels else ", ".join([kind, *parts])


def rate_note(noise: str) -> str:
    """Return a note on what a noise_rate counts under a kind of noise; empty where it is plain.

    Example:
        >>> rate_note("symmetric")
        ' (true class excluded)'
    """
    note = declared.noise(noise).rate_note
    return f" ({note})" if note else ""


def default_of(field: str) -> Any:
    """Return the default of a trial's field where it applies."""
    return field_default(trial_fields()[field])


def _magnitude(value: float) -> int:
    """Return the power of ten of the leading digit; 0 for 0."""
    return math.floor(math.log10(abs(value))) if abs(value) > _NOTHING else 0


def _within(places: int) -> int:
    return min(max(places, 2), _MAX_DECIMALS)
