"""A comparison of searches in the terminal, readable at 80 columns and in a pipe."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from tune_noise.history.time_left import clock
from tune_noise.reporting.cells import EMPTY, cell, difference_cell
from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.words import as_estimate, leader_in_words, sentence, title
from tune_noise.reporting.terminal import objective_heading, titled_table
from tune_noise.reporting.wording import NO_VALUE


def comparison_tables(comparison: SearchComparison) -> Iterator[Table]:
    """Yield a table per task: the answer, then the leader of each search, best first."""
    for task in comparison.tasks:
        table = titled_table(title(task, comparison.differing), sentence(task))
        table.add_column("search", overflow="fold", min_width=12)
        for heading in (objective_heading(task.objective), "best minus\nthis", "test acc. %"):
            table.add_column(heading, no_wrap=True)
        for heading in ("n", "time"):
            table.add_column(heading, justify="right", no_wrap=True)
        for entry in task.entries:
            table.add_row(*map(Text, _row(entry, task)), end_section=True)
        yield table


def _row(entry: Entry, task: TaskComparison) -> tuple[str, ...]:
    mark = "★ " if task.standing(entry) == "ahead" else ""
    condition = [] if entry.condition.name == "all" else [entry.condition.name]
    against, difference = task.against_of(entry), EMPTY
    if against is not None:
        how = "paired" if against.objective.is_paired else "Welch"
        estimate = as_estimate(against.objective, against.level)
        difference = difference_cell(estimate, task.objective, how)
    return (
        mark + "\n".join([entry.label, *condition, *leader_in_words(entry, task)]),
        str(cell(entry.estimate(task.objective), task.objective)),
        str(difference),
        str(cell(entry.estimate(TEST_ACCURACY), TEST_ACCURACY)),
        NO_VALUE if entry.leader is None else str(len(entry.leader.counted)),
        clock(entry.cost.seconds),
    )
