"""One colour per method and one marker per network, the same in every figure of every report.

Only where lines of one figure share a method do networks, or the lines themselves, get the colours.
On a dark page the style sheet turns a figure's light and dark around and keeps its hues.
"""

from collections.abc import Sequence
from zlib import crc32

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tune_noise.config.declared import names
from tune_noise.config.trial import TrialConfig

# Okabe and Ito: told apart with any kind of colour blindness, and in print. Then Tol's muted, light
# and vibrant schemes and some of his rainbow, so that no two methods share a colour; one of each
# scheme may look alike.
COLOURS = (
    *("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"),
    *("#332288", "#882255", "#117733", "#AA4499", "#999933", "#44AA99", "#DDCC77", "#CC6677"),
    *("#88CCEE", "#661100", "#77AADD", "#EE8866", "#BBCC33", "#FFAABB", "#AAAA00", "#EEDD88"),
    *("#99DDFF", "#44BB99", "#EE7733", "#0077BB", "#33BBEE", "#EE3377", "#CC3311", "#009988"),
    *("#6F4C9B", "#521A13", "#1965B0", "#4EB265"),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
# For networks of users' own.
_OWN_MARKERS = ("*", "p", "h", "d", "H")
_LINE_STYLES = ("-", "--", ":", "-.")
# For what stands for no method.
INK, PAPER, GRID = "#000000", "#ffffff", "#dddddd"
ACCENT, SECOND, FAINT = "#D55E00", "#0072B2", "#8a9099"


def colour(method: str) -> str:
    """Return the colour of a method as #RRGGBB."""
    return COLOURS[_place("method", method) % len(COLOURS)]


def place_colours(count: int) -> list[str]:
    """Return colours for lines that stand for no method, by place; they repeat after 36."""
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def line_colours(configs: Sequence[TrialConfig]) -> list[str]:
    """Return a colour for each line of a figure: of its method, unless several lines share one.

    Then it is that of its network, which is the same in every condition, or, where networks repeat
    or two have one colour, that of its place.
    """
    methods, models = [c.method for c in configs], [c.model for c in configs]
    if len(set(methods)) == len(methods):
        return [colour(method) for method in methods]
    of_models = [COLOURS[_place("model", model) % len(COLOURS)] for model in models]
    if len(set(of_models)) == len(models):
        return of_models
    return [COLOURS[place % len(COLOURS)] for place in range(len(models))]


def marker(model: str) -> str:
    """Return the Matplotlib marker of a network."""
    markers = _MARKERS if model in names("model") else _OWN_MARKERS
    return markers[_place("model", model) % len(markers)]


def _place(field: str, name: str) -> int:
    """Return the same number in every report; for one of a user's own it follows from its name."""
    declared = names(field)
    return declared.index(name) if name in declared else crc32(name.encode())


def line_style(repeat: int) -> str:
    """Return the style of a further line of one method: solid, then dashed, dotted, both."""
    return _LINE_STYLES[repeat % len(_LINE_STYLES)]


def legend_above(figure: Figure, *axes: Axes, columns: int = 1) -> None:
    """Put a legend above all panels, with one entry per label whichever panels it is in."""
    entries: dict[str, Artist] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries = dict(zip(labels, handles, strict=True)) | entries
    handles = list(entries.values())
    figure.legend(handles, list(entries), loc="outside upper left", ncols=columns, fontsize=9)
