"""Every table of a search and of a comparison, as it is written to CSV.

A table is made of plain values and written by the standard library: a report needs no data frame,
and starts sooner without one.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from tune_noise.config.metric_names import METRICS
from tune_noise.config.trial import trial_fields
from tune_noise.config.words import class_name, configuration
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record.folder import (
    ANNOTATORS_FILE,
    CLASSES_FILE,
    CONFUSION_FILE,
    CRITERIA_FILE,
    EPOCHS_FILE,
    TABLES,
    TRANSITION_FILE,
    TRIALS_FILE,
)
from tune_noise.reporting.comparison.compare import SearchComparison
from tune_noise.reporting.comparison.data import differences, entry_values
from tune_noise.reporting.findings.annotators import Annotator, annotators_of
from tune_noise.reporting.findings.classes import (
    KINDS,
    ClassRecall,
    ClassRecalls,
    class_recalls,
)
from tune_noise.reporting.findings.criteria import ORACLE, choices
from tune_noise.reporting.findings.effort import STATES, efforts
from tune_noise.reporting.findings.finalists import reported_metrics
from tune_noise.reporting.findings.importance import Share
from tune_noise.reporting.findings.knowledge import Fact, knowledge
from tune_noise.reporting.findings.noise_estimate import MatrixEstimate, noise_estimate
from tune_noise.reporting.findings.references import Reference
from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.findings.trial_metrics import NOT_METRICS, trial_metrics
from tune_noise.reporting.statistics import Estimate, judged
from tune_noise.verdict import ERROR

ID_COLUMNS = ("trial_id", "stage", "condition", "finalist")
OUTCOME_COLUMNS = (
    *("status", "stop_reason", "epochs", "selected_epoch", "realised_noise_rate", "seconds"),
)
EFFORT_COLUMNS = (
    *("condition", "stage", "level", "trials", *STATES),
    *("epochs", "network_epochs", "seconds", "share", "budget"),
)
FINALIST_COLUMNS = (
    *("condition", "rank", "is_winner", "trial_id", "configuration", "metric"),
    *("n", "mean", "sd", "low", "high", "error"),
)
REFERENCE_COLUMNS = (
    *("condition", "reference", "settings", "examples", "available_examples", "problem"),
    *("metric", "n", "mean", "sd", "low", "high", "error", "no_network_is_better"),
)
IMPORTANCE_COLUMNS = (
    *("condition", "field", "trials", "importance", "low", "high"),
    *("explained", "explained_low", "explained_high"),
)
TRANSITION_COLUMNS = (
    *("condition", "finalist", "true_class", "noisy_label"),
    *("estimate", "low", "high", "truth"),
)
CLASS_COLUMNS = ("condition", "finalist", "labels")
# With more classes, transition.csv has only the cells in which estimate or truth is above 0.
MAX_WHOLE_CLASSES = 100

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of plain values.

    Attributes:
        columns: names of the columns, in the order of the file.
        rows: column -> value; a column that a row lacks is empty there.
    """

    columns: list[str]
    rows: list[Row]

    def csv(self) -> bytes:
        """Return the table as a CSV file; a cell of None or NaN is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            cells = map(row.get, self.columns)
            # NaN is unlike itself.
            writer.writerow(cell if cell == cell else None for cell in cells)
        return text.getvalue().encode()


def search_tables(history: History, summary: Summary) -> dict[str, Table]:
    """Return every table of a search by the path of its file within the folder of the search."""
    # Those of what not every search has.
    further = {
        ANNOTATORS_FILE: annotators_table(summary),
        f"{TABLES}/references.csv": references_table(summary),
    }
    return {
        TRIALS_FILE: trials_table(history),
        EPOCHS_FILE: epochs_table(history),
        CRITERIA_FILE: criteria_table(history),
        TRANSITION_FILE: transition_table(summary),
        CLASSES_FILE: classes_table(summary),
        CONFUSION_FILE: confusion_table(summary),
        f"{TABLES}/finalists.csv": finalists_table(summary),
        f"{TABLES}/importance.csv": importance_table(summary),
        f"{TABLES}/effort.csv": effort_table(history),
        f"{TABLES}/knowledge.csv": knowledge_table(history),
    } | {name: table for name, table in further.items() if table.rows}


def _config_columns() -> dict[str, str]:
    """Return field of a trial -> its column; also the fields of a user's own that are loaded."""
    # `epochs` of a trial is how many it trained; how many it was given is `max_epochs`.
    return {name: name for name in trial_fields()} | {"epochs": "max_epochs"}


