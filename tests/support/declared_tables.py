"""The tables of documentation pages that follow from declarations.

`python -m tests.support.declared_tables` writes them; `tests/test_declared_tables.py` fails where
one is stale.
"""

from collections.abc import Callable
from pathlib import Path

from tune_noise.config.data_source import DataSource
from tune_noise.config.metric_names import METRICS
from tune_noise.config.reference_models import REFERENCES
from tune_noise.config.words import plain_value
from tune_noise.data.encoders.declarations import DEFAULT_ENCODERS, ENCODERS
from tune_noise.declaration import Field, MethodDeclaration, ReferenceDeclaration
from tune_noise.methods.declarations import METHODS
from tune_noise.models.declarations import NETWORKS
from tune_noise.noise.kinds import NOISES

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


def noises_table() -> str:
    """Return the table of the shipped kinds of noise."""
    rows = [
        (f"`{noise.name}`", ", ".join(map(_field, noise.fields)), noise.summary, noise.source)
        for noise in NOISES.values()
    ]
    return table(("`noise`", "fields (default)", "what a label of class i does", "source"), rows)


def networks_table() -> str:
    """Return the table of the shipped networks."""
    rows = [
        (
            f"`{network.name}`",
            network.summary,
            ", ".join(network.inputs),
            ", ".join(map(_field, network.fields)),
            f"{network.min_image_size} x {network.min_image_size}",
            network.source,
        )
        for network in NETWORKS.values()
    ]
    head = ("`model`", "layers", "inputs", "fields (default)", "smallest image", "source")
    return table(head, rows)


def encoders_table() -> str:
    """Return the table of the shipped encoders."""
    rows = [
        (
            f"`{encoder.name}`",
            encoder.takes + (" (default)" if encoder.name in DEFAULT_ENCODERS.values() else ""),
            ", ".join(map(_field, encoder.fields)),
            encoder.summary,
            f"`{encoder.extra}`" if encoder.extra else "",
        )
        for encoder in ENCODERS.values()
    ]
    return table(("`encoder`", "takes", "fields (default)", "what it makes", "extra"), rows)


def references_table() -> str:
    """Return the table of the reference models."""
    rows = [
        (
            f"`{reference.name}`",
            reference.summary,
            "; ".join(
                f"`{name}` {', '.join(map(plain_value, values))}"
                for name, values in reference.settings.items()
            ),
            f"{reference.max_examples:,}",
            _needs(reference),
        )
        for reference in REFERENCES.values()
    ]
    head = ("`references`", "what it predicts", "settings tried", "examples at most", "needs")
    return table(head, rows)


def _needs(reference: ReferenceDeclaration) -> str:
    needs = [] if len(reference.takes) > 1 else [*reference.takes]
    needs += [f"at most {reference.max_width} numbers"] if reference.max_width else []
    most = reference.max_classes
    needs += [f"at most {most:,} classes"] if most < 10_000 else []
    return ", ".join(needs)


def metrics_table() -> str:
    """Return the table of all metrics."""
    better = {"max": "larger", "min": "smaller", None: ""}
    rows = [
        (
            f"`{metric.name}`",
            metric.unit,
            better[metric.direction],
            "yes" if metric.searchable else "oracle" if metric.oracle else "",
            metric.meaning,
        )
        for metric in METRICS.values()
        if "network_" not in metric.name
    ]
    return table(("metric", "unit", "better", "may steer", "what it is"), rows)


def data_table() -> str:
    """Return the table of what the block `data` of a space says."""
    rows = [
        (f"`{name}`", str(field.description)) for name, field in DataSource.model_fields.items()
    ]
    return table(("`data:`", "what it says"), rows)


def _networks(method: MethodDeclaration) -> str:
    field = next((one for one in method.fields if one.name == method.networks), None)
    return str(method.networks) if field is None else f"{field.ge} to {field.le}"


def _field(field: Field) -> str:
    default = f"{field.default:g}" if isinstance(field.default, float) else field.default
    return f"`{field.name}`" if default in (None, "") else f"`{field.name}` ({default})"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table of Markdown as mdformat writes it."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("--",) * len(head), *rows))


# Page and name of the table -> what writes it.
TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("data.md", "data"): data_table,
    ("data.md", "encoders"): encoders_table,
    ("methods.md", "methods"): methods_table,
    ("methods.md", "networks"): networks_table,
    ("noise.md", "noises"): noises_table,
    ("objective.md", "metrics"): metrics_table,
    ("statistics.md", "references"): references_table,
}


def with_block(page: str, name: str, text: str) -> str:
    """Return a page with the text between the markers of a generated block.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page has no {begin} and {end}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


if __name__ == "__main__":
    for (file, name), write in TABLES.items():
        path = DOCS / file
        path.write_text(with_block(path.read_text(), f"table {name}", write()))
