"""The pages can be read in any editor: short lines, and tables whose cells are no paragraphs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
LONGEST_LINE = 100
LONGEST_CELL = 120
FENCE = re.compile(r"\s*(```|~~~)")
# What a formatter cannot break: code, pictures and links.
UNBROKEN = re.compile(r"`[^`]*`|!?\[[^\]]*\]\([^)]*\)|https?://\S+")
CELL_BORDER = re.compile(r"(?<!\\)\|")


def lines_of_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines that are not in a block of code."""
    is_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code:
            yield number, line


def is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def long_lines(text: str) -> list[int]:
    return [
        number
        for number, line in lines_of_text(text)
        if len(UNBROKEN.sub("", line)) > LONGEST_LINE and not is_row(line)
    ]


def long_cells(text: str) -> list[tuple[int, str]]:
    return [
        (number, cell.strip()[:40])
        for number, line in lines_of_text(text)
        if is_row(line)
        for cell in CELL_BORDER.split(line)
        if len(cell.strip()) > LONGEST_CELL
    ]


def test_the_checks_report_what_is_too_long() -> None:
    words = "word " * 25
    assert long_lines(f"short\n{words}\n```\n{words}\n```\n| {words} |\n") == [2]
    assert long_cells(f"| a | {'b ' * 60}c |\n| {'d' * 120} | e |\n") == [(1, "b " * 20)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_and_cells_of_a_page_are_short(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert long_lines(text) == []
    assert long_cells(text) == []
