"""Accuracy against the noise level, per method, network and compared level."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import History
from tune_noise.reporting.figures.palette import colour, marker, place_colours
from tune_noise.reporting.findings.summary import ConditionSummary, Summary, best_trial
from tune_noise.reporting.sentences import TEST_ACCURACY
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.tables import trial_metrics
from tune_noise.reporting.wording import (
    level_in_words,
    plain_value,
    rate_note,
    scale,
    selection,
    unit,
    with_interval,
)

_WIDTH_INCHES = 5.2
# Of an entry of the legend: its line or marker and the gap after it, and a letter of its name.
_HANDLE_INCHES = 0.6
_LETTER_INCHES = 0.08
_NOISE_FIELDS = {
    "alpha": "alpha: noisy labels per clean example",
    "delta": "delta: excess of the likeliest wrong label",
    "noise_rate": "nominal noise rate",
}
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
        found: the metric over fresh seeds, or of one search trial.
        is_confirmed: whether fresh seeds stand behind it.
    """

    condition: ConditionSummary
    method: str
    model: str
    level: str
    found: Estimate
    is_confirmed: bool

    @property
    def series(self) -> str:
        """What a line of the figure stands for, beside the network."""
        return f"{self.method}, {self.level}" if self.level else self.method


def accuracy_figure(history: History, summary: Summary) -> tuple[Figure, str, str] | None:
    """Clean test accuracy against noise; the objective where no test set exists.

    Returns:
        Figure, alternative text and caption; None where nothing was measured.
    """
    metric = TEST_ACCURACY if _is_tested(history) else summary.config.objective
    found = [point for each in summary.conditions for point in points(each, metric)]
    if not found:
        return None
    factor = noise_factor(summary)
    figure = _rows(found, metric) if factor is None else _lines(found, metric, factor)
    return figure, _alt(found, metric), CAPTION


def points(condition: ConditionSummary, metric: str) -> list[Point]:
    """A point per method, network and compared level: the best finalist, else the best trial."""
    trials = [*condition.search_trials, *(t for f in condition.finalists for t in f.trials)]
    search = condition.config
    places = {level: place for place, level in enumerate(search.levels)}

    def place(config: TrialConfig) -> tuple[str, str, int]:
        level = None if _is_shown_anyway(search) else getattr(config, str(search.compare))
        return config.method, config.model, places.get(level, 0)

    keys = sorted({place(trial.config) for trial in trials})
    found = [_point(condition, metric, key, place) for key in keys]
    return [point for point in found if point is not None]


def _is_shown_anyway(search: SearchConfig) -> bool:
    """Whether methods and networks are all that the figure has to tell apart."""
    return search.compare in (None, "method", "model")


def noise_factor(summary: Summary) -> str | None:
    """The noise level that varies over the conditions, if exactly one does."""
    varied = [
        name
        for name in _NOISE_FIELDS
        if len({each.factors[name] for each in summary.conditions if name in each.factors}) > 1
    ]
    return varied[0] if len(varied) == 1 else None


def _point(
    condition: ConditionSummary,
    metric: str,
    key: tuple[str, str, int],
    place: Callable[[TrialConfig], tuple[str, str, int]],
) -> Point | None:
    search = condition.config
    method, model, number = key
    shown = _is_shown_anyway(search)
    level = "" if shown else level_in_words(str(search.compare), search.levels[number])
    best = next((f for f in condition.scored if place(f.config) == key), None)
    if best is not None and metric in best.metrics:
        return Point(condition, method, model, level, best.metrics[metric], is_confirmed=True)
    trial = best_trial(t for t in condition.search_trials if place(t.config) == key)
    value = None if trial is None else trial_metrics(trial).get(metric)
    if value is None:
        return None
    unconfirmed = Estimate(1, value, None, None)
    return Point(condition, method, model, level, unconfirmed, is_confirmed=False)


def _shades(found: list[Point]) -> dict[str, str]:
    """Series -> colour: of its method, unless compared levels share one; in the order of both."""
    series = list(dict.fromkeys(p.series for p in sorted(found, key=lambda point: point.method)))
    if not any(point.level for point in found):
        return {method: colour(method) for method in series}
    return dict(zip(series, place_colours(len(series)), strict=True))


def _lines(found: list[Point], metric: str, factor: str) -> Figure:
    """A panel per network (and per combination of other factors), a line per series."""
    shades = _shades(found)
    panels: dict[str, list[Point]] = {}
    for point in found:
        panels.setdefault(_panel_name(point, factor), []).append(point)
    columns = 1 if len(panels) == 1 else 2
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 2.9 * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for ax, (name, members) in zip(axes, panels.items(), strict=False):
        _panel(ax, members, shades, metric=metric, factor=factor)
        ax.set_title(name, fontsize=10, loc="left")
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[len(panels) - columns : len(panels)]:
        ax.tick_params(labelbottom=True)  # also above a panel that is not there
    config = found[0].condition.config
    note = rate_note(config.noise) if factor == "noise_rate" else ""
    figure.supxlabel(f"{_NOISE_FIELDS[factor]}{note}", fontsize=10)
    figure.supylabel(_label(found, metric), fontsize=10)
    _legend(figure, found)
    return figure


