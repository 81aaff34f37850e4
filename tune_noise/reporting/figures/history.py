"""The course of a condition's search: objectives, the best so far, and where rungs stop."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tune_noise.config.metric_names import sign
from tune_noise.history.ranking import best_trial
from tune_noise.history.replay import LOST, RUNNING, TrialHistory
from tune_noise.reporting.figures.palette import ACCENT, FAINT, INK, SECOND, legend_above
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Floats
from tune_noise.reporting.wording import objective_name, scale, unit

_WIDTH_INCHES = 5.2
# As shapes of their own more would make the page heavy and slow.
_MOST_SHAPES = 400
# With more, every level of the rungs cannot be named.
_MOST_RUNGS = 6
KINDS = {
    "trained to its end": (("completed",), "o", SECOND),
    "stopped at a rung": (("stopped",), "x", FAINT),
    "diverged or failed": (LOST, "v", ACCENT),
    "still running": ((RUNNING,), "+", INK),
}
CAPTION = (
    "Above: the objective of each search trial at its selected epoch, in the order of asking, and "
    "the best so far, which is partly the luck of many tries. A stopped trial has the score of "
    "the epochs it trained."
)
CAPTION_EPOCHS = " Below: the epochs each trial trained; dashed: the rungs at which it is judged."


def history_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Draw objective and length of every search trial of a condition.

    Returns:
        Figure, alternative text and caption; None where no trial has a score.
    """
    trials = condition.search_trials
    values = _objectives(trials, condition.config.objective)
    if not np.isfinite(values).any():
        return None
    rungs = sorted({level for trial in trials for level in trial.rungs})
    epochs = np.array([trial.num_epochs for trial in trials], dtype=np.float64)
    ratios = [2.0, 1.0] if rungs or np.ptp(epochs) > 0 else [1.0]
    size = (_WIDTH_INCHES, 1.8 + 1.2 * len(ratios))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    num_outside = _objective_panel(axes[0], condition, values)
    legend_above(figure, axes[0], columns=2)
    caption = CAPTION
    if len(ratios) > 1:
        _epochs_panel(axes[1], trials, epochs, rungs)
        caption += CAPTION_EPOCHS
    axes[-1].set_xlabel("trial, in the order of asking")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.align_ylabels()
    if num_outside:
        caption += f" {num_outside} of the trials lie far outside and are not shown above."
    return figure, _alt(condition, values, rungs), caption


def _objectives(trials: Sequence[TrialHistory], objective: str) -> Floats:
    """Return the objectives as measured, float64 [trials]; NaN where there is none."""
    scores = [trial.score for trial in trials]
    return np.array([np.nan if s is None else sign(objective) * s for s in scores])


def best_so_far(values: Floats, trials: Sequence[TrialHistory]) -> Floats:
    """Return the value of the best of the trials up to each, [trials]; NaN before the first."""
    best: TrialHistory | None = None
    best_values = np.full(len(trials), np.nan)
    value = np.nan
    for place, trial in enumerate(trials):
        before, best = best, best_trial(filter(None, [best, trial]))
        if best is not before:
            value = values[place]
        best_values[place] = value
    return best_values


def _objective_panel(ax: Axes, condition: ConditionSummary, values: Floats) -> int:
    """Draw the objectives; return how many trials lie outside the panel."""
    trials, objective = condition.search_trials, condition.config.objective
    heights = values * scale(objective)
    _dots(ax, trials, heights)
    best = best_so_far(heights, trials)
    numbers = np.arange(1, len(trials) + 1)
    ax.step(numbers, best, where="post", color=INK, label="best so far", zorder=4)
    low, high = _span(heights[np.isfinite(heights)])
    ax.set_ylim(low, high)
    ax.set_ylabel(f"{objective_name(objective)}\n({unit(objective)})")
    return int(((heights < low) | (heights > high)).sum())


def _span(values: Floats) -> tuple[float, float]:
    """Return limits that leave out only values absurdly far out, such as a wild trial's loss."""
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    reach = 5.0 * max(high - middle, middle - low, 1e-9)
    seen = values[np.abs(values - middle) <= reach]
    margin = 0.06 * max(float(np.ptp(seen)), 1e-3)
    return float(seen.min()) - margin, float(seen.max()) + margin


def _epochs_panel(
    ax: Axes, trials: Sequence[TrialHistory], epochs: Floats, rungs: list[int]
) -> None:
    _dots(ax, trials, epochs)
    for level in rungs:
        ax.axhline(level, color=INK, linestyle="--", linewidth=0.8, zorder=1)
    ax.set_ylim(0, 1.08 * max(1.0, epochs.max()))
    if 0 < len(rungs) <= _MOST_RUNGS:
        ax.set_yticks([*rungs, int(epochs.max())] if epochs.max() > rungs[-1] else rungs)
    ax.set_ylabel("epochs\ntrained")


def _dots(ax: Axes, trials: Sequence[TrialHistory], values: Floats) -> None:
    statuses = np.array([trial.state for trial in trials])
    is_heavy = len(trials) > _MOST_SHAPES
    for label, (members, symbol, shade) in KINDS.items():
        (places,) = np.nonzero(np.isin(statuses, members) & np.isfinite(values))
        if len(places):
            look: dict[str, Any] = {
                "color": shade,
                "markersize": 4,
                "rasterized": is_heavy,
                "zorder": 3,
            }
            ax.plot(places + 1, values[places], symbol, label=label, **look)


def _alt(condition: ConditionSummary, values: Floats, rungs: list[int]) -> str:
    trials, objective = condition.search_trials, condition.config.objective
    stopped = sum(trial.status == "stopped" for trial in trials)
    best = best_so_far(values, trials)
    text = f"{objective_name(objective)} of {len(trials)} search trials of condition "
    text += f"{condition.name} in the order of asking."
    if np.isfinite(best[-1]):
        first = int(np.flatnonzero(best == best[-1])[0]) + 1
        half = best[max(0, len(best) // 2 - 1)]
        text += f" The best, {_value(best[-1], objective)}, is trial {first} of {len(trials)}"
        text += f"; half way the best was {_value(half, objective)}."
    if rungs:
        levels = ", ".join(map(str, rungs))
        text += f" Rungs at epoch {levels} stopped {stopped} of the trials."
    return text


def _value(value: float, objective: str) -> str:
    if not np.isfinite(value):
        return "none"
    return f"{value * scale(objective):.3g} {unit(objective)}"
