"""The figure of a comparison: each leader's objective and test accuracy with its interval."""

from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.words import title
from tune_noise.reporting.figures.palette import colour, marker
from tune_noise.reporting.wording import objective_name, scale, shown_ends, unit, with_interval

_WIDTH_INCHES = 8.4
_ROW_INCHES = 0.36
_HEAD_INCHES = 0.95
_TITLE_CHARACTERS = 90
CAPTION = (
    "The leader of each search: mean over its fresh seeds with its 95 % interval. Rows of one "
    "panel are the same task; figures of different panels may not be compared. Overlapping "
    "intervals do not say that two are alike: see the differences."
)


def comparison_figure(comparison: SearchComparison) -> tuple[Figure, str, str] | None:
    """Draw two panels per task, the objective and the test accuracy; a row per search.

    Returns:
        Figure, alternative text and caption; None where no condition has begun.
    """
    if not comparison.tasks:
        return None
    sizes = [len(task.entries) for task in comparison.tasks]
    height = sum(_HEAD_INCHES + _ROW_INCHES * size for size in sizes)
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    parts = figure.subfigures(len(sizes), 1, squeeze=False, height_ratios=[1 + n for n in sizes])
    for task, part in zip(comparison.tasks, parts[:, 0], strict=True):
        words = fill(title(task, comparison.differing), _TITLE_CHARACTERS)
        part.suptitle(words, x=0.01, horizontalalignment="left", fontsize=10)
        left, right = part.subplots(1, 2)
        _panel(left, task, task.objective, objective_name(task.objective))
        _panel(right, task, TEST_ACCURACY, "test accuracy")
        left.set_yticks(range(len(task.entries)), [_label(entry) for entry in task.entries])
        right.set_yticks(range(len(task.entries)), [""] * len(task.entries))
    return figure, _alt(comparison), CAPTION


def _label(entry: Entry) -> str:
    return entry.label if len(entry.condition.config.all_conditions) == 1 else entry.name


def _panel(axes: Axes, task: TaskComparison, metric: str, name: str) -> None:
    factor = scale(metric)
    axes.set_ylim(len(task.entries) - 0.5, -0.5)
    axes.set_xlabel(f"{name} ({unit(metric)})")
    for row, entry in enumerate(task.entries):
        estimate, leader = entry.estimate(metric), entry.leader
        if estimate is None or leader is None:
            continue
        shade = colour(leader.config.method)
        low, high = shown_ends(estimate, metric) or (estimate.mean, estimate.mean)
        axes.plot([low * factor, high * factor], [row, row], color=shade)
        axes.plot(estimate.mean * factor, row, marker(leader.config.model), color=shade)


def _alt(comparison: SearchComparison) -> str:
    parts = []
    for task in comparison.tasks:
        rows = []
        for entry in task.entries:
            objective, tested = (entry.estimate(m) for m in (task.objective, TEST_ACCURACY))
            if objective is None:
                continue
            text = f"{entry.name} {with_interval(objective, task.objective)}"
            if tested is not None:
                text += f", test accuracy {with_interval(tested, TEST_ACCURACY)}"
            rows.append(text)
        parts.append(f"{title(task, comparison.differing)}: {'; '.join(rows) or 'no leader yet'}")
    return ". ".join(parts)
