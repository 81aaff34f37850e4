"""The noise transition matrix as a picture: the estimate, beside it what the labels really hold."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tune_noise.reporting.findings.noise_estimate import MatrixEstimate
from tune_noise.reporting.statistics import Floats

_PANEL_INCHES = 3.3
_TEXT_INCHES = 0.45
_COLOURS = "Blues"
_NOTHING = "#BBBBBB"
# With more the numbers would touch each other.
_MOST_NUMBERED = 10
# With more every tick, and every cell as a shape of its own, would be too much.
_MOST_TICKS = 20
# A number on a darker cell is white.
_DARK = 0.55
# Almost black and white, as those of the palette turn round on a dark page and cells do not.
_DARK_TEXT, _LIGHT_TEXT = "#010101", "#fefefe"
CAPTION = (
    "Rows: true class; columns: noisy label; shares of a row in percent, darker is more. "
    "Left: estimated from noisy validation labels alone."
)
CAPTION_TRUTH = (
    " Right: measured on the training labels by their true classes, which the search never saw."
)
CAPTION_UNSEEN = " Grey: a class that is never predicted has no estimate."


def transition_figure(matrix: MatrixEstimate) -> tuple[Figure, str, str]:
    """The estimated matrix and, where the truth is known, the measured one.

    Returns:
        Figure, alternative text and caption.
    """
    panels = {"estimated": matrix.values}
    if matrix.truth is not None:
        panels["measured"] = matrix.truth
    figure = Figure(
        figsize=(_PANEL_INCHES * len(panels), _PANEL_INCHES + 0.7), layout="constrained"
    )
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (name, shares) in zip(axes, panels.items(), strict=True):
        _panel(ax, shares, title=name)
    axes[0].set_ylabel("true class")
    caption = CAPTION + (CAPTION_TRUTH if matrix.truth is not None else "")
    return figure, _alt(matrix), caption + (CAPTION_UNSEEN if matrix.unseen else "")


def _panel(ax: Axes, shares: Floats, *, title: str) -> None:
    number = len(shares)
    ax.set_facecolor(_NOTHING)
    edges = np.arange(number + 1) - 0.5
    ax.pcolormesh(
        edges,
        edges,
        np.ma.masked_invalid(shares),
        cmap=_COLOURS,
        vmin=0.0,
        vmax=1.0,
        rasterized=number > _MOST_TICKS,
    )
    ax.set_aspect("equal")
    ax.invert_yaxis()  # the first class on top, as in a table
    ax.grid(visible=False)
    ax.set_title(title, fontsize=10)
    ax.set_xlabel("noisy label")
    if number <= _MOST_TICKS:
        ax.set_xticks(range(number))
        ax.set_yticks(range(number))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    if number <= _MOST_NUMBERED:
        _numbers(ax, shares)


def _numbers(ax: Axes, shares: Floats) -> None:
    for (i, j), share in np.ndenumerate(shares):
        if np.isfinite(share):
            shade = _LIGHT_TEXT if share > _DARK else _DARK_TEXT
            text = f"{100 * share:.0f}"
            ax.text(j, i, text, color=shade, fontsize=7, ha="center", va="center")


def _alt(matrix: MatrixEstimate) -> str:
    right = np.diag(matrix.values)
    seen = right[np.isfinite(right)]
    beside = " beside the measured one" if matrix.truth is not None else ""
    text = f"Heat map of the estimated {matrix.num_classes} by {matrix.num_classes} noise "
    text += f"transition matrix{beside}. "
    if len(seen):
        text += (
            f"Estimated share of right labels by class: {100 * seen.min():.0f} to "
            f"{100 * seen.max():.0f} percent. "
        )
    return text + "The numbers stand in the table below and in transition.csv."
