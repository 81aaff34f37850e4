"""The MLflow store: connect, find the experiment, read which runs it holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_noise.config.metric_names import METRICS
from tune_noise.errors import TuneNoiseError
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record.folder import PUBLISHED
from tune_noise.system.files import remove_partials, replacement
from tune_noise.system.lock import take_lock
from tune_noise.tracking.content import Point, epoch_points, summary_points
from tune_noise.tracking.internals.database import ARTIFACTS, follow_artifacts, make_tables
from tune_noise.tracking.uri import EXPERIMENT_KIND, SERVER_SCHEMES, scheme_of, sqlite_file

RUNS_PER_PAGE = 1000
# MLflow takes 1000 metrics a call. An epoch is never cut in two; 10 are left for the summary.
EPOCHS_PER_CALL = (1000 - 10) // len(METRICS)
# The key of a search's run.
PARENT = ("search", "")


@dataclass
class Run:
    """What MLflow holds of one run.

    Attributes:
        run_id: MLflow's.
        status: MLflow's: RUNNING, FINISHED, FAILED or KILLED.
        tags: name -> value.
        params: names.
        metrics: name -> the newest value.
        num_epochs: epochs that have arrived; they come in order, each in one piece.
    """

    run_id: str
    status: str
    tags: dict[str, str]
    params: set[str]
    metrics: dict[str, float]
    num_epochs: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What it is the run of: `PARENT`, a trial or finalist and its trial_id, or a reference."""
        if "tune_noise.trial_id" in self.tags:
            return "trial", self.tags["tune_noise.trial_id"]
        if self.tags.get("tune_noise.stage") == "finalist":
            return "finalist", self.tags["tune_noise.confirms"]
        if self.tags.get("tune_noise.stage") == "reference":
            return "reference", self.tags["tune_noise.reference"]
        return PARENT

    def news(self, points: list[Point]) -> list[Point]:
        """Return the points of which MLflow holds another value, or none."""
        return [point for point in points if self.metrics.get(point.name) != point.value]


def connect(uri: str) -> Any:
    """Return a client of the store at a URI.

    The tables of a SQLite store are made here, one process at a time, because MLflow's migrations
    race; other stores have locks of their own.
    """
    from mlflow import MlflowClient

    file = sqlite_file(uri)
    if file is None:
        return MlflowClient(uri)
    file.parent.mkdir(parents=True, exist_ok=True)
    with take_lock(file.absolute().with_name(f".{file.name}.lock")):
        if not file.exists():
            _make_sqlite_store(file)
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        follow_artifacts(file)
    return client


def _make_sqlite_store(file: Path) -> None:
    """Make the tables under another name, then give the whole store its own name.

    MLflow needs some seconds and a hundred steps for them. If it were killed in between, it would
    leave a file that it could neither finish nor ever open again.
    """
    remove_partials(file)
    with replacement(file) as partial:
        with closing(sqlite3.connect(partial)) as connection:
            # A write-ahead log: one wait for the disk per commit instead of several, and a page
            # that is being looked at holds up no write.
            connection.execute("PRAGMA journal_mode=WAL")
        artifacts = file.absolute().with_name(ARTIFACTS).as_uri()
        # Nothing may stay open: within a process SQLite shares one index of the write-ahead log
        # for a file, whatever it is called, and other processes do not know that of the old name.
        make_tables(partial, artifacts=artifacts)
        with closing(sqlite3.connect(partial)) as connection:
            [is_busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise TuneNoiseError(f"{partial} is in use: the MLflow store cannot take its place")
    remove_partials(file)


def find_experiment(client: Any, name: str, *, location: str | None) -> str:
    """Return the ID of the experiment of this name, which is made if there is none.

    Args:
        client: of the store.
        name: of the experiment.
        location: URI of the folder for the artifacts of a new one; None: the server decides.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location=location, tags=EXPERIMENT_KIND))
    return str(experiment.experiment_id)


def offer_views(client: Any, experiment_id: str, tags: dict[str, str]) -> None:
    """Give an experiment its views; one that is there already may be a person's own by now."""
    present = client.get_experiment(experiment_id).tags
    for name, value in tags.items():
        if name not in present:
            client.set_experiment_tag(experiment_id, name, value)


def known_runs(client: Any, experiment_id: str, history: History) -> list[Run]:
    """Return a search's runs in the store, the fullest first."""
    query = f"tags.`tune_noise.search_id` = '{history.search['search_id']}'"
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id], query, max_results=RUNS_PER_PAGE, page_token=token
        )
        runs += [_known_run(client, entity, history) for entity in page]
        token = page.token
        if not token:
            return sorted(runs, key=lambda r: (-len(r.metrics) - len(r.params), r.run_id))


