"""The classes of one condition on the page: who is lost, and to whom."""

from dataclasses import dataclass
from typing import Any

from tune_noise.reporting.cells import EMPTY, Cell
from tune_noise.reporting.figures.classes import LABELS
from tune_noise.reporting.findings.classes import MAX_SHOWN, ClassRecall, ClassRecalls, LabelKind
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.wording import NO_VALUE, number

_HEADINGS: dict[LabelKind, list[str]] = {
    "true": ["test examples", "recall (%)", "mostly predicted instead"],
    "noisy": ["noisy validation labels", "agreement (%)", "mostly predicted instead of the label"],
}


@dataclass(frozen=True)
class ClassesSection:
    """The content of the section.

    Attributes:
        source: whose predictions, and what the figures mean.
        caption: of the table.
        headings: of its columns.
        rows: each with the name of the class and its cells.
    """

    source: str
    caption: str
    headings: list[str]
    rows: list[dict[str, Any]]


def classes_section(condition: ConditionSummary) -> ClassesSection | None:
    """Return what becomes of each class with the leader; None where nothing is known of it."""
    recalls = condition.recalls
    if not recalls:
        return None
    first = next(iter(recalls.values()))
    by_name = {kind: {c.name: c for c in of.classes} for kind, of in recalls.items()}
    rows = [
        {
            "name": recall.name,
            "is_lost": recall.name in condition.lost_classes,
            "cells": [cell for of in by_name.values() for cell in _cells(of.get(recall.name))],
        }
        for recall in first.classes[:MAX_SHOWN]
    ]
    return ClassesSection(
        source=_source(recalls, condition),
        caption=_caption(first),
        headings=["class", *(heading for kind in recalls for heading in _HEADINGS[kind])],
        rows=rows,
    )


def _cells(recall: ClassRecall | None) -> list[Cell]:
    if recall is None:
        return [EMPTY] * 3
    low, high = number(100 * recall.low, 1), number(100 * recall.high, 1)
    instead = f"{recall.instead} ({100 * recall.instead_share:.1f} %)"
    return [
        Cell(f"{recall.examples:,.0f}"),
        Cell(number(100 * recall.recall, 1), (f"[{low}, {high}]",)),
        Cell(NO_VALUE if recall.instead is None else instead),
    ]


def _source(recalls: dict[LabelKind, ClassRecalls], condition: ConditionSummary) -> str:
    means = [f"{100 * of.balanced:.1f} % by the {LABELS[kind]}" for kind, of in recalls.items()]
    epoch = "selected" if condition.config.last_epochs is None else "last"
    seeds = max(of.num_seeds for of in recalls.values())
    return (
        f"The leader's predictions at the {epoch} epoch of {seeds} fresh seed"
        f"{'' if seeds == 1 else 's'}, as means over them; the mean over the classes is "
        f"{' and '.join(means)}. Intervals are of 95 % (Wilson's): the seeds share their images, "
        "which count once; how far the seeds differ comes on top. A class agrees less with "
        "noisy labels the more of its labels are wrong, so a low agreement alone does not show "
        "that it is lost. Test labels chose nothing."
    )


def _caption(recalls: ClassRecalls) -> str:
    left_out = len(recalls.classes) - MAX_SHOWN
    if left_out <= 0:
        return "All classes, the lowest recall first."
    return (
        f"The {MAX_SHOWN} classes of lowest recall; {left_out:,} more are left out here and are in "
        "tables/classes.csv."
    )
