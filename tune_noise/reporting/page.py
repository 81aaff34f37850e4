"""report.html: one self-contained page, the answer first."""

import base64
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tune_noise.history import History
from tune_noise.reporting.contact_sheet import Sheet
from tune_noise.reporting.criteria import Choice, choices
from tune_noise.reporting.effort import efforts
from tune_noise.reporting.figures import Drawing, Drawings
from tune_noise.reporting.finalists import Finalist
from tune_noise.reporting.noise_section import noise_section
from tune_noise.reporting.sentences import (
    RENAMED_MEANING,
    badge,
    objective_meaning,
    place,
    trial_objective,
    verdict_sentence,
)
from tune_noise.reporting.summary import ConditionSummary, Summary
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

RUN_AGAIN = "python -m tune_noise.search --space search.yaml"
TEMPLATE = "report.html.j2"
STATUSES = ("completed", "stopped", "diverged", "failed", "running")
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


def render_page(
    history: History, summary: Summary, drawings: Drawings, sheets: Sequence[Sheet]
) -> str:
    """The page as HTML; it holds its figures and asks the network for nothing.

    Args:
        history: the search.
        summary: its verdicts.
        drawings: its figures.
        sheets: the suspicious images of its conditions.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        search=summary.search,
        config=summary.config,
        is_finished=history.finished,
        conditions=[_section(each, drawings) for each in summary.conditions],
        accuracy=_image(drawings.accuracy),
        sheets=sheets,
        efforts=efforts(history),
        statuses=STATUSES,
        objective_meaning=objective_meaning(summary.config.objective),
        renamed_meaning=RENAMED_MEANING,
        versions=summary.search["versions"] or {"python": platform.python_version()},
        command=f"{RUN_AGAIN} --name {summary.config.name}-again",
    )


def _section(condition: ConditionSummary, drawings: Drawings) -> dict[str, Any]:
    """What the template shows of one condition."""
    columns = _columns(condition)
    rows = [_row(f, rank, condition, columns) for rank, f in enumerate(condition.finalists, 1)]
    best = condition.best_search_trial
    rate = condition.realised_noise_rate
    return {
        "name": condition.name,
        "place": place(condition),
        "badge": badge(condition),
        "sentence": verdict_sentence(condition),
        "rows": rows,
        "curves": _image(drawings.curves.get(condition.name)),
        "noise": noise_section(condition),
        "transition": _image(drawings.transitions.get(condition.name)),
        "num_search_trials": len(condition.search_trials),
        "choices": [_choice(choice, condition) for choice in choices(condition.search_trials)],
        "noise_rate": None if rate is None else f"{100 * rate:.1f} %",
        "best": None
        if best is None
        else f"{configuration(best.config, condition.config)}, {trial_objective(best)}",
    }


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


def _choice(choice: Choice, condition: ConditionSummary) -> dict[str, str]:
    """A row of the table of criteria."""
    tested = choice.test_accuracy
    name = "test accuracy itself (oracle)" if choice.is_oracle else choice.criterion
    return {
        "criterion": name,
        "configuration": configuration(choice.trial.config, condition.config),
        "epoch": f"{choice.epoch['epoch']:.0f} of {choice.trial.num_epochs}",
        "accuracy": NO_VALUE if tested is None else f"{100 * tested:.1f} %",
    }


def _image(drawing: Drawing | None) -> dict[str, str] | None:
    """The drawing as a data URL, with its texts."""
    if drawing is None:
        return None
    data = base64.b64encode(drawing.svg).decode()
    url = f"data:image/svg+xml;base64,{data}"
    return {"url": url, "alt": drawing.alt, "caption": drawing.caption}
