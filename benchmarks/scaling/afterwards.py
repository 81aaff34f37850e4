"""What a search of many trials costs once it has run: to resume, report, look for in MLflow."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.reliability.command import Command, wait_for
from tune_noise.record import Record

from .trivial import NAME

MLFLOW_PAGE = 100
# Trials by which a search grows to be resumed.
SOME = 8


def seconds_of(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def report(place: Path) -> float:
    """Seconds that `tune-noise report` takes, as a process of its own."""
    command = [sys.executable, "-m", "tune_noise.report", str(place / "runs" / NAME)]
    return seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def resume(place: Path, num_trials: int) -> float:
    """Seconds from the command until the search, grown by some trials, asks for the next one."""
    file = place / "runs" / NAME / "record.db"
    with Record(file) as record:
        before = record.last_number()
    arguments = ["tune_noise.search", "--space", "space.yaml", "--name", NAME, "--resume"]
    command = Command(place, [*arguments, "--trials", str(num_trials + SOME)])
    asked: list[float] = []

    def has_asked() -> bool:
        with Record(file) as record:
            asked[:] = [e.seconds for e in record.events(after=before) if e.kind == "ask"]
        return bool(asked) or command.has_ended

    wait_for(has_asked, seconds=300.0, pause=0.2)
    command.kill(with_descendants=True)
    if not asked:
        raise RuntimeError(f"a resume did not go on: {command.last_lines}")
    return asked[0] - command.started


def mlflow_search(place: Path) -> dict[str, float]:
    """Seconds to find a search's runs: the first page, all of them, and the best ten."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{place / 'runs' / 'mlflow.db'}")
    [experiment] = [e for e in client.search_experiments() if e.name == NAME]
    ids, query = [experiment.experiment_id], "tags.`tune_noise.stage` = 'search'"
    best = ["metrics.val_information_noisy_selected DESC"]

    def every_page() -> None:
        token = None
        while True:
            page = client.search_runs(ids, query, max_results=1000, page_token=token)
            token = page.token
            if not token:
                return

    client.search_runs(ids, query, max_results=1)  # what a first call loads
    return {
        f"first {MLFLOW_PAGE} runs": seconds_of(
            lambda: client.search_runs(ids, query, max_results=MLFLOW_PAGE)
        ),
        "best 10 runs": seconds_of(
            lambda: client.search_runs(ids, query, max_results=10, order_by=best)
        ),
        "all runs": seconds_of(every_page),
    }
