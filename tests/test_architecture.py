"""The page of the architecture: it names files that exist, every room, and what is declared."""

import re
from pathlib import Path

import pytest

import tune_noise

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = Path(tune_noise.__file__).parent
FILES = sorted(set(re.findall(r"`((?:tune_noise|tests)/[\w./]+)`", PAGE)))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_page_names_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_page_names_files_at_all() -> None:
    assert len(FILES) > 20


def test_every_room_has_a_sentence() -> None:
    rooms = PAGE.partition("## The rooms")[2].partition("\n## ")[0]
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert {f"`{name}/`" for name in folders} - set(re.findall(r"`\w+/`", rooms)) == set()
    assert {f"`{name}`" for name in modules} - set(re.findall(r"`\w+`", rooms)) == set()


def test_the_root_of_the_package_stays_small() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 14
    assert len(list(PACKAGE.glob("*/__init__.py"))) <= 18


def test_a_search_lives_ten_steps() -> None:
    life = PAGE.partition("## The life of a search")[2].partition("\n## ")[0]
    steps = [int(number) for number in re.findall(r"^(\d+)\.", life, re.MULTILINE)]
    assert steps == list(range(1, 11))
