"""Which classes asymmetric noise flips, and to which: `7>1,2>7` in a space, a mapping in code."""

import re
from collections.abc import Mapping

MAX_LETTERS = 4096
_PAIR = re.compile(r"\s*([0-9]{1,6})\s*>\s*([0-9]{1,6})\s*")
_DIGITS = "7>1,2>7,5>6,6>5,3>8"
# Classes that are mistaken for each other, as the field uses them (Patrini et al. 2017,
# arXiv:1609.03683). The digits of 8 x 8 pixels are the same ten classes as MNIST's.
USUAL_CLASS_MAPS: Mapping[str, str] = {
    "digits": _DIGITS,
    "mnist": _DIGITS,
    # truck to automobile, bird to airplane, deer to horse, cat to dog and back
    "cifar10": "9>1,2>0,4>7,3>5,5>3",
}


def parse_class_map(text: str) -> dict[int, int]:
    """Return flipped class -> the class its labels go to, in the order of the text.

    Raises:
        ValueError: the text is not such a list, names a class twice or flips one to itself.

    Example:
        >>> parse_class_map("7>1, 2>7")
        {7: 1, 2: 7}
    """
    targets: dict[int, int] = {}
    for part in text.split(","):
        match = _PAIR.fullmatch(part)
        if match is None:
            raise ValueError(
                f"{part[:40]!r} is no flip of one class to another: write e.g. 7>1,2>7 (class 7 "
                "becomes 1, class 2 becomes 7)"
            )
        source, target = map(int, match.groups())
        if source == target:
            raise ValueError(f"{source}>{target} flips a class to itself: take it out")
        if source in targets:
            raise ValueError(
                f"class {source} is flipped twice, to {targets[source]} and to {target}: keep one, "
                "or give a whole matrix (noise matrix)"
            )
        targets[source] = target
    return targets


def normalised(text: str) -> str:
    """Return the text of a class map in its one spelling, without blanks.

    Raises:
        ValueError: see `parse_class_map`.
    """
    return ",".join(f"{source}>{target}" for source, target in parse_class_map(text).items())
