"""The final tables of a search in the terminal, readable at 80 columns and in a pipe."""

from dataclasses import replace

from rich import box
from rich.table import Table
from rich.text import Text

from tune_noise.config.words import searched_values
from tune_noise.reporting.cells import finalist_cell
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.references import Reference
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.sentences import badge, verdict_sentence
from tune_noise.reporting.wording import objective_name, unit, with_sd

_ACCURACY_HEADINGS = {
    "test_accuracy_clean": "test acc. %\nselected",
    "test_accuracy_clean_last_mean": "test acc. %\nlast epochs",
    "train_label_precision": "label\nprec. %",
}
# Where classes count alike.
_BALANCED_HEADINGS = {
    "test_balanced_accuracy_clean": "balanced test\nacc. %, selected",
    "test_accuracy_clean": "test acc. %\nselected",
}
_MEAN_ONLY = ("train_label_precision",)  # a diagnostic, and 80 characters are soon full


def condition_tables(summary: Summary) -> list[Table]:
    """Return a table per condition: its verdict, its finalists, best first, reference models (·).

    Each figure is mean ± sample standard deviation over the fresh seeds with its 95 % t interval
    below; the objective has, where it is known, the mean standard error of one measurement too.
    """
    tables = [_table(condition) for condition in summary.conditions]
    return tables if summary.config.budget == "trials" else [*tables, _effort_table(summary)]


def _effort_table(summary: Summary) -> Table:
    """Return what each level has used of an equal budget of network-epochs."""
    table = titled_table("network-epochs", "Those of the search are dealt out evenly.")
    for heading in ("stage", summary.config.compare or "method", "trials", "used", "given"):
        table.add_column(heading, justify="left" if table.columns[1:] == [] else "right")
    for effort in summary.search["efforts"]:
        given = "" if effort["budget"] is None else f"{effort['budget']:,.0f}"
        trials = sum(effort["statuses"].values())
        used = f"{effort['network_epochs']:,}"
        table.add_row(effort["stage"], effort["level"], str(trials), used, given)
    return table


def titled_table(title: str, sentence: str) -> Table:
    """Return a table without rows below a title and a sentence.

    Without edges and with single padding the figures of all columns fit into 80 characters.
    """
    heading = Text(f"{title}\n", style="bold")
    heading.append(sentence, style="not bold")
    return Table(
        title=heading,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        min_width=72,  # of the title above a table without rows
    )


def objective_heading(objective: str) -> str:
    """Return a short name of the objective, and below it its unit."""
    name = objective_name(objective).removeprefix("noisy ").replace("validation", "val.")
    return f"{name}\n{unit(objective)}"


def _table(condition: ConditionSummary) -> Table:
    objective, last = condition.config.objective, condition.config.last_epochs
    accuracies = _BALANCED_HEADINGS if "balanced" in objective else _ACCURACY_HEADINGS
    headings = {objective: objective_heading(objective)} | {
        metric: heading
        for metric, heading in accuracies.items()
        if any(metric in finalist.metrics for finalist in condition.finalists)
    }
    table = titled_table(f"{condition.name}: {badge(condition)}", verdict_sentence(condition))
    table.show_header = bool(condition.finalists)
    table.add_column("", no_wrap=True)
    table.add_column("configuration", overflow="fold", min_width=11)
    for heading in headings.values():
        selected = "selected" if last is None else f"last {last}"
        table.add_column(heading.replace("selected", selected), no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for rank, finalist in enumerate(condition.finalists, start=1):
        values = [
            finalist.config.method,
            finalist.config.model,
            *searched_values(finalist.config, condition.config),
        ]
        table.add_row(
            Text("★" if condition.is_winner(finalist) else str(rank)),
            Text("\n".join(values)),
            *(Text(_figure(finalist, metric)) for metric in headings),
            Text(_count(finalist)),
            end_section=True,
        )
    for reference in condition.references:
        if reference.metrics:
            table.add_row(
                Text("·"),
                Text("\n".join(filter(None, [reference.name, *reference.settings.split(", ")]))),
                *(Text(_figure(reference, metric)) for metric in headings),
                Text(str(len(reference.history.metrics))),
            )
    return table


def _figure(finalist: Finalist | Reference, metric: str) -> str:
    estimate = finalist.metrics.get(metric)
    if estimate is not None and metric in _MEAN_ONLY:
        return with_sd(replace(estimate, sd=None), metric)
    return str(finalist_cell(finalist, metric))


def _count(finalist: Finalist) -> str:
    """Return the seeds counted; `4/5` where one of five gave no result."""
    counted, total = len(finalist.counted), len(finalist.trials)
    return str(counted) if counted == total else f"{counted}/{total}"
