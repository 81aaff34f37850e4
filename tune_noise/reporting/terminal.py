"""The final tables of a search in the terminal, readable at 80 columns and in a pipe."""

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.sentences import badge, verdict_sentence
from tune_noise.reporting.wording import (
    NO_VALUE,
    decimals,
    interval,
    number,
    objective_name,
    scale,
    searched_values,
    standard_error,
    unit,
    with_sd,
)

ACCURACY_COLUMNS = {
    "test_accuracy_clean": "test acc. %\nselected",
    "test_accuracy_clean_last_mean": "test acc. %\nlast epochs",
    "train_label_precision": "label\nprec. %",
}
MEAN_ONLY = ("train_label_precision",)  # a diagnostic, and 80 characters are soon full
# Without edges and with single padding the figures of all columns fit into 80 characters.
_FRAME: dict[str, Any] = {
    "box": box.SIMPLE_HEAD,
    "show_edge": False,
    "pad_edge": False,
    "collapse_padding": True,
    "min_width": 72,  # of the title above a table without rows
}


def condition_tables(summary: Summary) -> list[Table]:
    """A table per condition: its verdict, then its finalists, best first.

    Each figure is mean ± sample standard deviation over the fresh seeds with its 95 % t interval
    below; the objective has, where it is known, the mean standard error of one measurement too.
    """
    return [_table(condition) for condition in summary.conditions]


def _table(condition: ConditionSummary) -> Table:
    title = Text(f"{condition.name}: {badge(condition)}\n", style="bold")
    title.append(verdict_sentence(condition), style="not bold")
    objective = condition.config.objective
    shown = [name for name in ACCURACY_COLUMNS if _is_measured(name, condition)]
    table = Table(title=title, title_justify="left", title_style="", **_FRAME)
    table.show_header = bool(condition.finalists)
    table.add_column("", no_wrap=True)
    table.add_column("configuration", overflow="fold", min_width=11)
    last = condition.config.last_epochs
    for heading in (f"{_short(objective)}\n{unit(objective)}", *map(ACCURACY_COLUMNS.get, shown)):
        named = heading or ""
        if last is not None:
            named = named.replace("selected", f"last {last}")
        table.add_column(named, no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for rank, finalist in enumerate(condition.finalists, start=1):
        table.add_row(*_row(finalist, rank, condition, shown), end_section=True)
    return table


def _row(
    finalist: Finalist, rank: int, condition: ConditionSummary, shown: list[str]
) -> list[Text]:
    is_winner = finalist is condition.leader and condition.verdict == "winner"
    config = finalist.config
    values = [config.method, config.model, *searched_values(config, condition.config)]
    return [
        Text("★" if is_winner else str(rank)),
        Text("\n".join(values)),
        Text(_cell(finalist, config.objective)),
        *(Text(_cell(finalist, name)) for name in shown),
        Text(_count(finalist)),
    ]


def _cell(finalist: Finalist, metric: str) -> str:
    """Mean ± sd, its interval below, then the standard error of one measurement."""
    found = finalist.metrics.get(metric)
    if found is None:
        return NO_VALUE
    factor = scale(metric)
    places = decimals(found, factor=factor)
    if metric in MEAN_ONLY:
        return number(found.mean * factor, places)
    lines = [with_sd(found, metric), interval(found, factor=factor, places=places)]
    error = finalist.metrics.get(f"{metric}_se")
    if error is not None:
        lines.append(standard_error(error.mean, metric))
    return "\n".join(line for line in lines if line)


def _count(finalist: Finalist) -> str:
    """Seeds counted; `4/5` where one of five gave no result."""
    counted, total = len(finalist.counted), len(finalist.trials)
    return str(counted) if counted == total else f"{counted}/{total}"


def _is_measured(metric: str, condition: ConditionSummary) -> bool:
    return any(metric in finalist.metrics for finalist in condition.finalists)


def _short(objective: str) -> str:
    return objective_name(objective).removeprefix("noisy ").replace("validation", "val.")