def trials_table(history: History) -> Table:
    """Return a row per trial, confirmation included, in the order of asking.

    The columns are those of `ID_COLUMNS`, the fields of TrialConfig, those of `OUTCOME_COLUMNS`,
    then the metrics that some trial has. Accuracies are fractions, times are seconds.
    """
    metrics = [trial_metrics(trial) for trial in history.trials.values()]
    columns = [*ID_COLUMNS, *_config_columns().values(), *OUTCOME_COLUMNS]
    columns += _in_order({name for values in metrics for name in values})
    trials = zip(history.trials.values(), metrics, strict=True)
    return Table(columns, [_trial_row(trial) | values for trial, values in trials])


def epochs_table(history: History) -> Table:
    """Return a row per finished epoch: `trial_id`, `epoch` (from 1), `seconds`, every metric."""
    names = {name for trial in history.trials.values() for epoch in trial.epochs for name in epoch}
    columns = ["trial_id", *NOT_METRICS, *_in_order(names - set(NOT_METRICS))]
    rows = [
        {"trial_id": trial.trial_id} | epoch
        for trial in history.trials.values()
        for epoch in trial.epochs
    ]
    return Table(columns, rows)


def criteria_table(history: History) -> Table:
    """Return a row per condition and criterion: the chosen trial and epoch, and how it tests."""
    rows = [
        {
            "condition": condition.name,
            "criterion": choice.criterion,
            "trial_id": choice.trial.trial_id,
            "epoch": choice.epoch["epoch"],
            "value": choice.epoch[choice.criterion],
            ORACLE: choice.test_accuracy,
        }
        for condition in history.config.all_conditions
        for choice in choices(history.of(condition=condition.name, stage="search"))
    ]
    return Table(["condition", "criterion", "trial_id", "epoch", "value", ORACLE], rows)


def transition_table(summary: Summary) -> Table:
    """Return a row per cell of each finalist's noise transition matrix.

    Estimate and 95 % interval are shares. They are empty in the row of a class that is never
    predicted, and `truth` is empty where it is not known. The truth is measured on the training
    labels of the finalist's seeds.
    """
    rows = [
        {"condition": condition.name, "finalist": finalist.trial_id} | cell
        for condition in summary.conditions
        for finalist in condition.scored
        if (matrix := noise_estimate(finalist).matrix) is not None
        for cell in _matrix_cells(matrix, condition)
    ]
    return Table(list(TRANSITION_COLUMNS), rows)


def classes_table(summary: Summary) -> Table:
    """Return a row per finalist, kind of label and class, the lowest recall first.

    `labels` is `true` for the labels of the test set and `noisy` for those of validation. Counts
    are means over the seeds; see `ClassRecall`.
    """
    rows = [
        about | asdict(recall)
        for about, recalls, _ in _finalist_classes(summary)
        for recall in recalls.classes
    ]
    return Table([*CLASS_COLUMNS, *(f.name for f in fields(ClassRecall))], rows)


def confusion_table(summary: Summary) -> Table:
    """Return a row per finalist, kind of label and cell in which something is.

    `images` is the mean over the seeds, `share` of the images of that label.
    """
    rows = [
        about
        | {
            "label": class_name(label, names),
            "predicted": class_name(predicted, names),
            "images": count,
            "share": count / images,
        }
        for about, recalls, names in _finalist_classes(summary)
        for label, predicted, count, images in zip(
            recalls.confusion.rows.tolist(),
            recalls.confusion.columns.tolist(),
            recalls.confusion.counts.tolist(),
            recalls.confusion.images[recalls.confusion.rows].tolist(),
            strict=True,
        )
    ]
    return Table([*CLASS_COLUMNS, "label", "predicted", "images", "share"], rows)


