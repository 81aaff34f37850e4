"""Parallel coordinates: a line per full-length trial through its searched values and objective."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from tune_noise.config.metric_names import sign
from tune_noise.config.words import plain_value
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.figures.palette import ACCENT, FAINT, INK, PAPER, legend_above
from tune_noise.reporting.findings.importance import Importance
from tune_noise.reporting.findings.searched_fields import (
    SearchedField,
    full_length,
    position,
    searched_fields,
)
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Floats
from tune_noise.reporting.wording import objective_name, scale, unit

_WIDTH_INCHES, _HEIGHT_INCHES = 5.2, 3.6
# With more their values cannot be read.
_MOST_FIELDS = 6
_MOST_LETTERS = 13
# More would be one grey area, and heavy.
_MOST_LINES = 250
# Where a field does not apply, below the range of those that have it.
_ABSENT = -0.14
# So that lines through one level of a choice do not lie on each other.
_SPREAD = 0.025
_BEST_SHARE = 0.1


def parallel_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Draw the full-length trials of a condition's search; of many fields the most important.

    Returns:
        Figure, alternative text and caption; None where fewer than two trials differ in a field.
    """
    trials = full_length(condition.search_trials)
    fields = _chosen(searched_fields(trials, condition.config), condition.importances)
    if len(trials) < 2 or not fields:
        return None
    scores = np.array([trial.score for trial in trials], dtype=np.float64)
    heights = np.stack([*(_heights(field) for field in fields), _scaled(scores)], axis=1)
    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="constrained")
    ax = figure.subplots()
    _draw_lines(ax, heights, scores)
    _draw_axes(ax, fields, condition, scores)
    legend_above(figure, ax, columns=3)
    return figure, _alt(condition, fields, trials), _caption(condition, fields, trials)


def _chosen(fields: list[SearchedField], importances: Sequence[Importance]) -> list[SearchedField]:
    """Return at most as many as can be drawn: the important ones, in the order of the space."""
    explained = [importance.field for importance in importances if importance.share is not None]
    ranks = {name: rank for rank, name in enumerate(explained)}
    ordered = sorted(fields, key=lambda field: ranks.get(field.name, len(ranks)))
    kept = {field.name for field in ordered[:_MOST_FIELDS]}
    return [field for field in fields if field.name in kept]


def _heights(field: SearchedField) -> Floats:
    """Return where each trial's line crosses the field's axis, [trials]."""
    is_spread = ~field.is_active | (field.domain.choice is not None)
    steps = (np.arange(len(is_spread)) * 0.618033988749895) % 1.0 - 0.5
    heights = np.where(field.is_active, field.positions, _ABSENT)
    return np.asarray(heights + 2.0 * _SPREAD * steps * is_spread)


def _scaled(scores: Floats) -> Floats:
    """Return the scores in [0, 1], the best at 1."""
    reach = float(np.ptp(scores))
    return (scores - scores.min()) / reach if reach else np.full(len(scores), 0.5)


def _draw_lines(ax: Axes, heights: Floats, scores: Floats) -> None:
    order = np.argsort(scores, kind="stable")
    number_best = max(1, int(_BEST_SHARE * len(scores)))
    step = _step(len(scores))
    parts: list[tuple[str, NDArray[np.int_], dict[str, Any]]] = [
        ("best trial", order[-1:], {"color": INK, "linewidths": 2.0, "zorder": 3}),
        (
            f"next {number_best - 1} of the best tenth",
            order[-number_best:-1][::step],
            {"color": ACCENT, "linewidths": 1.2, "alpha": 0.9, "zorder": 2},
        ),
        (
            "others",
            order[:-number_best][::step],
            {"color": FAINT, "linewidths": 0.8, "alpha": 0.45, "zorder": 1},
        ),
    ]
    places = np.arange(heights.shape[1])
    for label, members, look in parts:
        if len(members):
            lines = [np.column_stack([places, heights[member]]) for member in members]
            ax.add_collection(LineCollection(lines, label=label, **look), autolim=False)


def _step(number: int) -> int:
    """Return which share of the trials beside the best is drawn: one in so many."""
    return -(-number // _MOST_LINES)


def _draw_axes(
    ax: Axes, fields: list[SearchedField], condition: ConditionSummary, scores: Floats
) -> None:
    objective = condition.config.objective
    ends = sign(objective) * scale(objective) * np.array([scores.min(), scores.max()])
    names = [field.name for field in fields]
    for place, field in enumerate(fields):
        _draw_axis(ax, place, _ticks(field))
    _draw_axis(ax, len(fields), {0.0: f"{ends[0]:.3g}", 1.0: f"{ends[1]:.3g}"})
    names.append(f"{objective_name(objective)}\n({unit(objective)})")
    ax.set_xticks(range(len(names)), [name.replace("_", "_\n", 1) for name in names], fontsize=8)
    ax.tick_params(length=0)
    ax.set_xlim(-0.15, len(fields) + 0.5)
    ax.set_ylim(_ABSENT - 0.1, 1.06)
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _ticks(field: SearchedField) -> dict[float, str]:
    """Return height -> value for the levels of a choice or the ends and the middle of a range."""
    if field.domain.choice is not None:
        values = list(field.domain.choice)
    else:
        low, high = field.domain.bounds
        is_log = field.domain.loguniform is not None
        middle = (low * high) ** 0.5 if is_log else (low + high) / 2
        values = [low, round(middle) if field.domain.int_ is not None else middle, high]
    ticks = {position(field.domain, value): plain_value(value) for value in values}
    if not field.is_active.all():
        ticks[_ABSENT] = "none"
    return ticks


def _draw_axis(ax: Axes, place: int, ticks: dict[float, str]) -> None:
    ax.plot([place, place], [0.0, 1.0], color=INK, linewidth=1.0, zorder=4)
    for height, text in ticks.items():
        short = text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
        label = ax.text(place + 0.04, height, short, fontsize=7, color=INK, va="center", zorder=6)
        label.set_path_effects([withStroke(linewidth=2.0, foreground=PAPER)])


def _caption(
    condition: ConditionSummary, fields: list[SearchedField], trials: list[TrialHistory]
) -> str:
    text = (
        f"One line per full-length trial: {len(trials):,} of {len(condition.search_trials):,} "
        "search trials, those that no rung, divergence or failure cut short. Each crosses the "
        "axes at its values; the last axis is the objective, best on top. "
    )
    if any(not field.is_active.all() for field in fields):
        text += "“none”: the field does not apply to the trial. "
    if _step(len(trials)) > 1:
        text += f"Beside the best, one in {_step(len(trials))} is drawn. "
    left = len(searched_fields(trials, condition.config)) - len(fields)
    if left:
        text += f"{left} further searched fields are not drawn; they are in trials.csv. "
    return text.strip()


def _alt(
    condition: ConditionSummary, fields: list[SearchedField], trials: list[TrialHistory]
) -> str:
    best = max(trials, key=lambda trial: trial.score or 0.0)
    values = [
        f"{field.name} {plain_value(getattr(best.config, field.name))}"
        for field in fields
        if getattr(best.config, field.name) is not None
    ]
    objective = condition.config.objective
    score = sign(objective) * (best.score or 0.0) * scale(objective)
    return (
        f"Parallel coordinates of {len(trials)} full-length trials of condition {condition.name} "
        f"over {', '.join(field.name for field in fields)} and the objective. "
        f"The best, with {score:.3g} {unit(objective)}, has {', '.join(values)}."
    )
