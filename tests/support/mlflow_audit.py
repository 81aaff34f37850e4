"""Whether MLflow holds exactly what a record says: read from its database, past all its code."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from tune_noise.config.metric_names import METRICS
from tune_noise.history.replay import History, TrialHistory

ENDED_AS = {
    "completed": "FINISHED",
    "stopped": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
    None: "KILLED",
}
Rows = list[tuple[str, ...]]


class Audit:
    """The active runs of one experiment in a SQLite store that no server writes any more."""

    def __init__(self, database: Path, experiment: str) -> None:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:

            def read(query: str) -> Rows:
                return connection.execute(query, (experiment,)).fetchall()

            runs = (
                "from runs join experiments using (experiment_id) where experiments.name = ? "
                "and runs.lifecycle_stage = 'active'"
            )
            inside = f"run_uuid in (select run_uuid {runs})"
            self.status = dict(read(f"select run_uuid, status {runs}"))
            self.tags = _by_run(read(f"select run_uuid, key, value from tags where {inside}"))
            self.params = _by_run(read(f"select run_uuid, key, value from params where {inside}"))
            points = read(f"select run_uuid, key, step, value from metrics where {inside}")
            statuses = connection.execute("select status from runs").fetchall()
        self.points = Counter((run, key, step) for run, key, step, _ in points)
        self.values = {(run, key, step): value for run, key, step, value in points}
        self.any_status = Counter(row[0] for row in statuses)
        self.run_of = {
            tags["tune_noise.trial_id"]: run
            for run, tags in self.tags.items()
            if "tune_noise.trial_id" in tags
        }
        self.parents = [run for run in self.status if "mlflow.parentRunId" not in self.tags[run]]
        self.finalists = {
            tags["tune_noise.confirms"]: run
            for run, tags in self.tags.items()
            if tags["tune_noise.stage"] == "finalist"
        }

    def check(self, history: History) -> None:
        """One run per trial and finalist, each epoch once, all params, and none left RUNNING."""
        assert len(self.parents) == 1
        confirmed = {t.finalist for t in history.trials.values() if t.finalist}
        models = [
            f"{condition} {name}"
            for condition, models in history.references.items()
            for name, model in models.items()
            if model.metrics and history.finished
        ]
        found = [tags.get("tune_noise.reference") for tags in self.tags.values()]
        assert sorted(filter(None, found)) == sorted(models)
        assert self.finalists.keys() == confirmed
        assert len(self.status) == 1 + len(confirmed) + len(models) + len(history.trials)
        assert self.run_of.keys() == history.trials.keys()
        # Deleted runs count, too.
        assert self.any_status["RUNNING"] == 0
        ended = "FINISHED" if history.finished else "KILLED"
        assert self.status[self.parents[0]] == ended
        for finalist in self.finalists.values():
            assert self.status[finalist] == ended
            assert self.tags[finalist]["mlflow.parentRunId"] == self.parents[0]
        varied = (*history.config.conditions, *history.config.search)
        for trial in history.trials.values():
            self._check_trial(trial, varied)

    def _check_trial(self, trial: TrialHistory, varied: tuple[str, ...]) -> None:
        run = self.run_of[trial.trial_id]
        assert self.status[run] == ENDED_AS[trial.status]
        expected = {
            (run, name, int(epoch["epoch"])): epoch[name]
            for epoch in trial.epochs
            for name in METRICS
            if name in epoch
        }
        found = {point: n for point, n in self.points.items() if point[0] == run and point[2] > 0}
        selected = {point for point in found if point[1].endswith("_selected")}
        assert found == dict.fromkeys(selected | expected.keys(), 1)
        assert {point: self.values[point] for point in expected} == expected
        tags, params = self.tags[run], self.params[run]
        above = self.finalists[trial.finalist] if trial.finalist else self.parents[0]
        assert tags["mlflow.parentRunId"] == above
        assert tags["tune_noise.condition"] == trial.condition
        assert tags["tune_noise.stage"] == trial.stage
        assert tags.get("tune_noise.status") == trial.status
        names = {"method", "model", "noise", *varied}
        names |= {"seed", "noise_seed"} if trial.stage == "confirm" else set()
        values = {name: getattr(trial.config, name) for name in names}
        assert params == {name: str(v) for name, v in values.items() if v is not None}
        if trial.status is not None:
            assert self.values[run, "trained_epochs", 0] == trial.num_epochs


def _by_run(rows: Rows) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for run, key, value in rows:
        found.setdefault(run, {})[key] = value
    return found