def finalists_table(summary: Summary) -> Table:
    """Return a row per condition, finalist and metric: mean, sample sd, 95 % interval.

    The row `leader_minus_this` is the paired difference in the objective, with the interval by
    which the finalist was judged; `error` is its level, e.g. 0.05. Fractions, nats, flags.
    """
    rows = [row for condition in summary.conditions for row in _finalist_rows(condition)]
    return Table(list(FINALIST_COLUMNS), rows)


def references_table(summary: Summary) -> Table:
    """Return a row per condition, reference model and metric, as `finalists_table` does.

    One that could not be trained has one row, which says why.
    """
    rows = [
        row
        for condition in summary.conditions
        for reference in condition.references
        for row in _reference_rows(reference, condition)
    ]
    return Table(list(REFERENCE_COLUMNS), rows)


def importance_table(summary: Summary) -> Table:
    """Return a row per condition and searched field; empty where the trials cannot tell."""
    rows = [
        (
            condition.name,
            i.field,
            i.num_trials,
            *_share_values(i.share),
            *_share_values(i.explained),
        )
        for condition in summary.conditions
        for i in condition.importances
    ]
    named = [dict(zip(IMPORTANCE_COLUMNS, row, strict=True)) for row in rows]
    return Table(list(IMPORTANCE_COLUMNS), named)


def effort_table(history: History) -> Table:
    """Return a row per condition, stage and level; `share` is of the stage in the condition."""
    rows = [
        {"condition": condition.name, "trials": effort.num_trials}
        | dict.fromkeys(STATES, 0)
        | effort.statuses
        | asdict(effort)
        for condition in history.config.all_conditions
        for effort in efforts(history, condition=condition.name)
    ]
    return Table(list(EFFORT_COLUMNS), rows)


def annotators_table(summary: Summary) -> Table:
    """Return a row per condition and annotator; shares are fractions, see `Annotator`."""
    rows = [
        {"condition": condition.name} | asdict(annotator)
        for condition in summary.conditions
        for annotator in annotators_of(condition)
    ]
    return Table(["condition", *(f.name for f in fields(Annotator))], rows)


def knowledge_table(history: History) -> Table:
    """Return a row per fact that training or search might have known."""
    return Table([f.name for f in fields(Fact)], [asdict(fact) for fact in knowledge(history)])


def entries_table(comparison: SearchComparison) -> Table:
    """Return a row per condition of a compared search; `task` counts the tasks from 1."""
    rows: list[Row] = []
    for number, task in enumerate(comparison.tasks, start=1):
        for entry in task.entries:
            values = entry_values(entry, task)
            del values["config"], values["factors"]
            rows.append({"task": number, "objective_name": task.objective} | values)
    return Table(list(rows[0]) if rows else [], rows)


def differences_table(comparison: SearchComparison) -> Table:
    """Return a row per difference: the best leader of a task minus another one."""
    columns = ["task", "metric", "best", "other", "method", "n_best", "n_other", "mean"]
    columns += ["low", "high", "label_error", "level", "is_separated"]
    rows = [
        {"task": number} | difference
        for number, task in enumerate(comparison.tasks, start=1)
        for difference in differences(task)
    ]
    return Table(columns, rows)


def _trial_row(trial: TrialHistory) -> Row:
    config = trial.config.model_dump()
    selected = trial.selected
    return {
        "trial_id": trial.trial_id,
        "stage": trial.stage,
        "condition": trial.condition,
        "finalist": trial.finalist,
        **{column: config.get(name) for name, column in _config_columns().items()},
        "status": trial.state,
        "stop_reason": trial.stop_reason,
        "epochs": trial.num_epochs,
        "selected_epoch": None if selected is None else int(selected["epoch"]),
        "realised_noise_rate": trial.facts.get("realised_noise_rate"),
        "seconds": trial.seconds if trial.epochs else None,
    }


