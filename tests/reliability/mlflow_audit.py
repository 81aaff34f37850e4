"""Audit of MLflow against the record: a run per trial and finalist, each epoch once, all ended."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from tune_noise.config.metric_names import METRICS
from tune_noise.record import Event

from .facts import Findings

_STATUS = {"completed": "FINISHED", "stopped": "FINISHED", "diverged": "FAILED", "failed": "FAILED"}


def audit_mlflow(events: Sequence[Event], tracking_uri: str, experiment: str) -> Findings:
    """Compare every run, metric and step of the experiment with the record.

    Args:
        events: of the finished search, the only one of its experiment.
        tracking_uri: of the store.
        experiment: its name there.
    """
    client = MlflowClient(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return Findings(mlflow=[f"there is no experiment {experiment}"])
    runs = [
        run
        for run in client.search_runs([found.experiment_id], "", ViewType.ALL, max_results=5000)
        # A run whose creation was answered too late is deleted; it must not be seen.
        if run.info.lifecycle_stage == "active"
    ]
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    finalists = [run for run in runs if run.data.tags.get("tune_noise.stage") == "finalist"]
    models = [run for run in runs if run.data.tags.get("tune_noise.stage") == "reference"]
    children: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run not in parents and run not in finalists and run not in models:
            children[run.data.tags.get("tune_noise.trial_id", "no trial")].append(run)
    wrong = [] if len(parents) == 1 else [f"{len(parents)} parent runs"]
    wrong += [
        f"{run.info.run_name} belongs to another parent"
        for run in runs
        if run not in parents
        and run.data.tags["mlflow.parentRunId"]
        not in {above.info.run_id for above in (finalists if _is_seed(run) else parents)}
    ]
    wrong += _finalists(events, finalists)
    wrong += _references(events, models)
    wrong += [f"{r.info.run_name} is RUNNING" for r in runs if r.info.status == "RUNNING"]
    ends = {str(e.trial_id): e.data["status"] for e in events if e.kind == "end"}
    if parents and any(e.kind == "finish" for e in events):
        wrong += [f"parent is {p.info.status}" for p in parents if p.info.status != "FINISHED"]
    trials = {str(e.trial_id) for e in events if e.kind == "ask"}
    wrong += [f"{trial_id} is no trial" for trial_id in children.keys() - trials]
    for trial_id in sorted(trials):
        if len(children[trial_id]) != 1:
            wrong.append(f"{trial_id} has {len(children[trial_id])} runs")
            continue
        [run] = children[trial_id]
        if run.info.status != (wanted := _STATUS.get(ends.get(trial_id, ""), "KILLED")):
            wrong.append(f"{trial_id} is {run.info.status}, not {wanted}")
        epochs = [e.data for e in events if e.kind == "epoch" and e.trial_id == trial_id]
        wrong += _metrics(client, run, epochs, trial_id)
    return Findings(mlflow=wrong)


def _references(events: Sequence[Event], runs: Sequence[Run]) -> list[str]:
    """One run per reference model of a condition that has results."""
    trained = sorted(
        f"{e.data['condition']} {e.data['name']}"
        for e in events
        if e.kind == "reference" and e.data["metrics"]
    )
    found = sorted(run.data.tags["tune_noise.reference"] for run in runs)
    return [] if found == trained else [f"runs of reference models {found}, not {trained}"]


def _is_seed(run: Run) -> bool:
    return bool(run.data.tags.get("tune_noise.stage") == "confirm")


def _finalists(events: Sequence[Event], runs: Sequence[Run]) -> list[str]:
    """One run per configuration that is confirmed."""
    confirmed = {e.data["finalist"] for e in events if e.kind == "ask" and e.data.get("finalist")}
    found = Counter(run.data.tags["tune_noise.confirms"] for run in runs)
    return [
        f"finalist {trial_id} has {found[trial_id]} runs"
        for trial_id in sorted(confirmed | found.keys())
        if found[trial_id] != (trial_id in confirmed)
    ]


def _metrics(client: Any, run: Run, epochs: list[dict[str, Any]], trial_id: str) -> list[str]:
    """Every metric of every epoch, once and with the record's value."""
    wrong = []
    for name in METRICS:
        wanted = {e["epoch"]: e[name] for e in epochs if e.get(name) is not None}
        if not wanted and name not in run.data.metrics:
            continue
        points = client.get_metric_history(run.info.run_id, name)
        steps = Counter(point.step for point in points)
        twice = [step for step, count in steps.items() if count > 1]
        missing = [step for step in wanted if step not in steps]
        other = [p.step for p in points if wanted.get(p.step) != p.value]
        for what, which in (("twice", twice), ("missing", missing), ("not of the record", other)):
            if which:
                wrong.append(f"{trial_id} {name}: steps {which[:5]} {what}")
    return wrong
