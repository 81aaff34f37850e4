"""The tables of documentation pages that follow from declarations.

`python -m tests.support.declared_tables` writes them; `tests/test_declared_tables.py` fails where
one is stale.
"""

from collections.abc import Callable
from pathlib import Path

from tune_noise.declaration import Field, MethodDeclaration
from tune_noise.methods.declarations import METHODS

DOCS = Path(__file__).parents[2] / "docs"


def methods_table() -> str:
    """Return the table of the shipped training methods."""
    rows = [
        (
            f"`{method.name}`",
            _networks(method),
            ", ".join(map(_field, method.fields)),
            method.summary,
            method.source,
        )
        for method in METHODS.values()
    ]
    return table(("`method`", "networks", "fields (default)", "what it does", "source"), rows)


def _networks(method: MethodDeclaration) -> str:
    field = next((one for one in method.fields if one.name == method.networks), None)
    return str(method.networks) if field is None else f"{field.ge} to {field.le}"


def _field(field: Field) -> str:
    default = f"{field.default:g}" if isinstance(field.default, float) else field.default
    return f"`{field.name}` ({default})"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table of Markdown as mdformat writes it."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("--",) * len(head), *rows))


# Page and name of the table -> what writes it.
TABLES: dict[tuple[str, str], Callable[[], str]] = {("methods.md", "methods"): methods_table}


def with_table(page: str, name: str, text: str) -> str:
    """Return a page with the text between the markers of a table.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- table {name} -->", f"<!-- end of table {name} -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page has no {begin} and {end}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


if __name__ == "__main__":
    for (file, name), write in TABLES.items():
        path = DOCS / file
        path.write_text(with_table(path.read_text(), name, write()))
