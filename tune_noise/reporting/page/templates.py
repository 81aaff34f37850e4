"""Fill the templates of the report and of the comparison; values are escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

REPORTING = Path(__file__).parents[1]


def fill(template: str, **values: Any) -> str:
    """Return a page as HTML.

    Args:
        template: file name.
        values: name in the template -> value; one that is missing is an error.
    """
    environment = Environment(
        loader=FileSystemLoader([REPORTING / "page", REPORTING / "comparison"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
