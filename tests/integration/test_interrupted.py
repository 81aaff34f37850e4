"""Interrupted searches: nothing is lost, nothing is done twice, nothing is left over."""

import json
import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.shell import Shell, events
from tune_noise.history.replay import History
from tune_noise.record import Record

from .test_search import pytestmark as warnings_of_mlflow
from .test_search import runs

pytestmark = warnings_of_mlflow

# Trials long enough that some are done and some are not when the driver dies.
LONG = {
    "trials": 8,
    "epochs": 24,
    "early_stopping": None,
    "fixed": {"model": "mlp2", "ramp_epochs": 2, "batch_size": 16},
}


def history_of(folder: Path) -> History:
    with Record(folder / "record.db") as record:
        return History.replay(record.events())


def check_complete(folder: Path, *, trials: int, confirm: int, epochs: int) -> None:
    """Every trial was asked for and ended once, with each of its epochs once."""
    with Record(folder / "record.db") as record:
        counts = Counter((event.kind, event.trial_id) for event in record.events())
        history = History.replay(record.events())
    assert history.finished
    stages = Counter(trial.stage for trial in history.trials.values())
    assert stages == {"search": trials, "confirm": confirm}
    for trial in history.trials.values():
        assert (trial.status, trial.num_epochs) == ("completed", epochs)
        for kind, count in (("ask", 1), ("start", 1), ("epoch", epochs), ("end", 1)):
            assert counts[kind, trial.trial_id] == count
    of_trials = [run for run in runs(folder) if "tune_noise.trial_id" in run.data.tags]
    assert sorted(run.data.tags["tune_noise.trial_id"] for run in of_trials) == sorted(
        history.trials
    )
    finalists = {trial.finalist for trial in history.trials.values() if trial.finalist}
    assert len(runs(folder)) == 1 + len(finalists) + len(of_trials)


def status(shell: Shell) -> dict[str, Any]:
    found = json.loads(shell.run("tune-noise", "status", "runs/tiny", "--json"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "whole_group",
    [
        pytest.param(True, marks=pytest.mark.slow, id="terminal"),
        pytest.param(False, marks=pytest.mark.long, id="driver"),
    ],
)
def test_an_interrupted_search_says_how_to_go_on_and_does(shell: Shell, whole_group: bool) -> None:
    space = shell.space(**{**LONG, "trials": 4})
    folder = shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_until(lambda: len(events(folder, "epoch")) >= 1, "a first epoch")
    found = status(shell)
    assert (found["status"], found["pid"]) == ("running", driver.pid)
    assert found["conditions"][0]["best"]["objective"] is not None
    # Ctrl-C in a terminal reaches all processes of the group; `kill -INT` the driver alone.
    (os.killpg if whole_group else os.kill)(driver.pid, signal.SIGINT)
    _, err = shell.end_of(driver, code=130)
    command = err.strip().splitlines()[-1].split()
    assert command == ["tune-noise", "resume", str(folder)]
    shell.wait_until_all_ended()
    found = status(shell)
    assert (found["status"], found["continue"]) == ("interrupted", " ".join(command))
    if whole_group:
        # What is printed does not matter: signs are missing, and standard output is full.
        shell.environment["PYTHONIOENCODING"] = "ascii"
        shell.prefix = ["bash", "-c", '"$@" --json > /dev/full', "bash"]
        _, err = shell.end_of(shell.start(*command), code=0)
        assert re.search(r"\d \+- \d", err)
        shell.prefix = []
        assert status(shell)["status"] == "finished"
        check_complete(folder, trials=4, confirm=4, epochs=24)
