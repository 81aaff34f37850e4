"""Accuracy against the noise level, per method, network and compared level."""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tune_noise.config import declared
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.config.words import plain_value
from tune_noise.history.ranking import best_trial
from tune_noise.history.replay import History
from tune_noise.reporting.figures.palette import PAPER, colour, marker, place_colours
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.findings.trial_metrics import trial_metrics
from tune_noise.reporting.sentences import TEST_ACCURACY
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import (
    level_in_words,
    rate_note,
    scale,
    selection,
    shown_ends,
    unit,
    with_interval,
)

_WIDTH_INCHES = 5.2
# Of an entry of the legend: its line or marker and the gap after it, and a letter of its name.
_HANDLE_INCHES = 0.6
_LETTER_INCHES = 0.08
# Of markers beside each other, in shares of the width, so that error bars do not hide each other.
_STEP = 0.012
_LEGEND_SHADE = "#444444"
_UNCONFIRMED: dict[str, Any] = {"markerfacecolor": PAPER, "alpha": 0.55}
CAPTION = (
    "Filled: the best finalist of each method, network and compared level, mean over fresh seeds "
    "with its 95 % interval. Faint and hollow: the best search trial where none was confirmed; one "
    "seed, and the best of many is best partly by luck. All at the epoch that noisy validation "
    "selects."
)


@dataclass(frozen=True)
class Point:
    """One value of the figure: a method on a network in a condition, at a compared level.

    Attributes:
        condition: its condition.
        method: training method.
        model: network.
        level: of the compared field, in words; empty where that is the method or the network.
        estimate: the metric over fresh seeds, or of one search trial.
        is_confirmed: whether fresh seeds stand behind it.
    """

    condition: ConditionSummary
    method: str
    model: str
    level: str
    estimate: Estimate
    is_confirmed: bool

    @property
    def series(self) -> str:
        """Name of its line in the figure, beside the network."""
        return f"{self.method}, {self.level}" if self.level else self.method


def accuracy_figure(history: History, summary: Summary) -> tuple[Figure, str, str] | None:
    """Draw clean test accuracy against noise; the objective where no test set exists.

    Returns:
        Figure, alternative text and caption; None where nothing was measured.
    """
    epochs = (epoch for trial in history.trials.values() for epoch in trial.epochs)
    is_tested = any(TEST_ACCURACY in epoch for epoch in epochs)
    metric = TEST_ACCURACY if is_tested else summary.config.objective
    drawn = [point for condition in summary.conditions for point in points(condition, metric)]
    if not drawn:
        return None
    factor = noise_factor(summary)
    figure = _rows(drawn, metric) if factor is None else _lines(drawn, metric, factor)
    _legend(figure, drawn)
    return figure, _alt(drawn, metric), CAPTION


def points(condition: ConditionSummary, metric: str) -> list[Point]:
    """Return a point per method, network and compared level: best finalist, else best trial."""
    search = condition.config
    trials = [*condition.search_trials, *(t for f in condition.finalists for t in f.trials)]
    levels = {_level(trial.config, search): 0 for trial in trials}
    if any(levels):
        names = [level_in_words(str(search.compare), level) for level in search.levels]
        levels |= {name: place for place, name in enumerate(names)}
    keys = {_key(trial.config, search) for trial in trials}
    drawn = []
    for key in sorted(keys, key=lambda key: (*key[:2], levels[key[2]])):
        best = next((f for f in condition.scored if _key(f.config, search) == key), None)
        if best is not None and metric in best.metrics:
            drawn.append(Point(condition, *key, best.metrics[metric], is_confirmed=True))
            continue
        trial = best_trial(t for t in condition.search_trials if _key(t.config, search) == key)
        value = None if trial is None else trial_metrics(trial).get(metric)
        if value is not None:
            single = Estimate(1, value, None, None)
            drawn.append(Point(condition, *key, single, is_confirmed=False))
    return drawn


def noise_factor(summary: Summary) -> str | None:
    """Return the noise level that varies over the conditions, if exactly one does."""
    factors = [condition.factors for condition in summary.conditions]
    varied = [n for n in _axis_labels() if len({f[n] for f in factors if n in f}) > 1]
    return varied[0] if len(varied) == 1 else None


def _axis_labels() -> dict[str, str]:
    fields = declared.noise_fields()
    return {name: field.label for name, field in fields.items() if field.label}


def _key(config: TrialConfig, search: SearchConfig) -> tuple[str, str, str]:
    return config.method, config.model, _level(config, search)


def _level(config: TrialConfig, search: SearchConfig) -> str:
    """Return the compared level in words; empty where method and network say it."""
    if search.compare in (None, "method", "model"):
        return ""
    return level_in_words(str(search.compare), getattr(config, str(search.compare)))


def _shades(drawn: list[Point]) -> dict[str, str]:
    """Return a colour per series: of its method, unless compared levels share one."""
    series = list(dict.fromkeys(p.series for p in sorted(drawn, key=lambda point: point.method)))
    if not any(point.level for point in drawn):
        return {method: colour(method) for method in series}
    return dict(zip(series, place_colours(len(series)), strict=True))


