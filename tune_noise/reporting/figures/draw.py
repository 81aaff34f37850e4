"""The figures of a report: drawn once, as PNG and SVG, each with a text that says what it shows.

They are Matplotlib's and not those of `optuna.visualization`: a report is made from the record
alone, without Optuna and its storage, and its fields apply to some trials only.
"""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from tune_noise.history.replay import History
from tune_noise.reporting.figures.accuracy import accuracy_figure
from tune_noise.reporting.figures.classes import classes_figure
from tune_noise.reporting.figures.curves import curves_figure, memorisation_figure
from tune_noise.reporting.figures.history import history_figure
from tune_noise.reporting.figures.palette import GRID
from tune_noise.reporting.figures.parallel import parallel_figure
from tune_noise.reporting.figures.transition import transition_figure
from tune_noise.reporting.findings.summary import ConditionSummary, Summary

# A figure, its alternative text and its caption.
Plot = tuple[Figure, str, str]
_PNG_DOTS_PER_INCH = 150
_UNSAFE = r"[^A-Za-z0-9._=,-]"
_STYLE: dict[RcKeyType, Any] = {
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "text.parse_math": False,  # names hold underscores and may hold dollars
    "svg.fonttype": "path",  # the same letters everywhere
    "svg.hashsalt": "tune_noise",  # the same file for the same search
}


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        name: of its files, without the ending; safe as a file name.
        alt: what it shows, for people who cannot see it.
        caption: how to read it.
        png: the figure as PNG, 150 dots per inch.
        svg: the figure as SVG, with the colours of a light page.
        width: in pixels of a page, 96 to the inch.
        height: likewise.
    """

    name: str
    alt: str
    caption: str
    png: bytes
    svg: bytes
    width: int
    height: int

    @property
    def url(self) -> str:
        """The SVG as a data URL."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


KINDS: dict[str, Callable[[ConditionSummary], Plot | None]] = {
    "learning_curves": curves_figure,
    "memorisation": memorisation_figure,
    "transition": transition_figure,
    "classes": classes_figure,
    "history": history_figure,
    "parallel": parallel_figure,
}
# Kind and condition -> its figure, where there is something to draw. The figure of all conditions
# together is of kind `accuracy`, and its condition is empty.
Drawings = dict[tuple[str, str], Drawing]


def draw(history: History, summary: Summary) -> Drawings:
    """Draw accuracy against noise, and every kind of figure of every condition."""
    plots = {("accuracy", ""): lambda: accuracy_figure(history, summary)}
    for kind, figure_of in KINDS.items():
        for condition in summary.conditions:
            plots[kind, condition.name] = partial(figure_of, condition)
    drawings = {}
    for (kind, condition_name), plot in plots.items():
        drawing = draw_one("_".join(filter(None, (kind, condition_name))), plot)
        if drawing is not None:
            drawings[kind, condition_name] = drawing
    return drawings


def draw_one(name: str, plot: Callable[[], Plot | None]) -> Drawing | None:
    """Draw one figure in the style of all.

    Args:
        name: of its files, without the ending.
        plot: makes figure, alternative text and caption; None: there is nothing to draw.
    """
    with mpl.rc_context(_STYLE):
        made = plot()
        if made is None:
            return None
        figure, alt, caption = made
        if (layout := figure.get_layout_engine()) is not None:  # laid out once, for both files
            layout.execute(figure)
        figure.set_layout_engine("none")
        png, svg = _render(figure, "png"), _render(figure, "svg")
        width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Drawing(re.sub(_UNSAFE, "_", name), alt, caption, png, svg, width, height)


def _render(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    buffer = io.BytesIO()
    # Without a date the same search gives the same bytes.
    names = ("Date", "Creator", "Format", "Type")
    metadata: dict[str, Any] = dict.fromkeys(names) if kind == "svg" else {}
    figure.savefig(buffer, format=kind, dpi=_PNG_DOTS_PER_INCH, metadata=metadata)
    return buffer.getvalue()
