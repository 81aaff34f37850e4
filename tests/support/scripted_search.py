"""A record of a search that nobody trained, and what MLflow holds of it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.mlflow_audit import Audit
from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import History
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.tracking import TrackingProcess
from tune_noise.tracking.store import connect

# MLflow and what it imports warn of their own future; ours stay errors.
WARNINGS_OF_MLFLOW = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
SEARCH = SearchConfig.model_validate(
    {
        "name": "methods",
        "title": "Which method survives?",
        "noise": "symmetric",
        "conditions": {"noise_rate": [0.2, 0.45]},
        "search": {
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"loguniform": [1e-4, 1e-2]},
            "momentum": {"uniform": [0.1, 0.9], "when": {"optimizer": "sgd"}},
        },
        "epochs": 3,
    }
)
SEARCH_ID = "5eed" * 8
METRIC_NAMES = ("train_loss_noisy", "val_information_noisy", "val_accuracy_noisy")


class Script:
    """Writes the record of a synthetic search, whose runs belong in an experiment of their own."""

    def __init__(
        self, output: Path, *, experiment: str = "default-test", record: str | None = None
    ) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.output, self.experiment = output, experiment
        self.place = RecordPlace.of_folder(output, record)
        self.record = Record(self.place, writer=True)

    def search(self, search_id: str = SEARCH_ID) -> None:
        data = {
            "config": SEARCH.model_dump(mode="json", by_alias=True),
            "commit": "abc123",
            "space": "methods_head_to_head",
            "versions": {},
            "dataset": {},
            "machine": {},
            "search_id": search_id,
        }
        self.record.append(Event("search", data=data))

    def ask(self, trial_id: str, *, rate: float = 0.2, finalist: str | None = None) -> None:
        condition = next(c for c in SEARCH.all_conditions if c.factors["noise_rate"] == rate)
        seeds = {"seed": 7 if finalist else 0, "noise_seed": 0}
        values = {"method": "co_teaching", "lr": 0.01}
        config = SEARCH.trial_config(condition, values, **seeds).model_dump()
        data = {
            "stack_id": trial_id,
            "stage": "confirm" if finalist else "search",
            "condition": condition.name,
            "config": config,
            "finalist": finalist,
        }
        start = Event("start", trial_id, {"realised_noise_rate": rate + 0.01})
        self.record.append(Event("ask", trial_id, data), start)

    def epoch(self, trial_id: str, epoch: int, *, metrics: bool = True) -> None:
        values = dict.fromkeys(METRIC_NAMES, 0.1 * epoch if metrics else None)
        data = {"epoch": epoch, "seconds": float(epoch), **values}
        data["test_accuracy_clean"] = 0.9
        self.record.append(Event("epoch", trial_id, data))

    def end(self, trial_id: str, status: str = "completed", reason: str = "") -> None:
        data = {"status": status, "stop_reason": reason}
        self.record.append(Event("end", trial_id, data))

    def trial(self, trial_id: str, *, epochs: int = 3, rate: float = 0.2) -> None:
        self.ask(trial_id, rate=rate)
        for epoch in range(1, epochs + 1):
            self.epoch(trial_id, epoch)
        self.end(trial_id)

    def whole_search(self) -> None:
        self.search()
        self.trial("t1")
        self.ask("t2", rate=0.45)
        self.epoch("t2", 1)
        self.end("t2", "stopped", "worse than two thirds at epoch 1")
        self.ask("t3", rate=0.45)
        self.epoch("t3", 1)
        self.epoch("t3", 2, metrics=False)
        self.end("t3", "diverged", "loss is not finite at epoch 2")
        self.ask("c1", finalist="t1")
        for epoch in (1, 2, 3):
            self.epoch("c1", epoch)
        self.end("c1")

    def finish(self) -> None:
        self.record.append(Event("finish"), durable=True)

    @property
    def history(self) -> History:
        return History.replay(self.record.events())

    def audit(self, database: Path) -> None:
        """Check what a SQLite store holds against the record."""
        Audit(database, self.experiment).check(self.history)

    def start(self, uri: str) -> TrackingProcess:
        return TrackingProcess.start(
            self.place, tracking_uri=uri, experiment=self.experiment, output=self.output
        )

    def found(self, uri: str) -> "Found":
        return Found(uri, self.experiment)

    def has_run(self, uri: str, name: str) -> Callable[[], bool]:
        """Whether MLflow holds the run of a trial, or, by its name, of the search."""
        return lambda: name in self.statuses(uri)

    def has_ended(self, uri: str, name: str) -> Callable[[], bool]:
        """Whether MLflow holds the ended run of a trial."""
        return lambda: self.statuses(uri).get(name, "RUNNING") != "RUNNING"

    def statuses(self, uri: str) -> dict[str, str]:
        """As `Found` names them -> status; of a file without the locks that the child needs."""
        if not uri.startswith("sqlite:///"):
            found = self.found(uri)
            return {name: found.status(name) for name in found.by_name}
        query = (
            "select coalesce(tags.value, runs.name), status "
            "from runs join experiments using (experiment_id) left join tags "
            "on runs.run_uuid = tags.run_uuid and tags.key = 'tune_noise.trial_id' "
        )
        file = f"file:{uri.removeprefix('sqlite:///')}?mode=ro"
        try:
            with closing(sqlite3.connect(file, uri=True)) as connection:
                where = "where experiments.name = ?"
                return dict(connection.execute(query + where, (self.experiment,)).fetchall())
        except sqlite3.OperationalError:
            return {}  # not yet

    @property
    def log(self) -> str:
        path = self.output / "tracking.log"
        return path.read_text() if path.exists() else ""


class Found:
    """What MLflow holds of the search.

    Attributes:
        by_name: trial_id, or the name of a run that is of no trial -> run.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        # As the child does: a reader that comes first would make the tables, too, and collide.
        self.client = connect(uri)
        experiments = [e for e in [self.client.get_experiment_by_name(experiment)] if e]
        runs = self.client.search_runs([e.experiment_id for e in experiments], max_results=500)
        self.num_runs = len(runs)
        self.by_name: dict[str, Any] = {
            run.data.tags.get("tune_noise.trial_id", run.info.run_name): run for run in runs
        }

    def steps(self, trial_id: str, metric: str) -> list[int]:
        run_id = self.by_name[trial_id].info.run_id
        return [m.step for m in self.client.get_metric_history(run_id, metric)]

    def status(self, name: str) -> str:
        return str(self.by_name[name].info.status)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a container's first process may not collect the dead
