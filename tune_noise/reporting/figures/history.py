"""How a condition's search went: every trial's objective, the best so far, and where rungs stop."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tune_noise.config.metric_names import sign
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.figures.fixed_layout import arrange, label_panel
from tune_noise.reporting.figures.palette import ACCENT, FAINT, INK, SECOND
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
    "diverged or failed": (("diverged", "failed"), "v", ACCENT),
    "still running": (("running",), "+", INK),
}
CAPTION = (
    "Above: the objective of each search trial at its selected epoch, in the order of asking, and "
    "the best so far, which is partly the luck of many tries. A stopped trial has the score of "
    "the epochs it trained."
)
CAPTION_EPOCHS = " Below: the epochs each trial trained; dashed: the rungs at which it is judged."


def history_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Objective and length of every search trial of a condition.

    Returns:
        Figure, alternative text and caption; None where no trial has a score.
    """
    trials = condition.search_trials
    values = _objectives(trials, condition.config.objective)
    if not np.isfinite(values).any():
        return None
    rungs = sorted({level for trial in trials for level in trial.rungs})
    epochs = np.array([trial.num_epochs for trial in trials], dtype=np.float64)
    two = bool(rungs) or len(set(epochs.tolist())) > 1
    ratios = [2.0, 1.0] if two else [1.0]
    figure = Figure(figsize=(_WIDTH_INCHES, 4.2 if two else 3.0))
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    num_outside = _objective_panel(axes[0], condition, values)
    if two:
        _epochs_panel(axes[1], trials, epochs, rungs)
    axes[-1].set_xlabel("trial, in the order of asking")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    arrange(figure, *axes[0].get_legend_handles_labels(), columns=2)
    caption = CAPTION + (CAPTION_EPOCHS if two else "")
    if num_outside:
        caption += f" {num_outside} of the trials lie far outside and are not shown above."
    return figure, _alt(condition, values, rungs), caption


def _objectives(trials: Sequence[TrialHistory], objective: str) -> Floats:
    """As measured, float64 [trials]; NaN where there is none."""
    scores = [trial.score for trial in trials]
    return np.array([np.nan if s is None else sign(objective) * s for s in scores])


def _numbers(trials: Sequence[TrialHistory]) -> Floats:
    return np.arange(1, len(trials) + 1, dtype=np.float64)


def best_so_far(values: Floats, trials: Sequence[TrialHistory], objective: str) -> Floats:
    """Of the trials up to each that did not diverge or fail, [trials]; NaN before the first."""
    lost = np.array([trial.status in ("diverged", "failed") for trial in trials])
    sound = np.where(lost, np.nan, values)
    best = np.fmax if sign(objective) > 0 else np.fmin
    return np.asarray(best.accumulate(sound))


def _objective_panel(ax: Axes, condition: ConditionSummary, values: Floats) -> int:
    """Draw it; how many trials lie outside it."""
    trials, objective = condition.search_trials, condition.config.objective
    numbers, shown = _numbers(trials), values * scale(objective)
    _dots(ax, trials, numbers, shown, with_label=True)
    best = best_so_far(shown, trials, objective)
    known = np.isfinite(best)
    ax.step(numbers[known], best[known], where="post", color=INK, label="best so far", zorder=4)
    low, high = _span(shown[np.isfinite(shown)])
    ax.set_ylim(low, high)
    text = f"{objective_name(objective)}\n({unit(objective)})"
    label_panel(ax, text, width_inches=_WIDTH_INCHES)
    return int(((shown < low) | (shown > high)).sum())


def _span(values: Floats) -> tuple[float, float]:
    """Limits that show all but what lies absurdly far out, as the loss of a wild trial does."""
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    reach = 5.0 * max(high - middle, middle - low, 1e-9)
    seen = values[np.abs(values - middle) <= reach]
    margin = 0.06 * max(float(np.ptp(seen)), 1e-3)
    return float(seen.min()) - margin, float(seen.max()) + margin


def _epochs_panel(
    ax: Axes, trials: Sequence[TrialHistory], epochs: Floats, rungs: list[int]
) -> None:
    _dots(ax, trials, _numbers(trials), epochs, with_label=False)
    for level in rungs:
        ax.axhline(level, color=INK, linestyle="--", linewidth=0.8, zorder=1)
    ax.set_ylim(0, 1.08 * max(1.0, epochs.max()))
    if 0 < len(rungs) <= _MOST_RUNGS:
        ax.set_yticks([*rungs, int(epochs.max())] if epochs.max() > rungs[-1] else rungs)
    label_panel(ax, "epochs\ntrained", width_inches=_WIDTH_INCHES)


def _dots(
    ax: Axes,
    trials: Sequence[TrialHistory],
    numbers: Floats,
    values: Floats,
    *,
    with_label: bool,
) -> None:
    statuses = np.array([trial.status or "running" for trial in trials])
    for label, (members, symbol, shade) in KINDS.items():
        mine = np.isin(statuses, members) & np.isfinite(values)
        if mine.any():
            ax.plot(
                numbers[mine],
                values[mine],
                symbol,
                color=shade,
                markersize=4,
                label=label if with_label else None,
                rasterized=len(trials) > _MOST_SHAPES,
                zorder=3,
            )


def _alt(condition: ConditionSummary, values: Floats, rungs: list[int]) -> str:
    trials, objective = condition.search_trials, condition.config.objective
    stopped = sum(trial.status == "stopped" for trial in trials)
    best = best_so_far(values, trials, objective)
    text = f"{objective_name(objective)} of {len(trials)} search trials of condition "
    text += f"{condition.name} in the order of asking."
    if np.isfinite(best[-1]):
        first = int(np.flatnonzero(best == best[-1])[0]) + 1
        half = best[max(0, len(best) // 2 - 1)]
        text += f" The best, {_shown(best[-1], objective)}, is trial {first} of {len(trials)}"
        text += f"; half way the best was {_shown(half, objective)}."
    if rungs:
        levels = ", ".join(map(str, rungs))
        text += f" Rungs at epoch {levels} stopped {stopped} of the trials."
    return text


def _shown(value: float, objective: str) -> str:
    if not np.isfinite(value):
        return "none"
    return f"{value * scale(objective):.3g} {unit(objective)}"
