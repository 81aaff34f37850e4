"""Runs of trials that ended before MLflow heard of them: many in one transaction.

MLflow's client needs six transactions for a run, 25 ms of CPU time and six waits for the disk: more
than a trial of a search of short trials takes. A client that writes to a database itself can write
the same rows at once. A server offers no such request.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tune_noise.history.replay import History, TrialHistory
from tune_noise.tracking import content
from tune_noise.tracking.content import Point, milliseconds
from tune_noise.tracking.store import Run

# Meanwhile other writers to a SQLite store wait; MLflow lets them wait for 20 seconds.
RUNS_PER_TRANSACTION = 50


@dataclass(frozen=True)
class WholeRun:
    """Everything that MLflow is to hold about a run; its times are Unix times in seconds."""

    name: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    points: list[Point]
    num_epochs: int
    start_seconds: float
    end_seconds: float


def whole_run(trial: TrialHistory, history: History, *, tags: dict[str, str]) -> WholeRun:
    """Return what MLflow is to hold about a trial that has ended."""
    assert trial.status is not None
    assert trial.ended_seconds is not None
    # The comparison page begins with the metric that came first.
    epochs = content.epoch_points(trial, start=0, stop=trial.num_epochs)
    return WholeRun(
        name=content.trial_name(trial, history),
        status=content.RUN_STATUS[trial.status],
        tags=tags,
        params=content.trial_params(trial, history),
        points=content.summary_points(trial) + epochs,
        num_epochs=trial.num_epochs,
        start_seconds=trial.asked_seconds,
        end_seconds=trial.ended_seconds,
    )


def batches(trial_ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield the trials of one transaction after another."""
    rest = iter(trial_ids)
    while batch := list(islice(rest, RUNS_PER_TRANSACTION)):
        yield batch


def write_runs(database: Any, experiment_id: str, runs: Sequence[WholeRun]) -> list[Run]:
    """Make runs that have ended, all or none, with the rows that MLflow's client would write.

    Args:
        database: as `database_of` returns it.
        experiment_id: ID of an experiment that exists.
        runs: the runs; MLflow holds none of them yet.

    Raises:
        MlflowException: the database refuses; it then holds none of the runs.
    """
    from mlflow.store.tracking.dbmodels import models
    from sqlalchemy import insert

    location = database.get_experiment(experiment_id).artifact_location
    made = [(uuid.uuid4().hex, run) for run in runs]
    rows = {
        models.SqlRun: [_run_row(i, run, int(experiment_id), location) for i, run in made],
        models.SqlTag: [_pair(i, *tag) for i, run in made for tag in _all_tags(run).items()],
        models.SqlParam: [_pair(i, *param) for i, run in made for param in run.params.items()],
        models.SqlMetric: [_metric_row(i, p) for i, run in made for p in run.points],
        models.SqlLatestMetric: [_metric_row(i, p) for i, run in made for p in _latest(run.points)],
    }
    with database.ManagedSessionMaker(read_only=False) as session:
        for table, table_rows in rows.items():
            if table_rows:
                session.execute(insert(table), table_rows)
    return [_made_run(i, run) for i, run in made]


def _run_row(run_id: str, run: WholeRun, experiment_id: int, location: str) -> dict[str, Any]:
    return {
        "run_uuid": run_id,
        "name": run.name,
        "experiment_id": experiment_id,
        "artifact_uri": f"{location.rstrip('/')}/{run_id}/artifacts",
        "source_type": "UNKNOWN",
        "source_name": "",
        "source_version": "",
        "entry_point_name": "",
        "user_id": "unknown",
        "status": run.status,
        "start_time": milliseconds(run.start_seconds),
        "end_time": milliseconds(run.end_seconds),
        "lifecycle_stage": "active",
    }


def _all_tags(run: WholeRun) -> dict[str, str]:
    return run.tags | {"mlflow.runName": run.name}


def _pair(run_id: str, name: str, value: str) -> dict[str, str]:
    return {"run_uuid": run_id, "key": name, "value": value}


def _metric_row(run_id: str, point: Point) -> dict[str, Any]:
    return {
        "run_uuid": run_id,
        "key": point.name,
        "value": point.value,
        "timestamp": point.timestamp,
        "step": point.step,
        "is_nan": False,
    }


def _latest(points: Sequence[Point]) -> list[Point]:
    latest: dict[str, Point] = {}
    for point in points:
        other = latest.get(point.name)
        if other is None or _age(point) > _age(other):
            latest[point.name] = point
    return list(latest.values())


def _age(point: Point) -> tuple[int, int, float]:
    return point.step, point.timestamp, point.value


def _made_run(run_id: str, run: WholeRun) -> Run:
    metrics = {point.name: point.value for point in run.points}
    return Run(run_id, run.status, dict(run.tags), set(run.params), metrics, run.num_epochs)
