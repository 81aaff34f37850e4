"""The page that compares several searches, its figure and its tables."""

from pathlib import Path
from typing import Any

from tune_noise.reporting.cells import EMPTY, Cell, cell, difference_cell
from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.figure import comparison_figure
from tune_noise.reporting.comparison.words import (
    as_estimate,
    cost_in_words,
    leader_in_words,
    manner,
    notes,
    overview,
    sentence,
    title,
)
from tune_noise.reporting.figures.draw import Drawing, draw_one
from tune_noise.reporting.page.templates import fill
from tune_noise.reporting.tables import differences_table, entries_table
from tune_noise.reporting.wording import objective_name, unit
from tune_noise.system.files import replace_file
from tune_noise.verdict import ERROR

TEMPLATE = "comparison.html.j2"


def write_comparison(comparison: SearchComparison, page: Path) -> None:
    """Write the page, and beside it the tables as CSV and the figure as PNG and SVG.

    Args:
        comparison: the comparison.
        page: ends in .html; the other files have its name with other endings.

    Raises:
        OSError: the folder cannot be written.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    drawing = draw_one("comparison", lambda: comparison_figure(comparison))
    if drawing is not None:
        replace_file(page.with_suffix(".png"), drawing.png)
        replace_file(page.with_suffix(".svg"), drawing.svg)
    replace_file(page.with_suffix(".csv"), entries_table(comparison).csv())
    beside = page.with_name(f"{page.stem}_differences.csv")
    replace_file(beside, differences_table(comparison).csv())
    replace_file(page, render_comparison(comparison, drawing, stem=page.stem).encode())


def render_comparison(comparison: SearchComparison, drawing: Drawing | None, *, stem: str) -> str:
    """Return the page as HTML; it holds its figure and asks the network for nothing.

    Args:
        comparison: the comparison.
        drawing: its figure; None where there is nothing to draw.
        stem: of the names of the files beside it.
    """
    return fill(
        TEMPLATE,
        heading=f"{len(comparison.searches)} searches compared",
        overview=overview(comparison),
        tasks=[_section(task, comparison) for task in comparison.tasks],
        drawing=drawing,
        notes=list(notes(comparison)),
        stem=stem,
    )


def _section(task: TaskComparison, comparison: SearchComparison) -> dict[str, Any]:
    objective = task.objective
    return {
        "title": title(task, comparison.differing),
        "sentence": sentence(task),
        "headings": [
            "search and leader",
            f"{objective_name(objective)} ({unit(objective)})",
            f"difference ({unit(objective)})",
            f"test accuracy ({unit(TEST_ACCURACY)})",
            "its difference (points)",
            "fresh seeds",
            "cost",
        ],
        "rows": [
            {
                "name": entry.name,
                "standing": task.standing(entry),
                "configuration": ", ".join(leader_in_words(entry, task)),
                "cells": _cells(entry, task),
            }
            for entry in task.entries
        ],
    }


def _cells(entry: Entry, task: TaskComparison) -> list[Cell]:
    against = task.against_of(entry)
    objective = accuracy = EMPTY
    if against is not None:
        how = manner(against.objective, against.level)
        estimate = as_estimate(against.objective, against.level)
        objective = difference_cell(estimate, task.objective, how)
        if against.test_accuracy is not None:
            estimate = as_estimate(against.test_accuracy, ERROR)
            how = manner(against.test_accuracy, ERROR)
            accuracy = difference_cell(estimate, TEST_ACCURACY, how)
    verdict = f"in its search: {entry.condition.verdict or 'no verdict'}"
    finalists = f"best of {len(entry.condition.finalists)} finalists"
    seeds = 0 if entry.leader is None else len(entry.leader.counted)
    trials, spent = cost_in_words(entry)
    return [
        cell(entry.estimate(task.objective), task.objective),
        objective,
        cell(entry.estimate(TEST_ACCURACY), TEST_ACCURACY),
        accuracy,
        Cell(str(seeds), (finalists, verdict)),
        Cell(trials, tuple(spent.split(", "))),
    ]
