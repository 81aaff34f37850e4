"""What is done to an SVG by Matplotlib: it becomes smaller, and fits a dark page."""

import re

from tune_noise.reporting.figures.palette import COLOURS, GRID, INK, PAPER

# As the page's own, see parts/style.css.
DARK_PAPER, DARK_INK, DARK_GRID = "#1e2125", "#e7e9ec", "#3a3f46"
# WCAG 2.2 asks for 3 to 1 of what a figure is made of.
MIN_CONTRAST = 3.5
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_PATH = re.compile(r' d="[^"]*"')
_LONG_NUMBER = re.compile(r"(\.\d\d)\d+")
_SPACE = re.compile(r"\s*\n\s*")


def finished(svg: str) -> str:
    """The same picture with paths of two decimals, and with the colours of a dark page for one.

    A browser that shows it on a dark page, also inside an `img`, takes the dark colours; what
    knows no style sheets shows it as it was drawn.
    """
    text = _COMMENT.sub("", svg)
    text = _PATH.sub(lambda found: _SPACE.sub(" ", _LONG_NUMBER.sub(r"\1", found[0])), text)
    text = _SPACE.sub("\n", text)
    return text.replace("</style>", f"{dark_rules()}</style>", 1)


def dark_rules() -> str:
    """Style rules that replace each colour of the palette where the page is dark."""
    swapped = {INK: DARK_INK, PAPER: DARK_PAPER, GRID: DARK_GRID, "#444444": DARK_INK}
    swapped |= {shade.lower(): on_dark(shade) for shade in COLOURS if shade.lower() not in swapped}
    rules = "".join(
        f'[style*="{kind}: {old}"]{{{kind}:{new}!important}}'
        for old, new in swapped.items()
        if old != new
        for kind in ("fill", "stroke")
    )
    # What has no colour of its own is black.
    return f"@media (prefers-color-scheme:dark){{svg{{fill:{DARK_INK}}}{rules}}}"


def on_dark(shade: str) -> str:
    """The colour, mixed with so much white that it can be told from the dark page.

    Example:
        >>> on_dark("#E69F00"), contrast(on_dark("#332288"), DARK_PAPER) >= MIN_CONTRAST
        ('#e69f00', True)
    """
    for whitened in range(101):
        mixed = [part + (255 - part) * whitened / 100 for part in _parts(shade)]
        found = "#" + "".join(f"{round(part):02x}" for part in mixed)
        if contrast(found, DARK_PAPER) >= MIN_CONTRAST:
            return found
    return "#ffffff"


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, from 1 to 21.

    Reference:
        WCAG 2.2, definition of contrast ratio.
    """
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(shade: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _parts(shade))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(shade: str) -> tuple[int, int, int]:
    red, green, blue = (int(shade[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue
