"""Parallel coordinates: a line per full-length trial through its searched values and objective."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from tune_noise.config.metric_names import sign
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.figures.fixed_layout import arrange
from tune_noise.reporting.figures.palette import ACCENT, FAINT, INK, PAPER
from tune_noise.reporting.findings.importance import Importance
from tune_noise.reporting.findings.searched_fields import (
    SearchedField,
    full_length,
    position,
    searched_fields,
)
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Floats
from tune_noise.reporting.wording import objective_name, plain_value, scale, unit

_WIDTH_INCHES, _HEIGHT_INCHES, _SIDE_INCHES = 5.2, 3.6, 0.15
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
    """The full-length trials of a condition's search; of many fields the most important.

    Returns:
        Figure, alternative text and caption; None where fewer than two trials differ in a field.
    """
    trials = full_length(condition.search_trials)
    fields = _chosen(searched_fields(trials, condition.config), condition.importances)
    if len(trials) < 2 or not fields:
        return None
    scores = np.array([trial.score for trial in trials], dtype=np.float64)
    heights = np.stack([*(_heights(field) for field in fields), _scaled(scores)], axis=1)
    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES))
    ax = figure.subplots()
    _draw_lines(ax, heights, scores)
    _draw_axes(ax, fields, condition, scores)
    _legend(figure, len(trials))
    return figure, _alt(condition, fields, trials), _caption(condition, fields, trials)


def _chosen(fields: list[SearchedField], importances: Sequence[Importance]) -> list[SearchedField]:
    """At most so many as can be drawn: the important ones, then in the order of the space."""
    known = [each.field for each in importances if each.share is not None]
    ranks = {name: rank for rank, name in enumerate(known)}
    ordered = sorted(fields, key=lambda field: ranks.get(field.name, len(ranks)))
    kept = {field.name for field in ordered[:_MOST_FIELDS]}
    return [field for field in fields if field.name in kept]


def _heights(field: SearchedField) -> Floats:
    """Where each trial's line crosses the field's axis, [trials]."""
    shown = np.where(field.is_active, field.positions, _ABSENT)
    if field.domain.choice is None:
        shift = np.where(field.is_active, 0.0, 1.0)
    else:
        shift = np.ones(len(shown))
    steps = (np.arange(len(shown)) * 0.618033988749895) % 1.0 - 0.5
    return np.asarray(shown + 2.0 * _SPREAD * steps * shift)


def _scaled(scores: Floats) -> Floats:
    """The scores in [0, 1], the best at 1."""
    reach = float(np.ptp(scores))
    return (scores - scores.min()) / reach if reach else np.full(len(scores), 0.5)


def _draw_lines(ax: Axes, heights: Floats, scores: Floats) -> None:
    order = np.argsort(scores, kind="stable")
    number_best = max(1, int(_BEST_SHARE * len(scores)))
    step = _step(len(scores))
    best = order[-number_best:-1]
    parts = {"others": order[:-number_best][::step], "best": best[::step], "first": order[-1:]}
    looks = {"others": (FAINT, 0.8, 0.45), "best": (ACCENT, 1.2, 0.9), "first": (INK, 2.0, 1.0)}
    places = np.arange(heights.shape[1], dtype=np.float64)
    for depth, (name, members) in enumerate(parts.items(), start=1):
        shade, width, opacity = looks[name]
        points = np.stack(
            [np.broadcast_to(places, heights[members].shape), heights[members]], axis=2
        )
        ax.add_collection(
            LineCollection(
                list(points),
                colors=shade,
                linewidths=width,
                alpha=opacity,
                zorder=depth,
            ),
            autolim=False,
        )


def _step(number: int) -> int:
    """Beside the best trial, one in so many is drawn."""
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
    """Height -> value, of the levels of a choice or the ends and the middle of a range."""
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
        shown = text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
        label = ax.text(place + 0.04, height, shown, fontsize=7, color=INK, va="center", zorder=6)
        label.set_path_effects([withStroke(linewidth=2.0, foreground=PAPER)])


def _legend(figure: Figure, number: int) -> None:
    best = max(1, int(_BEST_SHARE * number)) - 1
    handles = [Line2D([], [], color=INK, linewidth=2.0, label="best trial")]
    if best:
        handles.append(Line2D([], [], color=ACCENT, label=f"next {best} of the best tenth"))
    handles.append(Line2D([], [], color=FAINT, label="others"))
    labels = [str(handle.get_label()) for handle in handles]
    arrange(figure, handles, labels, columns=3, left=_SIDE_INCHES)


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
