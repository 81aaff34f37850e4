"""Curves over the epochs of one condition: learning, and memorisation of wrong labels."""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tune_noise.config.trial import TrialConfig
from tune_noise.config.words import configuration
from tune_noise.history.ranking import best_trial
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.figures.palette import (
    PAPER,
    legend_above,
    line_colours,
    line_style,
    marker,
)
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.sentences import TEST_ACCURACY
from tune_noise.reporting.wording import objective_name, scale, unit

_WIDTH_INCHES = 5.2
_MOST_LINES = 6
CAPTION = (
    "Lines: mean over the seeds; shade: one sample standard deviation on either side; marks: the "
    "epoch that noisy validation selects, one per seed. Test accuracy and label precision and "
    "recall are diagnostics that the search never saw."
)


_WRONG_LABELS = {
    "train_wrong_predicted_true": "true class:\nseen through",
    "train_wrong_predicted_label": "wrong label:\nmemorised",
    "train_wrong_predicted_other": "a third\nclass",
}
CAPTION_MEMORISATION = (
    "Of the training examples with a wrong label, those that are predicted as their true class, as "
    "their wrong label, and as neither; the three add up to 100 %. Predictions are those of the "
    "training pass, before the update that learns from the example. Lines: mean over the seeds; "
    "shade: one sample standard deviation on either side; marks: the epoch that noisy validation "
    "selects. Measured with the true labels, which the search never saw."
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
        """Return the mean over seeds of the mean of the last epochs; None if not measured."""
        means = [trial.last_mean(metric) for trial in self.trials]
        measured = [mean for mean in means if mean is not None]
        return sum(measured) / len(measured) if measured else None

    def has(self, metric: str) -> bool:
        """Return whether some trial has the metric in some epoch."""
        return any(metric in epoch for trial in self.trials for epoch in trial.epochs)


def curves_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Draw the finalists' learning curves, or those of the best search trials before the final.

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
    names = {m: name for m, name in names.items() if any(line.has(m) for line in lines)}
    if not names:
        return None
    # A constant share would fill its panel with its own rounding.
    whole = {"train_label_precision", "train_label_recall"}
    figure = metric_panels(lines, names, whole=whole)
    return figure, _alt(condition, lines, names), CAPTION


def memorisation_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Draw what the finalists predict of training examples with a wrong label.

    Returns:
        Figure, alternative text and caption; None where no truth is known or no label is wrong.
    """
    lines = [line for line in condition_lines(condition) if all(map(line.has, _WRONG_LABELS))]
    if not lines:
        return None
    ends = []
    for line in lines:
        true, label, _ = (100.0 * (line.last_mean(metric) or 0.0) for metric in _WRONG_LABELS)
        ends.append(f"{line.label}: {true:.0f} % as their true class, {label:.0f} % as the label")
    alt = (
        f"Memorisation curves of condition {condition.name}: training examples with a wrong label, "
        f"by what they are predicted as. Over the last epochs: {'; '.join(ends)}."
    )
    return metric_panels(lines, _WRONG_LABELS, whole=_WRONG_LABELS), alt, CAPTION_MEMORISATION


def metric_panels(
    lines: Sequence[Line], names: dict[str, str], *, whole: Collection[str] = ()
) -> Figure:
    """Draw a panel per metric over the epochs, with one legend for all.

    Args:
        lines: each is drawn in the panels of the metrics that it has.
        names: metric -> name of its panel; some line has it.
        whole: the metrics whose panels show all of 0 to 100 %.
    """
    height = 0.7 + 0.22 * len(lines) + 1.5 * len(names)
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (metric, name) in zip(axes, names.items(), strict=True):
        for line in lines:
            if line.has(metric):
                _curve(ax, line, metric)
        ax.set_ylabel(f"{name}\n({unit(metric)})")
        if metric in whole:
            ax.set_ylim(0, 105)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.align_ylabels()
    legend_above(figure, *axes)
    return figure


def condition_lines(condition: ConditionSummary) -> list[Line]:
    """Return a line per finalist, best first; before the final, per method's best search trial."""
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
    """Draw mean, standard deviation and selected epochs of the trials of one line."""
    values = epoch_values([trial for trial in line.trials if trial.epochs], metric)
    epochs = np.arange(1, values.shape[1] + 1)
    is_measured = ~np.isnan(values).all(axis=0)
    epochs, values = epochs[is_measured], values[:, is_measured] * scale(metric)
    mean = np.nanmean(values, axis=0)
    label = textwrap.fill(line.label, 60)
    ax.plot(epochs, mean, color=line.shade, ls=line_style(line.repeat), label=label, zorder=3)
    several = (~np.isnan(values)).sum(axis=0) > 1
    if several.any():
        sd = np.nanstd(values[:, several], axis=0, ddof=1)
        low, high = mean[several] - sd, mean[several] + sd
        ax.fill_between(epochs[several], low, high, color=line.shade, alpha=0.15, linewidth=0)
    chosen = [trial.selected["epoch"] for trial in line.trials if trial.selected]
    at = [epoch for epoch in chosen if epoch in epochs]
    look: dict[str, Any] = {
        "markeredgecolor": PAPER,
        "markersize": 8,
        "markeredgewidth": 0.6,
        "zorder": 4,
    }
    symbol = marker(line.config.model)
    ax.plot(at, np.interp(at, epochs, mean), symbol, color=line.shade, **look)


def epoch_values(trials: list[TrialHistory], metric: str) -> np.ndarray:
    """Return a metric per seed and epoch, float64 [seeds, epochs]; NaN where not measured."""
    longest = max((trial.num_epochs for trial in trials), default=0)
    values = np.full((len(trials), longest), np.nan)
    for row, trial in enumerate(trials):
        for epoch in trial.epochs:
            values[row, int(epoch["epoch"]) - 1] = epoch.get(metric, np.nan)
    return values


def _alt(condition: ConditionSummary, lines: Sequence[Line], names: dict[str, str]) -> str:
    panels = ", ".join(f"{name} ({unit(metric)})" for metric, name in names.items())
    ends = "; ".join(f"{line.label}: {_ends(line, names)}" for line in lines)
    text = f"Learning curves of condition {condition.name}: {panels} per epoch."
    return f"{text} Over the last epochs: {ends}."


def _ends(line: Line, names: dict[str, str]) -> str:
    means = [(name, line.last_mean(metric), scale(metric)) for metric, name in names.items()]
    return ", ".join(f"{n} {mean * factor:.3g}" for n, mean, factor in means if mean is not None)
