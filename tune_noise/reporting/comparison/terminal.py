"""A comparison of searches in the terminal, readable at 80 columns and in a pipe."""

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from tune_noise.history.time_left import clock
from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.words import leader_in_words, sentence, shown_difference, title
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import (
    NO_VALUE,
    decimals,
    interval,
    objective_name,
    scale,
    unit,
    with_sd,
)


def comparison_tables(found: SearchComparison) -> Iterator[Table]:
    """A table per task: the answer, then the leader of each search, best first."""
    for task in found.tasks:
        yield _table(task, found)


def _table(task: TaskComparison, found: SearchComparison) -> Table:
    heading = Text(f"{title(task, found.differing)}\n", style="bold")
    heading.append(sentence(task), style="not bold")
    table = Table(
        title=heading,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        min_width=72,
    )
    name = objective_name(task.objective).removeprefix("noisy ").replace("validation", "val.")
    table.add_column("search", overflow="fold", min_width=12)
    table.add_column(f"{name}\n{unit(task.objective)}", no_wrap=True)
    table.add_column("best minus\nthis", no_wrap=True)
    table.add_column("test acc. %", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for entry in task.entries:
        table.add_row(*_row(entry, task), end_section=True)
    return table


def _row(entry: Entry, task: TaskComparison) -> list[Text]:
    lines = [entry.label]
    if entry.condition.name != "all":
        lines.append(entry.condition.name)
    lines += leader_in_words(entry, task)
    mark = "★ " if task.standing(entry) == "ahead" else ""
    return [
        Text(mark + "\n".join(lines)),
        Text(_figures(entry.estimate(task.objective), task.objective)),
        Text(_difference(entry, task)),
        Text(_figures(entry.estimate(TEST_ACCURACY), TEST_ACCURACY)),
        Text(NO_VALUE if entry.leader is None else str(len(entry.leader.counted))),
        Text(clock(entry.cost.seconds)),
    ]


def _figures(found: Estimate | None, metric: str) -> str:
    if found is None:
        return NO_VALUE
    factor = scale(metric)
    places = decimals(found, factor=factor)
    shown = (with_sd(found, metric), interval(found, factor=factor, places=places))
    return "\n".join(filter(None, shown))


def _difference(entry: Entry, task: TaskComparison) -> str:
    against = next((each for each in task.against if each.entry is entry), None)
    if against is None:
        return NO_VALUE
    shown = shown_difference(against.objective, task.objective, against.level)
    how = "paired" if against.objective.is_paired else "Welch"
    return "\n".join(filter(None, (*shown, how)))
