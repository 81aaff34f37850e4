"""One colour per method and one marker per network, the same in every figure of every report.

Only where lines of one figure share a method do networks, or the lines themselves, get the colours.
"""

from collections.abc import Sequence
from zlib import crc32

from tune_noise.config.declared import names
from tune_noise.config.trial import TrialConfig

# Okabe and Ito: told apart with any kind of colour blindness, and in print. Then Tol's muted
# scheme, so that no two methods share a colour; one of each scheme may look alike.
COLOURS = (
    *("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"),
    *("#332288", "#882255", "#117733", "#AA4499", "#999933", "#44AA99", "#DDCC77", "#CC6677"),
    *("#88CCEE", "#661100"),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
# Of users' own networks.
_OWN_MARKERS = ("*", "p", "h", "d", "H")
_LINE_STYLES = ("-", "--", ":", "-.")
# Of what stands for no method; the dark page turns INK, PAPER and GRID around, see `svg.py`.
INK, PAPER, GRID = "#000000", "#ffffff", "#dddddd"
ACCENT, SECOND, FAINT = "#D55E00", "#0072B2", "#8a9099"


def colour(method: str) -> str:
    """The colour of a method as #RRGGBB."""
    known = names("method")
    place = known.index(method) if method in known else crc32(method.encode())
    return COLOURS[place % len(COLOURS)]


def place_colours(count: int) -> list[str]:
    """Colours of lines that stand for no method, by place; after 18 they begin again."""
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def line_colours(configs: Sequence[TrialConfig]) -> list[str]:
    """A colour for each line of a figure: of its method, unless several lines share one.

    Then that of its network, which is the same in every condition; where networks repeat, too, or
    two have one colour, the colour of its place.
    """
    methods, models = [c.method for c in configs], [c.model for c in configs]
    if len(set(methods)) == len(methods):
        return [colour(method) for method in methods]
    of_models = [COLOURS[_place(model) % len(COLOURS)] for model in models]
    if len(set(of_models)) == len(models):
        return of_models
    return [COLOURS[place % len(COLOURS)] for place in range(len(models))]


def marker(model: str) -> str:
    """The Matplotlib marker of a network."""
    markers = _MARKERS if model in names("model") else _OWN_MARKERS
    return markers[_place(model) % len(markers)]


def _place(model: str) -> int:
    """The same number for a network in every report; of a user's own it follows from its name."""
    known = names("model")
    return known.index(model) if model in known else crc32(model.encode())


def line_style(repeat: int) -> str:
    """Tells apart lines of one method: solid for the first, then dashed, dotted, both."""
    return _LINE_STYLES[repeat % len(_LINE_STYLES)]
