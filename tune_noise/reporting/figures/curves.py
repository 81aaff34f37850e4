"""Learning curves of one condition: test accuracy, objective, label precision and recall."""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.figures.fixed_layout import (
    BOTTOM_INCHES,
    arrange,
    label_panel,
    legend_inches,
)
from tune_noise.reporting.figures.palette import line_colours, line_style, marker
from tune_noise.reporting.findings.summary import ConditionSummary, best_trial
from tune_noise.reporting.sentences import TEST_ACCURACY
from tune_noise.reporting.wording import configuration, objective_name, scale, unit

_WIDTH_INCHES = 5.2
_MOST_LINES = 6
CAPTION = (
    "Lines: mean over the seeds; shade: one sample standard deviation on either side; marks: the "
    "epoch that noisy validation selects, one per seed. Test accuracy and label precision and "
    "recall are diagnostics that the search never saw."
)


@dataclass(frozen=True)
class Line:
    """The trials behind one line.

    Attributes:
        label: for the legend.
        config: gives the marker.
        trials: one per seed.
        repeat: how many lines of the same method stand before this one.
        shade: its colour, as #RRGGBB.
    """

    label: str
    config: TrialConfig
    trials: tuple[TrialHistory, ...]
    repeat: int
    shade: str

    def last_mean(self, metric: str) -> float | None:
        """Mean over the seeds of the mean of the last epochs; None where it was not measured."""
        found = [trial.last_mean(metric) for trial in self.trials]
        known = [value for value in found if value is not None]
        return sum(known) / len(known) if known else None


def curves_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """The finalists' learning curves; those of the best search trials where none is confirmed.

    Returns:
        Figure, alternative text and caption; None where no epoch has ended.
    """
    lines = condition_lines(condition)
    objective = condition.config.objective
    names = {
        TEST_ACCURACY: "test accuracy",
        objective: objective_name(objective),
        "train_label_precision": "label precision",
        "train_label_recall": "label recall",
    }
    names = {metric: name for metric, name in names.items() if has_metric(lines, metric)}
    if not names:
        return None
    # A constant share would fill its panel with its own rounding.
    whole = {"train_label_precision", "train_label_recall"}
    figure = metric_panels(lines, names, whole=whole)
    return figure, _alt(condition, lines, names), CAPTION


def metric_panels(
    lines: Sequence[Line], names: dict[str, str], *, whole: Collection[str] = ()
) -> Figure:
    """A panel per metric over the epochs, one legend for all.

    Args:
        lines: what is drawn, where it has the metric.
        names: metric -> how its panel calls it; some line has it.
        whole: the metrics whose panels show all of 0 to 100 %.
    """
    entries = [textwrap.fill(line.label, 60) for line in lines]
    height = legend_inches(entries) + 1.5 * len(names) + BOTTOM_INCHES
    figure = Figure(figsize=(_WIDTH_INCHES, height))
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (metric, name) in zip(axes, names.items(), strict=True):
        for line in lines:
            if has_metric([line], metric):
                _curve(ax, line, metric)
        label_panel(ax, f"{name}\n({unit(metric)})", width_inches=_WIDTH_INCHES)
        if metric in whole:
            ax.set_ylim(0, 105)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _legend(figure, list(axes))
    return figure


def _legend(figure: Figure, axes: list[Axes]) -> None:
    """One entry per line, whichever panels it is in."""
    entries: dict[str, Artist] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    arrange(figure, list(entries.values()), [textwrap.fill(text, 60) for text in entries])


def condition_lines(condition: ConditionSummary) -> list[Line]:
    """A line per finalist, best first; per method's best search trial where none is confirmed."""
    groups: list[tuple[str, TrialConfig, tuple[TrialHistory, ...]]] = []
    for finalist in condition.scored:
        trials = tuple(finalist.counted.values())
        name = configuration(finalist.config, condition.config)
        groups.append((f"{name}, n = {len(trials)}", finalist.config, trials))
    if not groups:
        groups = [
            (f"{configuration(t.config, condition.config)}, unconfirmed", t.config, (t,))
            for t in _best_of_methods(condition)
        ]
    methods = [config.method for _, config, _ in groups]
    shades = line_colours([config for _, config, _ in groups])
    return [
        Line(label, config, trials, repeat=methods[:i].count(config.method), shade=shades[i])
        for i, (label, config, trials) in enumerate(groups[:_MOST_LINES])
    ]


def _best_of_methods(condition: ConditionSummary) -> list[TrialHistory]:
    methods = sorted({trial.config.method for trial in condition.search_trials})
    best = [best_trial(t for t in condition.search_trials if t.config.method == m) for m in methods]
    return [trial for trial in best if trial is not None]


def _curve(ax: Axes, line: Line, metric: str) -> None:
    values = epoch_values([trial for trial in line.trials if trial.epochs], metric)
    epochs = np.arange(1, values.shape[1] + 1)
    known = ~np.isnan(values).all(axis=0)
    epochs, values = epochs[known], values[:, known] * scale(metric)
    mean = np.nanmean(values, axis=0)
    shade = line.shade
    style = line_style(line.repeat)
    ax.plot(epochs, mean, color=shade, linestyle=style, label=line.label, zorder=3)
    several = (~np.isnan(values)).sum(axis=0) > 1
    if several.any():
        sd = np.nanstd(values[:, several], axis=0, ddof=1)
        low, high = mean[several] - sd, mean[several] + sd
        ax.fill_between(epochs[several], low, high, color=shade, alpha=0.15, linewidth=0)
    chosen = [trial.selected["epoch"] for trial in line.trials if trial.selected]
    at = [epoch for epoch in chosen if epoch in epochs]
    heights = np.interp(at, epochs, mean)
    symbol = marker(line.config.model)
    ax.plot(
        at,
        heights,
        symbol,
        color=shade,
        markeredgecolor="white",
        markersize=8,
        markeredgewidth=0.6,
        zorder=4,
    )


def epoch_values(trials: list[TrialHistory], metric: str) -> np.ndarray:
    """A metric per seed and epoch, float64 [seeds, epochs]; NaN where it was not measured."""
    longest = max((trial.num_epochs for trial in trials), default=0)
    values = np.full((len(trials), longest), np.nan)
    for row, trial in enumerate(trials):
        for epoch in trial.epochs:
            values[row, int(epoch["epoch"]) - 1] = epoch.get(metric, np.nan)
    return values


def has_metric(lines: Sequence[Line], metric: str) -> bool:
    """Whether some trial behind these lines has it in some epoch."""
    return any(metric in epoch for line in lines for trial in line.trials for epoch in trial.epochs)


def _alt(condition: ConditionSummary, lines: Sequence[Line], names: dict[str, str]) -> str:
    shown = ", ".join(f"{name} ({unit(metric)})" for metric, name in names.items())
    told = "; ".join(f"{line.label}: {_ends(line, names)}" for line in lines)
    text = f"Learning curves of condition {condition.name}: {shown} per epoch."
    return f"{text} Over the last epochs: {told}."


def _ends(line: Line, names: dict[str, str]) -> str:
    found = {name: (line.last_mean(metric), metric) for metric, name in names.items()}
    return ", ".join(
        f"{name} {value * scale(metric):.3g}"
        for name, (value, metric) in found.items()
        if value is not None
    )