def _lines(drawn: list[Point], metric: str, factor: str) -> Figure:
    """Draw a panel per network (and per combination of other factors), a line per series."""
    panels: dict[str, list[Point]] = {}
    for point in drawn:
        panels.setdefault(_panel_name(point, factor), []).append(point)
    columns = 1 if len(panels) == 1 else 2
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 2.9 * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for ax, (name, members) in zip(axes, panels.items(), strict=False):
        _panel(ax, members, _shades(drawn), metric=metric, factor=factor)
        ax.set_title(name, fontsize=10, loc="left")
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[len(panels) - columns : len(panels)]:
        ax.tick_params(labelbottom=True)  # also above a panel that is not there
    note = rate_note(drawn[0].condition.config.noise) if factor == "noise_rate" else ""
    figure.supxlabel(f"{_axis_labels()[factor]}{note}", fontsize=10)
    figure.supylabel(_label(drawn, metric), fontsize=10)
    return figure


def _panel(
    ax: Axes, members: list[Point], shades: dict[str, str], *, metric: str, factor: str
) -> None:
    def level(point: Point) -> float:
        return float(point.condition.factors[factor])

    levels = sorted({level(point) for point in members})
    step = _STEP * ((levels[-1] - levels[0]) or 1.0)
    series = [name for name in shades if any(point.series == name for point in members)]
    for place, name in enumerate(series):
        shift = step * (place - (len(series) - 1) / 2)
        line = sorted((point for point in members if point.series == name), key=level)
        xs = [level(point) + shift for point in line]
        means = [point.estimate.mean * scale(metric) for point in line]
        opacity = 0.9 if all(point.is_confirmed for point in line) else 0.35
        ax.plot(xs, means, color=shades[name], alpha=opacity, zorder=2)
        for x, point in zip(xs, line, strict=True):
            _mark(ax, point, shades[name], x=x, metric=metric)
    ax.set_xticks(_thinned(levels), [plain_value(tick) for tick in _thinned(levels)])


def _thinned(levels: list[float]) -> list[float]:
    """Return levels that lie far enough apart for their tick labels."""
    kept: list[float] = []
    for level in levels:
        if not kept or level - kept[-1] >= 0.12 * (levels[-1] - levels[0]):
            kept.append(level)
    return kept


def _rows(drawn: list[Point], metric: str) -> Figure:
    """Draw a row per condition, series and network, where no noise level varies."""
    shades = _shades(drawn)
    height = 1.3 + 0.42 * len(drawn)
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    ax = figure.subplots()
    labels = []
    for row, point in enumerate(drawn):
        _mark(ax, point, shades[point.series], y=row, metric=metric)
        labels.append(", ".join(filter(None, (point.method, point.model, point.level))))
    if len({point.condition.name for point in drawn}) > 1:
        labels = [f"{p.condition.name}\n{label}" for p, label in zip(drawn, labels, strict=True)]
    ax.set_yticks(range(len(drawn)), labels)
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.set_xlabel(_label(drawn, metric))
    return figure


def _mark(
    ax: Axes, point: Point, shade: str, *, metric: str, x: float | None = None, y: float = 0.0
) -> None:
    """Draw marker and interval; the value runs along y where x is given, else along x."""
    factor = scale(metric)
    value = point.estimate.mean * factor
    ends = shown_ends(point.estimate, metric)
    bars = None if ends is None else [[value - ends[0] * factor], [ends[1] * factor - value]]
    place: dict[str, Any] = {"x": [value], "y": [y], "xerr": bars}
    if x is not None:
        place = {"x": [x], "y": [value], "yerr": bars}
    look: dict[str, Any] = {
        "capsize": 3,
        "elinewidth": 1.5,
        "markersize": 7,
        "zorder": 3,
        "color": shade,
    }
    if not point.is_confirmed:
        look |= _UNCONFIRMED
    ax.errorbar(**place, fmt=marker(point.model), **look)


def _legend(figure: Figure, drawn: list[Point]) -> None:
    plain: dict[str, Any] = {"color": _LEGEND_SHADE, "linestyle": ""}
    handles = [Line2D([], [], color=c, linewidth=5, label=m) for m, c in _shades(drawn).items()]
    for model in sorted({point.model for point in drawn}):
        handles.append(Line2D([], [], marker=marker(model), label=model, **plain))
    if not all(point.is_confirmed for point in drawn):
        handles.append(Line2D([], [], marker="o", label="unconfirmed", **plain | _UNCONFIRMED))
    longest = max(len(str(handle.get_label())) for handle in handles)
    fitting = int(_WIDTH_INCHES / (_HANDLE_INCHES + _LETTER_INCHES * longest))
    columns = max(1, min(4, len(handles), fitting))
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, fontsize=9)


def _panel_name(point: Point, factor: str) -> str:
    apart = (factor, "model", "method")
    others = {k: v for k, v in point.condition.factors.items() if k not in apart}
    return ", ".join([point.model, *(f"{k} {plain_value(v)}" for k, v in others.items())])


def _label(drawn: list[Point], metric: str) -> str:
    name = "clean test accuracy" if metric == TEST_ACCURACY else metric
    return f"{name}, {selection(drawn[0].condition.config)} ({unit(metric)})"


def _alt(drawn: list[Point], metric: str) -> str:
    values = [
        f"{point.condition.name}, {point.series} on {point.model}: "
        f"{with_interval(point.estimate, metric)}{'' if point.is_confirmed else ' (unconfirmed)'}"
        for point in drawn
    ]
    return f"{_label(drawn, metric)} per condition, method and network. {'; '.join(values)}."
