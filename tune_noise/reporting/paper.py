"""A table as papers print it: a row per method, a column per condition, the best in bold."""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import NO_VALUE, level_in_words, number
from tune_noise.verdict import decide, looks_of

Accuracy = Literal["selected", "last", "best"]
METRICS: dict[Accuracy, str] = {
    "selected": "test_accuracy_clean",
    "last": "test_accuracy_clean_last_mean",
    "best": "test_accuracy_clean_best",
}
CAPTIONS: dict[Accuracy, str] = {
    "selected": "Test accuracy in % at the epoch that noisy validation selects",
    "last": "Test accuracy in %, mean of the last epochs",
    "best": "Test accuracy in % at the best epoch, which only clean test labels tell",
}
_BOLD = (
    "mean and standard deviation over n fresh seeds. Bold: the best, and what a paired t test with "
    "Holm's correction does not separate from it."
)
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


@dataclass(frozen=True)
class PaperColumn:
    """The accuracies of one condition.

    Attributes:
        title: names the search, the condition, or both.
        accuracies: row -> its accuracy over the fresh seeds, a fraction.
        best: the rows that are the best or not separated from it.
    """

    title: str
    accuracies: Mapping[str, Estimate]
    best: frozenset[str]

    @property
    def num_seeds(self) -> int | None:
        """The number of seeds that all have; None where rows differ in it."""
        numbers = {accuracy.n for accuracy in self.accuracies.values()}
        return numbers.pop() if len(numbers) == 1 else None


def paper_columns(summaries: Mapping[str, Summary], accuracy: Accuracy) -> list[PaperColumn]:
    """Return a column per condition of some searches, in their order.

    Args:
        summaries: what a search is called -> its findings.
        accuracy: which of a trial's accuracies is shown and judged.
    """
    columns = []
    for name, summary in summaries.items():
        for condition in summary.conditions:
            words = [name] if len(summaries) > 1 else []
            words += [condition.name] if len(summary.conditions) > 1 or not words else []
            columns.append(_column(", ".join(words), condition, METRICS[accuracy]))
    return columns


def _column(title: str, condition: ConditionSummary, metric: str) -> PaperColumn:
    field = condition.config.compare or "method"
    rows: dict[str, Finalist] = {}
    for finalist in condition.scored:
        if metric in finalist.metrics:
            rows.setdefault(level_in_words(field, getattr(finalist.config, field)), finalist)
    values = {name: finalist.values(metric) for name, finalist in rows.items()}
    seeds: list[Hashable] = list(dict.fromkeys(seed for of in values.values() for seed in of))
    standing = decide(values, seeds, looks_of(max(1, len(seeds)), None), no_more=True)
    best = {standing.leader, *standing.tied} - {None}
    accuracies = {name: finalist.metrics[metric] for name, finalist in rows.items()}
    return PaperColumn(title, accuracies, frozenset(str(name) for name in best))


def _rows(columns: list[PaperColumn]) -> list[str]:
    """Return the rows, those with the best mean place first."""
    names = dict.fromkeys(name for column in columns for name in column.accuracies)
    places: dict[str, list[float]] = {name: [] for name in names}
    for column in columns:
        ranked = sorted(column.accuracies, key=lambda name: -column.accuracies[name].mean)
        for place, name in enumerate(ranked):
            places[name].append(place / len(ranked))
    return sorted(names, key=lambda name: sum(places[name]) / len(places[name]))


def to_markdown(columns: list[PaperColumn], accuracy: Accuracy) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    titles = [column.title + _seeds(column, ", n = {}") for column in columns]
    yield f"| method | {' | '.join(titles)} |"
    yield f"| -- |{' -- |' * len(columns)}"
    for name in _rows(columns):
        cells = (_cell(column, name, "**{}**", " ± ") for column in columns)
        yield f"| `{name}` | {' | '.join(cells)} |"
    yield ""
    yield f"{CAPTIONS[accuracy]}; {_BOLD}"


def to_latex(columns: list[PaperColumn], accuracy: Accuracy) -> Iterator[str]:
    """Yield the lines of a table in LaTeX, which needs the package `booktabs`."""
    yield "% \\usepackage{booktabs}"
    yield "\\begin{table}"
    yield "  \\centering"
    yield f"  \\caption{{{_escaped(CAPTIONS[accuracy])}; {_escaped(_BOLD)}}}"
    yield f"  \\begin{{tabular}}{{l{'r' * len(columns)}}}"
    yield "    \\toprule"
    titles = [_escaped(column.title) + _seeds(column, " ($n = {}$)") for column in columns]
    yield f"    method & {' & '.join(titles)} \\\\"
    yield "    \\midrule"
    for name in _rows(columns):
        cells = (_cell(column, name, "\\textbf{{{}}}", " $\\pm$ ") for column in columns)
        yield f"    {_escaped(name)} & {' & '.join(cells)} \\\\"
    yield "    \\bottomrule"
    yield "  \\end{tabular}"
    yield "\\end{table}"


def _seeds(column: PaperColumn, template: str) -> str:
    return "" if column.num_seeds is None else template.format(column.num_seeds)


def _cell(column: PaperColumn, name: str, bold: str, plus_minus: str) -> str:
    """Return mean and standard deviation; n too, where the rows of a column differ in it."""
    accuracy = column.accuracies.get(name)
    if accuracy is None:
        return NO_VALUE
    mean = number(100 * accuracy.mean, 1)
    text = bold.format(mean) if name in column.best else mean
    text += "" if accuracy.sd is None else plus_minus + number(100 * accuracy.sd, 1)
    return text if column.num_seeds is not None else f"{text} (n = {accuracy.n})"


def _escaped(text: str) -> str:
    return re.sub(r"[\\~^&%$#_{}]", lambda match: _LATEX[match[0]], text)
