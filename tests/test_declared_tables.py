"""The tables of the pages are what the declarations say."""

import pytest

from tests.support.declared_tables import DOCS, TABLES, with_block
from tune_noise.config.declared import SHIPPED


@pytest.mark.parametrize(("file", "name"), TABLES)
def test_a_table_is_what_the_declarations_say(file: str, name: str) -> None:
    page = (DOCS / file).read_text()
    assert with_block(page, f"table {name}", TABLES[file, name]()) == page, (
        "run python -m tests.support.declared_tables"
    )


def test_a_page_without_the_markers_is_reported() -> None:
    with pytest.raises(ValueError, match="no <!-- table x -->"):
        with_block("a page", "table x", "| a |")


@pytest.mark.parametrize("family", SHIPPED)
def test_everything_that_is_declared_says_what_it_does(family: str) -> None:
    assert [one.name for one in SHIPPED[family].values() if not one.summary] == []