def _panel(
    ax: Axes, members: list[Point], shades: dict[str, str], *, metric: str, factor: str
) -> None:
    levels = sorted({float(point.condition.factors[factor]) for point in members})
    step = 0.012 * ((levels[-1] - levels[0]) or 1.0)
    present = [name for name in shades if any(point.series == name for point in members)]
    for index, name in enumerate(present):
        shift = step * (index - (len(present) - 1) / 2)  # so that error bars do not hide each other
        mine = [point for point in members if point.series == name]
        mine.sort(key=lambda point: float(point.condition.factors[factor]))
        xs = [float(point.condition.factors[factor]) + shift for point in mine]
        means = [point.found.mean * scale(metric) for point in mine]
        opacity = 0.9 if all(point.is_confirmed for point in mine) else 0.35
        ax.plot(xs, means, color=shades[name], alpha=opacity, zorder=2)
        for x, point in zip(xs, mine, strict=True):
            _mark(ax, point, shades[name], x=x, metric=metric)
    ax.set_xticks(_thinned(levels), [plain_value(level) for level in _thinned(levels)])


def _thinned(levels: list[float]) -> list[float]:
    """Levels that lie far enough apart for their tick labels."""
    kept: list[float] = []
    for level in levels:
        if not kept or level - kept[-1] >= 0.12 * (levels[-1] - levels[0]):
            kept.append(level)
    return kept


def _rows(found: list[Point], metric: str) -> Figure:
    """Where no noise level varies: a row per condition, series and network."""
    shades = _shades(found)
    height = 1.3 + 0.42 * len(found)
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    ax = figure.subplots()
    for row, point in enumerate(found):
        _mark(ax, point, shades[point.series], y=row, metric=metric)
    many = len({point.condition.name for point in found}) > 1
    labels = [
        f"{point.condition.name}\n{_row_name(point)}" if many else _row_name(point)
        for point in found
    ]
    ax.set_yticks(range(len(found)), labels)
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.set_xlabel(_label(found, metric))
    _legend(figure, found)
    return figure


def _row_name(point: Point) -> str:
    return ", ".join(filter(None, (point.method, point.model, point.level)))


def _mark(
    ax: Axes, point: Point, shade: str, *, metric: str, x: float | None = None, y: float = 0.0
) -> None:
    """Marker and interval; the value runs along y where x is given, else along x."""
    factor = scale(metric)
    value = point.found.mean * factor
    ci95 = point.found.ci95
    bars = None
    if ci95 is not None:
        bars = [[value - ci95[0] * factor], [ci95[1] * factor - value]]
    ax.errorbar(
        [value if x is None else x],
        [y if x is None else value],
        yerr=None if x is None else bars,
        xerr=bars if x is None else None,
        fmt=marker(point.model),
        color=shade,
        markerfacecolor=shade if point.is_confirmed else "white",
        markersize=7,
        capsize=3,
        elinewidth=1.5,
        alpha=1.0 if point.is_confirmed else 0.55,
        zorder=3,
    )


def _legend(figure: Figure, found: list[Point]) -> None:
    models = sorted({point.model for point in found})
    handles = [Line2D([], [], color=c, linewidth=5, label=m) for m, c in _shades(found).items()]
    handles += [
        Line2D([], [], color="#444444", marker=marker(m), linestyle="", label=m) for m in models
    ]
    if not all(point.is_confirmed for point in found):
        handles.append(
            Line2D(
                [],
                [],
                color="#444444",
                marker="o",
                markerfacecolor="white",
                alpha=0.55,
                linestyle="",
                label="unconfirmed",
            )
        )
    longest = max(len(str(handle.get_label())) for handle in handles)
    fitting = int(_WIDTH_INCHES / (_HANDLE_INCHES + _LETTER_INCHES * longest))
    columns = max(1, min(4, len(handles), fitting))
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, fontsize=9)


def _panel_name(point: Point, factor: str) -> str:
    apart = (factor, "model", "method")
    others = {k: v for k, v in point.condition.factors.items() if k not in apart}
    return ", ".join([point.model, *(f"{k} {plain_value(v)}" for k, v in others.items())])


def _label(found: list[Point], metric: str) -> str:
    name = "clean test accuracy" if metric == TEST_ACCURACY else metric
    return f"{name}, {selection(found[0].condition.config)} ({unit(metric)})"


def _alt(found: list[Point], metric: str) -> str:
    values = [
        f"{point.condition.name}, {point.series} on {point.model}: "
        f"{with_interval(point.found, metric)}{'' if point.is_confirmed else ' (unconfirmed)'}"
        for point in found
    ]
    return f"{_label(found, metric)} per condition, method and network. {'; '.join(values)}."


def _is_tested(history: History) -> bool:
    return any(TEST_ACCURACY in epoch for t in history.trials.values() for epoch in t.epochs)
