"""The figures of a report: drawn once, as PNG and SVG, each with a text that says what it shows."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from tune_noise.history.replay import History
from tune_noise.reporting.figures.accuracy import accuracy_figure
from tune_noise.reporting.figures.curves import curves_figure
from tune_noise.reporting.figures.history import history_figure
from tune_noise.reporting.figures.memorisation import memorisation_figure
from tune_noise.reporting.figures.palette import GRID
from tune_noise.reporting.figures.parallel import parallel_figure
from tune_noise.reporting.figures.svg import finished
from tune_noise.reporting.figures.transition import transition_figure
from tune_noise.reporting.findings.summary import ConditionSummary, Summary

# A figure, its alternative text and its caption.
Plot = tuple[Figure, str, str]
_PNG_DOTS_PER_INCH = 150
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
        alt: what it shows, for who cannot see it.
        caption: how to read it.
        png: the figure as PNG, 150 dots per inch.
        svg: the figure as SVG, which turns dark with the page.
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


@dataclass(frozen=True)
class Drawings:
    """All figures of a report.

    Attributes:
        accuracy: accuracy against noise; None where nothing was measured.
        curves: condition name -> its learning curves, where there are any.
        transitions: condition name -> the noise transition matrix, where there is an estimate.
        memorisations: condition name -> what wrong labels are predicted as, where it was measured.
        histories: condition name -> how its search went.
        parallels: condition name -> its full-length trials in parallel coordinates.
    """

    accuracy: Drawing | None
    curves: dict[str, Drawing]
    transitions: dict[str, Drawing] = field(default_factory=dict)
    memorisations: dict[str, Drawing] = field(default_factory=dict)
    histories: dict[str, Drawing] = field(default_factory=dict)
    parallels: dict[str, Drawing] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Drawing]:
        """Every drawing there is."""
        if self.accuracy is not None:
            yield self.accuracy
        for drawn in (
            self.curves,
            self.memorisations,
            self.transitions,
            self.histories,
            self.parallels,
        ):
            yield from drawn.values()


def draw(history: History, summary: Summary) -> Drawings:
    """Draw accuracy against noise, and what there is to show of every condition."""
    kinds: dict[str, Callable[[ConditionSummary], Plot | None]] = {
        "learning_curves": curves_figure,
        "memorisation": memorisation_figure,
        "transition": _transition,
        "history": history_figure,
        "parallel": parallel_figure,
    }
    with mpl.rc_context(_STYLE):
        plot = accuracy_figure(history, summary)
        accuracy = None if plot is None else _drawing("accuracy", *plot)
        drawn: dict[str, dict[str, Drawing]] = {kind: {} for kind in kinds}
        for condition in summary.conditions:
            for kind, figure_of in kinds.items():
                found = figure_of(condition)
                if found is not None:
                    name = f"{kind}_{_file_name(condition.name)}"
                    drawn[kind][condition.name] = _drawing(name, *found)
    return Drawings(
        accuracy=accuracy,
        curves=drawn["learning_curves"],
        transitions=drawn["transition"],
        memorisations=drawn["memorisation"],
        histories=drawn["history"],
        parallels=drawn["parallel"],
    )


def _transition(condition: ConditionSummary) -> Plot | None:
    noise = condition.noise
    return None if noise is None or noise.matrix is None else transition_figure(noise.matrix)


def draw_one(name: str, plot: Callable[[], tuple[Figure, str, str]]) -> Drawing:
    """Draw one figure in the style of all.

    Args:
        name: of its files, without the ending.
        plot: makes figure, alternative text and caption.
    """
    with mpl.rc_context(_STYLE):
        return _drawing(name, *plot())


def _drawing(name: str, figure: Figure, alt: str, caption: str) -> Drawing:
    engine = figure.get_layout_engine()
    if engine is not None:  # lays the figure out, once for both files
        engine.execute(figure)
    figure.set_layout_engine("none")
    png, svg = _render(figure, "png"), _render(figure, "svg")
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Drawing(name, alt, caption, png, svg, width, height)


def _render(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    buffer = io.BytesIO()
    # Without a date the same search gives the same bytes.
    names = ("Date", "Creator", "Format", "Type")
    metadata: dict[str, Any] = dict.fromkeys(names) if kind == "svg" else {}
    figure.savefig(buffer, format=kind, dpi=_PNG_DOTS_PER_INCH, metadata=metadata)
    return finished(buffer.getvalue().decode()).encode() if kind == "svg" else buffer.getvalue()


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._=,-]", "_", name)