def _in_order(names: set[str]) -> list[str]:
    """Sort metrics as `METRICS` lists them, each before its suffixed forms; unknown ones last."""
    places = {name: place for place, name in enumerate(METRICS)}

    def key(name: str) -> tuple[int, int, str]:
        bases = [base for base in places if name == base or name.startswith(f"{base}_")]
        base = max(bases, key=len, default="")
        return places.get(base, len(places)), len(name) - len(base), name

    return sorted(names, key=key)


def _matrix_cells(matrix: MatrixEstimate, condition: ConditionSummary) -> Iterator[Row]:
    is_written = np.ones(matrix.values.shape, dtype=bool)
    if matrix.num_classes > MAX_WHOLE_CLASSES:
        is_written = np.nan_to_num(matrix.values, nan=1.0) > 0
        if matrix.truth is not None:
            is_written |= np.nan_to_num(matrix.truth) > 0
    for i, j in np.argwhere(is_written).tolist():
        yield {
            "true_class": class_name(i, condition.class_names),
            "noisy_label": class_name(j, condition.class_names),
            "estimate": float(matrix.values[i, j]),
            "low": float(matrix.low[i, j]),
            "high": float(matrix.high[i, j]),
            "truth": None if matrix.truth is None else float(matrix.truth[i, j]),
        }


def _finalist_classes(
    summary: Summary,
) -> Iterator[tuple[Row, ClassRecalls, list[str] | None]]:
    """Yield what becomes of the classes of each finalist, by both kinds of labels."""
    for condition in summary.conditions:
        for finalist in condition.scored:
            for kind in KINDS:
                recalls = class_recalls(finalist, kind, condition.class_names)
                if recalls is not None:
                    about = (condition.name, finalist.trial_id, kind)
                    named = dict(zip(CLASS_COLUMNS, about, strict=True))
                    yield named, recalls, condition.class_names


def _finalist_rows(condition: ConditionSummary) -> Iterator[Row]:
    for rank, finalist in enumerate(condition.finalists, 1):
        about = {
            "condition": condition.name,
            "rank": rank,
            "is_winner": condition.is_winner(finalist),
            "trial_id": finalist.trial_id,
            "configuration": configuration(finalist.config, condition.config),
        }
        for metric in reported_metrics(condition.finalists):
            if metric in finalist.metrics:
                values = _estimate_values(finalist.metrics[metric])
                yield about | {"metric": metric, "error": ERROR} | values
        judgement = condition.comparison(finalist)
        if judgement is not None and judgement.n:
            level = {"metric": "leader_minus_this", "error": judgement.level}
            yield about | level | _estimate_values(judged(judgement))


def _reference_rows(reference: Reference, condition: ConditionSummary) -> Iterator[Row]:
    about: Row = {"condition": condition.name, "reference": reference.name}
    if reference.history.problem:
        yield about | {"problem": reference.history.problem}
        return
    about |= {
        "settings": reference.settings,
        "examples": reference.history.examples,
        "available_examples": reference.history.available,
    }
    for metric, value in reference.metrics.items():
        yield about | {"metric": metric, "error": ERROR} | _estimate_values(value)
    comparison = reference.leader_minus_this
    if comparison is not None and comparison.n:
        judged_as = {"error": comparison.level, "no_network_is_better": reference.is_ahead_of_all}
        row = about | {"metric": "leader_minus_this"} | judged_as
        yield row | _estimate_values(judged(comparison))


def _estimate_values(estimate: Estimate) -> Row:
    low, high = estimate.ci95 or (None, None)
    return {"n": estimate.n, "mean": estimate.mean, "sd": estimate.sd, "low": low, "high": high}


def _share_values(share: Share | None) -> tuple[float | None, ...]:
    return (None, None, None) if share is None else (share.value, share.low, share.high)
