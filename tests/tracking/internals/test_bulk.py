"""Runs written many at a time are the runs that MLflow's client would have made."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_search import WARNINGS_OF_MLFLOW, Script
from tune_noise.record import Event
from tune_noise.tracking.internals import bulk
from tune_noise.tracking.mirror import Mirror

pytestmark = WARNINGS_OF_MLFLOW
TABLES = ("runs", "tags", "params", "metrics", "latest_metrics")


def mirror_of(script: Script, folder: Path) -> Mirror:
    folder.mkdir(parents=True, exist_ok=True)
    mirror = Mirror(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment="mine", output=script.output
    )
    for event in script.record.events():
        mirror.observe(event)
    return mirror


def trials_of(script: Script) -> list[str]:
    """More trials than fit into one transaction, of every way to end, and one that still runs."""
    script.search()
    names = [f"t{number}" for number in range(bulk.RUNS_PER_TRANSACTION + 3)]
    statuses = ("completed", "stopped", "diverged", "failed")
    for number, name in enumerate(names):
        script.ask(name)
        for epoch in range(1, number % 4 + 1):
            metrics = {"val_information_noisy": 0.1 * number / epoch, "val_accuracy_noisy": 0.5}
            data = {"epoch": epoch, "seconds": 0.5 * epoch, **metrics}
            script.record.append(Event("epoch", name, data))
        if number:
            end = {"status": statuses[number % 4], "stop_reason": "why" * (number % 3)}
            script.record.append(Event("end", name, end))
    return names


def rows_of(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all runs, with the trial's name in place of the id that MLflow drew."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        query = "SELECT run_uuid, value FROM tags WHERE key = 'tune_noise.trial_id'"
        names = dict(store.execute(query).fetchall())
        [[parent]] = store.execute(
            "SELECT run_uuid FROM tags WHERE value = 'summary' AND key = 'tune_noise.stage'"
        ).fetchall()
        names[parent] = "parent"

        def named(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            for run_id, name in names.items():
                value = value.replace(run_id, name)
            return value.replace(str(folder), "")

        return {
            table: sorted(
                (tuple(map(named, row)) for row in store.execute(f"SELECT * FROM {table}")),
                key=repr,
            )
            for table in TABLES
        }


def deliver(mirror: Mirror) -> None:
    mirror.deliver(is_last=True, deadline=math.inf)


def test_runs_of_one_transaction_are_those_that_the_client_makes(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = trials_of(script)
    at_once, one_by_one = tmp_path / "at_once", tmp_path / "one_by_one"
    mirror = mirror_of(script, at_once)
    deliver(mirror)
    with monkeypatch.context() as patch:
        patch.setattr("tune_noise.tracking.mirror.database_of", lambda client: None)
        slow = mirror_of(script, one_by_one)
        deliver(slow)
    assert mirror.num_sent < 8 < len(names) <= slow.num_sent
    found, expected = rows_of(at_once), rows_of(one_by_one)
    assert len(found["runs"]) == len(names) + 1
    for table in TABLES:
        assert [untimed(row) for row in found[table]] == [untimed(row) for row in expected[table]]


def untimed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without the moment of the delivery, at which the search and an open trial are ended."""
    open_run = "parent" in repr(row) or "KILLED" in row
    return tuple(v for v in row if not (open_run and isinstance(v, int) and v > 10**12))


def test_what_was_written_at_once_is_not_written_again(script: Script, tmp_path: Path) -> None:
    trials_of(script)
    folder = tmp_path / "store"
    deliver(mirror_of(script, folder))
    before = rows_of(folder)
    again = mirror_of(script, folder)
    deliver(again)
    assert rows_of(folder)["metrics"] == before["metrics"]
    assert len(rows_of(folder)["runs"]) == len(before["runs"])


def test_a_transaction_that_fails_leaves_nothing_and_its_trials_come_one_by_one(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = trials_of(script)
    folder = tmp_path / "store"
    mirror = mirror_of(script, folder)
    latest = bulk._latest

    def cut(points: list[Any]) -> Any:
        return [point._replace(value=None) for point in latest(points)]  # the table refuses it

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "_latest", cut)
        with pytest.raises(Exception, match="NOT NULL"):
            deliver(mirror)
    assert [row for row in rows_of(folder)["runs"] if row[0] != "parent"] == []
    deliver(mirror)
    assert len(rows_of(folder)["runs"]) == len(names) + 1