def _known_run(client: Any, entity: Any, history: History) -> Run:
    data, info = entity.data, entity.info
    run = Run(info.run_id, info.status, dict(data.tags), set(data.params), dict(data.metrics))
    trial = history.trials.get(run.tags.get("tune_noise.trial_id", ""))
    if trial is None:
        return run
    if run.status in ("FINISHED", "FAILED"):
        # A run is ended last of all, so it holds every epoch.
        run.num_epochs = trial.num_epochs
    elif trial.config.objective in run.metrics:
        points = client.get_metric_history(run.run_id, trial.config.objective)
        run.num_epochs = max(point.step for point in points)
    return run


def create(
    client: Any, experiment_id: str | None, name: str, tags: dict[str, str], *, start_seconds: float
) -> Run:
    """Make a run, which is RUNNING."""
    entity = client.create_run(
        experiment_id, start_time=int(start_seconds * 1000), tags=tags, run_name=name
    )
    return Run(entity.info.run_id, "RUNNING", dict(tags), set(), {})


def pieces(trial: TrialHistory, run: Run) -> Iterator[list[Point]]:
    """Yield the metrics of a trial that MLflow lacks, in pieces of one call each; at least one."""
    summary = [p for p in summary_points(trial) if p.name not in run.metrics]
    starts = list(range(run.num_epochs, trial.num_epochs, EPOCHS_PER_CALL))
    for start in starts:
        points = epoch_points(trial, start=start, stop=start + EPOCHS_PER_CALL)
        first, then = (points, summary) if trial.status is None else (summary, points)
        yield first + then if start == starts[-1] else points
    if not starts:
        yield summary


def send(
    client: Any, run: Run, points: list[Point], *, params: dict[str, str], tags: dict[str, str]
) -> bool:
    """Send all that a run lacks in one call, and return whether it lacked anything."""
    from mlflow.entities import Metric, Param, RunTag

    new_params = [Param(k, v) for k, v in params.items() if k not in run.params]
    new_tags = [RunTag(k, v) for k, v in tags.items() if run.tags.get(k) != v]
    if not (points or new_params or new_tags):
        return False
    metrics = [Metric(*point) for point in points]
    client.log_batch(run.run_id, metrics, new_params, new_tags, synchronous=True)
    run.params |= params.keys()
    run.tags |= tags
    run.metrics |= {point.name: point.value for point in points}
    return True


def set_status(client: Any, run: Run, status: str, *, end_seconds: float) -> None:
    """Give a run a status; nothing is asked of MLflow where it has it already."""
    if run.status == status:
        return
    if status == "RUNNING":
        client.update_run(run.run_id, status=status)
    else:
        client.set_terminated(run.run_id, status=status, end_time=int(end_seconds * 1000))
    run.status = status


def discard(client: Any, run: Run) -> None:
    """Delete a run that exists twice, ended first: MLflow must count none as RUNNING."""
    if run.status == "RUNNING":
        client.set_terminated(run.run_id, status="KILLED")
    client.delete_run(run.run_id)


def artifact_location(uri: str, output: Path) -> str | None:
    """Return where an experiment's artifacts go; a server decides that itself.

    Returns:
        URI of a folder beside the SQLite file, or beside the output folder of another database;
        None for a server.
    """
    if scheme_of(uri) in SERVER_SCHEMES:
        return None
    file = sqlite_file(uri)
    folder = (file or output.absolute()).absolute().parent
    return (folder / ARTIFACTS).as_uri()


# A larger table, e.g. epochs.csv of thousands of trials, stays in the search's folder.
MAX_TABLE_BYTES = 50_000_000


def upload(client: Any, run: Run, output: Path) -> None:
    """Bring the files of a search's folder to MLflow, over those of before."""
    for path in (output / name for name in PUBLISHED):
        if path.is_dir():
            client.log_artifacts(run.run_id, str(path), path.name)
        elif path.exists() and path.stat().st_size <= MAX_TABLE_BYTES:
            client.log_artifact(run.run_id, str(path))
