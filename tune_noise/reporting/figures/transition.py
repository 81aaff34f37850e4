"""The noise transition matrix as a picture: the estimate, and beside it the measured one."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tune_noise.reporting.figures.palette import INK, PAPER
from tune_noise.reporting.findings.noise_estimate import MatrixEstimate
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Floats

_PANEL_INCHES = 3.3
_NOTHING = "#BBBBBB"
# With more the numbers would touch each other.
_MOST_NUMBERED = 10
_MOST_TICKS = 20
_MOST_LETTERS = 12
# A number on a darker cell is white.
_DARK = 0.55
CAPTION = (
    "Rows: true class; columns: noisy label; shares of a row in percent; a "
    "stronger colour is more. Left: estimated from noisy validation labels alone."
)
CAPTION_TRUTH = (
    " Right: measured on the training labels by their true classes, which the search never saw."
)
CAPTION_UNSEEN = " Grey: a class that is never predicted has no estimate."


def transition_figure(condition: ConditionSummary) -> tuple[Figure, str, str] | None:
    """Draw the leader's estimate of the matrix and, where the truth is known, the measured one.

    Returns:
        Figure, alternative text and caption; None where there is no estimate.
    """
    matrix = None if condition.noise is None else condition.noise.matrix
    if matrix is None:
        return None
    panels = {"estimated": matrix.values}
    if matrix.truth is not None:
        panels["measured"] = matrix.truth
    figure = Figure(
        figsize=(_PANEL_INCHES * len(panels), _PANEL_INCHES + 0.7), layout="constrained"
    )
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (name, shares) in zip(axes, panels.items(), strict=True):
        share_panel(ax, shares, title=name, class_names=condition.class_names)
        ax.set_xlabel("noisy label")
    axes[0].set_ylabel("true class")
    caption = CAPTION + (CAPTION_TRUTH if matrix.truth is not None else "")
    return figure, _alt(matrix), caption + (CAPTION_UNSEEN if matrix.unseen else "")


def share_panel(ax: Axes, shares: Floats, *, title: str, class_names: Sequence[str] | None) -> None:
    """Draw a matrix of shares of the rows as shades, with numbers where these have room."""
    number = len(shares)
    ax.set_facecolor(_NOTHING)
    ax.imshow(
        np.ma.masked_invalid(shares), cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest"
    )
    ax.grid(visible=False)
    ax.set_title(title, fontsize=10)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(_MOST_TICKS, integer=True, steps=[1, 2, 5, 10]))
    if class_names is not None and number <= _MOST_TICKS:
        names = [short_name(name) for name in class_names]
        ax.set_xticks(range(number), names, rotation=90)
        ax.set_yticks(range(number), names)
    if number <= _MOST_NUMBERED:
        _numbers(ax, shares)


def short_name(name: str) -> str:
    """Return a name as the axis has room for it; a dollar sign would begin a formula."""
    short = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
    return short.replace("$", r"\$")


def _numbers(ax: Axes, shares: Floats) -> None:
    for (i, j), share in np.ndenumerate(shares):
        if np.isfinite(share):
            shade = PAPER if share > _DARK else INK
            text = f"{100 * share:.0f}"
            ax.text(j, i, text, color=shade, fontsize=7, ha="center", va="center")


def _alt(matrix: MatrixEstimate) -> str:
    right = np.diag(matrix.values)
    seen = right[np.isfinite(right)]
    beside = " beside the measured one" if matrix.truth is not None else ""
    size = f"{matrix.num_classes} by {matrix.num_classes}"
    text = f"Heat map of the estimated {size} noise transition matrix{beside}. "
    if len(seen):
        ends = f"{100 * seen.min():.0f} to {100 * seen.max():.0f} percent"
        text += f"Estimated share of right labels by class: {ends}. "
    return text + "The numbers stand in the table below and in transition.csv."
