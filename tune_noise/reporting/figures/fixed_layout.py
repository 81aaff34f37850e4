"""Margins in inches, known before drawing.

Matplotlib's own layout measures every tick label, twice, and takes a third of a figure's time.
"""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LEGEND_POINTS = 9
_LINE_INCHES, _ENTRY_INCHES, _PAD_INCHES = 0.15, 0.07, 0.2
# Of a label of up to three lines, and of tick labels such as 0.0025 beside it.
LEFT_INCHES, _EDGE_INCHES = 1.0, 0.04
BOTTOM_INCHES, RIGHT_INCHES = 0.5, 0.15


def legend_inches(labels: Sequence[str], *, columns: int = 1) -> float:
    """The height of a legend with these labels, some of several lines."""
    rows = [labels[first : first + columns] for first in range(0, len(labels), columns)]
    lines = sum(max(label.count("\n") + 1 for label in row) for row in rows)
    return lines * _LINE_INCHES + len(rows) * _ENTRY_INCHES + _PAD_INCHES


def arrange(
    figure: Figure,
    handles: Sequence[Artist],
    labels: Sequence[str],
    *,
    columns: int = 1,
    left: float = LEFT_INCHES,
    bottom: float = BOTTOM_INCHES,
) -> None:
    """Put a legend above the panels of a figure, and the panels below it, in inches."""
    width, height = figure.get_size_inches()
    figure.legend(
        list(handles),
        list(labels),
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        fontsize=LEGEND_POINTS,
        borderaxespad=0.2,
    )
    figure.subplots_adjust(
        left=left / width,
        right=1.0 - RIGHT_INCHES / width,
        bottom=bottom / height,
        top=1.0 - legend_inches(labels, columns=columns) / height,
        hspace=0.14,
    )


def label_panel(ax: Axes, text: str, *, width_inches: float) -> None:
    """Label a y axis where those of all panels have their labels, whatever their ticks."""
    ax.set_ylabel(text)
    panel = width_inches - LEFT_INCHES - RIGHT_INCHES
    ax.yaxis.set_label_coords((_EDGE_INCHES - LEFT_INCHES) / panel, 0.5)
    ax.yaxis.label.set_verticalalignment("top")  # its first line is at the edge
