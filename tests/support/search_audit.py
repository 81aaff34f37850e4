"""What holds of a search that has come to its end, whatever happened to it on the way."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.shell import recorded
from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import History
from tune_noise.record import Event, Record

HANDED_ON = "is given to another process"
RUN_STATUS = {"completed": "FINISHED", "failed": "FAILED"}


def read_events(folder: Path) -> list[Event]:
    with Record(folder / "record.db") as record:
        return list(record.events())


def notes(folder: Path, words: str = "") -> list[Event]:
    """Notes in the record that hold certain words."""
    found = [event for event in read_events(folder) if event.kind == "note"]
    return [event for event in found if words in event.data["text"]]


def failures(folder: Path) -> list[tuple[str, str]]:
    """Trials that have failed, and why."""
    ends = recorded(folder, "end")
    return [(i, end["stop_reason"]) for i, end in ends if end["status"] == "failed"]


@dataclass(frozen=True)
class Run:
    """A run in MLflow: its trial, if it is one of a trial, and the epochs of its objective."""

    trial_id: str | None
    status: str
    steps: list[int]


def audit(
    folder: Path, *, failed: Collection[str] = (), runs: Iterable[Run] | None = None
) -> History:
    """Check that no trial is lost, none is done twice and MLflow says the same as the record.

    Args:
        folder: of a search without early stopping, so that every trial trains all its epochs.
        failed: the trials that have failed.
        runs: all that MLflow has; None: those of the default store beside the folder.
    """
    recorded = read_events(folder)
    history = History.replay(recorded)
    assert history.finished
    config = history.config
    stages = Counter(trial.stage for trial in history.trials.values())
    assert stages == {
        "search": config.trials * len(config.all_conditions),
        "confirm": config.num_finalists * config.confirm.seeds * len(config.all_conditions),
    }
    _check_trials(recorded, history, config, failed)
    if runs is None:
        runs = _runs_of_default_store(folder, history)
    _check_mlflow(list(runs), history)
    assert not (folder / "checkpoints").exists() or not any((folder / "checkpoints").iterdir())
    for name in ("trials.csv", "epochs.csv", "summary.json", "report.html"):
        assert (folder / name).stat().st_size > 0
    return history


def _check_trials(
    recorded: list[Event], history: History, config: SearchConfig, failed: Collection[str]
) -> None:
    counts = Counter((event.kind, event.trial_id) for event in recorded)
    assert {t.trial_id for t in history.trials.values() if t.status != "completed"} == set(failed)
    for trial in history.trials.values():
        assert counts["ask", trial.trial_id] == counts["end", trial.trial_id] == 1
        if trial.status == "completed":
            assert trial.num_epochs == config.epochs
            assert counts["start", trial.trial_id] == 1
        numbers = [
            event.data["epoch"]
            for event in recorded
            if (event.kind, event.trial_id) == ("epoch", trial.trial_id)
        ]
        assert numbers == list(range(1, trial.num_epochs + 1))


def _rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    path = folder.parent / "mlflow.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def _runs_of(search: str) -> str:
    """A condition that holds of the rows of one search, among those that share a store."""
    runs = "select run_uuid from runs join experiments using (experiment_id)"
    return f"run_uuid in ({runs} where experiments.name = '{search}')"


def mlflow_statuses(folder: Path) -> list[str]:
    """Of all runs in the default store of a search's output folder."""
    return [status for (status,) in _rows(folder, "select status from runs")]


def _runs_of_default_store(folder: Path, history: History) -> list[Run]:
    own = _runs_of(history.config.name)
    tag = f"key = 'tune_noise.trial_id' and {own}"
    trials = dict(_rows(folder, f"select run_uuid, value from tags where {tag}"))
    steps: dict[str, list[int]] = defaultdict(list)
    of_objective = f"key = '{history.config.objective}' and {own}"
    for run, step in _rows(folder, f"select run_uuid, step from metrics where {of_objective}"):
        steps[run].append(step)
    statuses = _rows(folder, f"select run_uuid, status from runs where {own}")
    return [Run(trials.get(run), status, steps[run]) for run, status in statuses]


def _check_mlflow(runs: list[Run], history: History) -> None:
    """A finished run for the search, each finalist and each trial, with each epoch once."""
    of_trials = {run.trial_id: run for run in runs if run.trial_id is not None}
    others = [run for run in runs if run.trial_id is None]
    assert len(of_trials) + len(others) == len(runs)
    assert set(of_trials) == set(history.trials)
    confirmed = {trial.finalist for trial in history.trials.values() if trial.finalist}
    models = [m for models in history.references.values() for m in models.values() if m.metrics]
    assert len(others) == len(confirmed) + len(models) + 1
    assert {run.status for run in others} == {"FINISHED"}
    for trial in history.trials.values():
        run = of_trials[trial.trial_id]
        assert run.status == RUN_STATUS[trial.status or ""]
        assert sorted(run.steps) == list(range(1, trial.num_epochs + 1))
