"""The page that compares several searches, its figure and its tables."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tune_noise.reporting.comparison.compare import (
    TEST_ACCURACY,
    Entry,
    SearchComparison,
    TaskComparison,
)
from tune_noise.reporting.comparison.data import differences_table, entries_table
from tune_noise.reporting.comparison.figure import comparison_figure
from tune_noise.reporting.comparison.words import (
    cost_in_words,
    leader_in_words,
    manner,
    notes,
    overview,
    sentence,
    shown_difference,
    title,
)
from tune_noise.reporting.figures.draw import Drawing, draw_one
from tune_noise.reporting.page.templates import fill
from tune_noise.reporting.wording import (
    NO_VALUE,
    decimals,
    interval,
    objective_name,
    scale,
    unit,
    with_sd,
)
from tune_noise.system.files import replace_file
from tune_noise.verdict import ERROR
from tune_noise.verdict.two_samples import Difference

TEMPLATE = "comparison.html.j2"


@dataclass(frozen=True)
class Cell:
    """One figure of an entry.

    Attributes:
        label: the column's heading.
        value: as text.
        lines: what stands below it.
    """

    label: str
    value: str
    lines: tuple[str, ...] = ()


def write_comparison(found: SearchComparison, page: Path) -> None:
    """Write the page, and beside it the tables as CSV and the figure as PNG and SVG.

    Args:
        found: the comparison.
        page: ends in .html; the other files have its name with other endings.

    Raises:
        OSError: the folder cannot be written.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    drawing = draw_one("comparison", lambda: comparison_figure(found)) if found.tasks else None
    if drawing is not None:
        replace_file(page.with_suffix(".png"), drawing.png)
        replace_file(page.with_suffix(".svg"), drawing.svg)
    replace_file(page.with_suffix(".csv"), _csv(entries_table(found)))
    beside = page.with_name(f"{page.stem}_differences.csv")
    replace_file(beside, _csv(differences_table(found)))
    replace_file(page, render_comparison(found, drawing, stem=page.stem).encode())


def render_comparison(found: SearchComparison, drawing: Drawing | None, *, stem: str) -> str:
    """The page as HTML; it holds its figure and asks the network for nothing.

    Args:
        found: the comparison.
        drawing: its figure; None where there is nothing to draw.
        stem: of the names of the files beside it.
    """
    return fill(
        TEMPLATE,
        heading=f"{len(found.searches)} searches compared",
        overview=overview(found),
        tasks=[_section(task, found) for task in found.tasks],
        image=None if drawing is None else _image(drawing),
        notes=list(notes(found)),
        stem=stem,
    )


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _image(drawing: Drawing) -> dict[str, str]:
    data = base64.b64encode(drawing.svg).decode()
    url = f"data:image/svg+xml;base64,{data}"
    return {"url": url, "alt": drawing.alt, "caption": drawing.caption}


def _section(task: TaskComparison, found: SearchComparison) -> dict[str, Any]:
    return {
        "title": title(task, found.differing),
        "sentence": sentence(task),
        "rows": [_row(entry, task) for entry in task.entries],
    }


def _row(entry: Entry, task: TaskComparison) -> dict[str, Any]:
    return {
        "name": entry.name,
        "standing": task.standing(entry),
        "configuration": ", ".join(leader_in_words(entry, task)),
        "cells": list(_cells(entry, task)),
    }


def _cells(entry: Entry, task: TaskComparison) -> Iterator[Cell]:
    against = next((each for each in task.against if each.entry is entry), None)
    objective = task.objective
    yield _figure(entry, objective, objective_name(objective))
    label = f"difference ({unit(objective)})"
    if against is None:
        yield Cell(label, NO_VALUE)
    else:
        yield _difference(label, against.objective, objective, against.level)
    yield _figure(entry, TEST_ACCURACY, "test accuracy")
    label = "its difference (points)"
    if against is None or against.test_accuracy is None:
        yield Cell(label, NO_VALUE)
    else:
        yield _difference(label, against.test_accuracy, TEST_ACCURACY, ERROR)
    seeds = 0 if entry.leader is None else len(entry.leader.counted)
    verdict = entry.condition.verdict or "no verdict"
    finalists = f"best of {len(entry.condition.finalists)} finalists"
    yield Cell("fresh seeds", str(seeds), (finalists, f"in its search: {verdict}"))
    trials, spent = cost_in_words(entry)
    yield Cell("cost", trials, tuple(spent.split(", ")))


def _figure(entry: Entry, metric: str, name: str) -> Cell:
    found, label = entry.estimate(metric), f"{name} ({unit(metric)})"
    if found is None:
        return Cell(label, NO_VALUE)
    factor = scale(metric)
    ends = interval(found, factor=factor, places=decimals(found, factor=factor))
    return Cell(label, with_sd(found, metric), (ends,) if ends else ())


def _difference(label: str, found: Difference, metric: str, level: float) -> Cell:
    mean, ends = shown_difference(found, metric, level)
    return Cell(label, mean, tuple(filter(None, (ends, manner(found, level)))))
