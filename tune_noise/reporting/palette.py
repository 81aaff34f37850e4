"""One colour per method and one marker per network, the same in every figure of every report."""

from typing import get_args

from tune_noise.config.trial import MethodName, ModelName

# Okabe and Ito: told apart with any kind of colour blindness, and in print.
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_LINE_STYLES = ("-", "--", ":", "-.")


def colour(method: str) -> str:
    """The colour of a method as #RRGGBB."""
    return _COLOURS[get_args(MethodName).index(method) % len(_COLOURS)]


def marker(model: str) -> str:
    """The Matplotlib marker of a network."""
    return _MARKERS[get_args(ModelName).index(model) % len(_MARKERS)]


def line_style(repeat: int) -> str:
    """Tells apart lines of one method: solid for the first, then dashed, dotted, both."""
    return _LINE_STYLES[repeat % len(_LINE_STYLES)]
