"""The finalists of a condition, as a table of the page and as tables/finalists.csv."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.statistics import Estimate
from tune_noise.reporting.wording import (
    NO_VALUE,
    configuration,
    decimals,
    interval,
    interval_name,
    judged,
    objective_name,
    scale,
    selection,
    standard_error,
    unit,
    with_sd,
)
from tune_noise.verdict import ERROR

SELECTED = "selected epoch"
# Three figures of test accuracy, never one: selected, last epochs, and the oracle.
_REPORTED = {
    "test_accuracy_clean": "test accuracy, selected epoch",
    "test_accuracy_clean_last_mean": "test accuracy, mean of last epochs",
    "test_accuracy_clean_best": "test accuracy, best epoch on the test set (oracle)",
    "test_accuracy_clean_ensemble": "test accuracy of the average prediction, selected epoch",
    "train_label_precision": "label precision, selected epoch",
    "train_label_recall": "label recall, selected epoch",
}


@dataclass(frozen=True)
class Cell:
    """One figure of a finalist.

    Attributes:
        label: the column's heading.
        value: mean ± sample standard deviation, as text.
        interval: the 95 % interval, as text; empty where there is none.
        note: anything else, e.g. the standard error of one measurement.
    """

    label: str
    value: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One finalist in a condition's table.

    Attributes:
        rank: `1` is the leader.
        is_winner: whether the verdict names it.
        name: its configuration.
        trial_id: the search trial that it confirms.
        seeds: how many fresh seeds count, of how many.
        is_renamed: whether some seed is flagged.
        cells: a figure per column.
    """

    rank: int
    is_winner: bool
    name: str
    trial_id: str
    seeds: str
    is_renamed: bool
    cells: list[Cell]


def finalist_rows(condition: ConditionSummary) -> list[Row]:
    """The table of a condition's finalists, best first."""
    columns = _columns(condition)
    return [_row(f, rank, condition, columns) for rank, f in enumerate(condition.finalists, 1)]


def _columns(condition: ConditionSummary) -> dict[str, str]:
    """Metric -> heading, of what some finalist has; the objective and its difference lead."""
    objective = condition.config.objective
    reported = {objective: f"{objective_name(objective)}, {SELECTED}"} | _REPORTED
    where = selection(condition.config)
    reported = {name: label.replace(SELECTED, where) for name, label in reported.items()}
    measured = {name for finalist in condition.finalists for name in finalist.metrics}
    return {k: f"{v} ({unit(k)})" for k, v in reported.items() if k in measured}


def _row(
    finalist: Finalist, rank: int, condition: ConditionSummary, columns: dict[str, str]
) -> Row:
    cells = [_cell(finalist, name, label) for name, label in columns.items()]
    cells.insert(1, _difference(finalist, condition))
    return Row(
        rank=rank,
        is_winner=finalist is condition.leader and condition.verdict == "winner",
        name=configuration(finalist.config, condition.config),
        trial_id=finalist.trial_id,
        seeds=f"{len(finalist.counted)} of {len(finalist.trials)}",
        is_renamed=finalist.num_renamed > 0,
        cells=cells,
    )


def _cell(finalist: Finalist, metric: str, label: str) -> Cell:
    found = finalist.metrics.get(metric)
    if found is None:
        return Cell(label, NO_VALUE)
    factor = scale(metric)
    places = decimals(found, factor=factor)
    error = finalist.metrics.get(f"{metric}_se")
    note = "" if error is None else standard_error(error.mean, metric)
    return Cell(label, with_sd(found, metric), interval(found, factor=factor, places=places), note)


def _difference(finalist: Finalist, condition: ConditionSummary) -> Cell:
    """Leader minus this finalist, paired by seed, in the objective, and how it was judged."""
    objective = condition.config.objective
    label = f"leader minus this, paired ({unit(objective)})"
    found = condition.comparison(finalist)
    if found is None or found.n == 0:
        return Cell(label, NO_VALUE)
    notes = [f"n = {found.n}", "separated" if found.is_separated else "tied"]
    if found.level != ERROR:
        notes.insert(1, interval_name(found.level))
    if condition.leader is not None and found.against != condition.leader.trial_id:
        notes.append(f"against {found.against}, then leading")
    return Cell(label, *judged(found, objective), note=", ".join(notes))


def finalists_table(summary: Summary) -> pd.DataFrame:
    """A row per condition, finalist and metric: mean, sample standard deviation, 95 % interval.

    The row `leader_minus_this` is the paired difference in the objective, with the interval by
    which the finalist was judged; `error` is its level, e.g. 0.05. Fractions, nats, flags.
    """
    rows = [row for condition in summary.conditions for row in _plain_rows(condition)]
    names = ("condition", "rank", "is_winner", "trial_id", "configuration", "metric")
    return pd.DataFrame(rows, columns=[*names, "n", "mean", "sd", "low", "high", "error"])


def _plain_rows(condition: ConditionSummary) -> Iterator[dict[str, Any]]:
    for rank, finalist in enumerate(condition.finalists, 1):
        about = {
            "condition": condition.name,
            "rank": rank,
            "is_winner": finalist is condition.leader and condition.verdict == "winner",
            "trial_id": finalist.trial_id,
            "configuration": configuration(finalist.config, condition.config),
        }
        for metric in _columns(condition):
            found = finalist.metrics.get(metric)
            if found is not None:
                yield about | {"metric": metric} | _plain(found) | {"error": ERROR}
        judgement = condition.comparison(finalist)
        if judgement is not None and judgement.n:
            found = Estimate(judgement.n, judgement.mean, judgement.sd, judgement.interval)
            own = {"metric": "leader_minus_this", "error": judgement.level}
            yield about | own | _plain(found)


def _plain(found: Estimate) -> dict[str, Any]:
    low, high = found.ci95 or (None, None)
    return {"n": found.n, "mean": found.mean, "sd": found.sd, "low": low, "high": high}
