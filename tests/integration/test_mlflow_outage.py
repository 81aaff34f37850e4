"""The MLflow server stops, dies or hangs while a real search runs: it goes on, all arrives."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mlflow_audit import Audit
from tests.support.mlflow_server import MlflowServer
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell, events
from tests.support.waiting import wait_for
from tune_noise.history.replay import History
from tune_noise.record import Record

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]
# One trial at a time, each of some seconds, so that a search outlasts an outage.
STEADY = {"early_stopping": None, "fixed": {"model": "mlp2", "ramp_epochs": 2, "batch_size": 16}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    with MlflowServer(tmp_path / "server") as server:
        yield server


def check_all_is_there(folder: Path, server: MlflowServer) -> None:
    with Record(folder / "record.db") as record:
        history = History.replay(record.events())
    assert history.finished
    Audit(server.database, "tiny").check(history)


@pytest.mark.parametrize(
    ("seconds", "trials", "epochs"),
    [(8.0, 6, 120), pytest.param(60.0, 16, 120, marks=pytest.mark.slow)],
)
def test_a_search_outlives_its_mlflow_server_and_all_arrives_later(
    shell: Shell, server: MlflowServer, seconds: float, trials: int, epochs: int
) -> None:
    space = shell.space(**STEADY, trials=trials, epochs=epochs)
    folder = shell.folder / "runs" / "tiny"
    options = ["--space", space, "--max-concurrent", "1", "--tracking-uri", server.url]
    search = shell.start("tune_noise.search", *options)
    shell.wait_for(search, lambda: events(folder, "end"), "end of a trial")
    server.stop()
    before = len(events(folder, "epoch"))
    time.sleep(seconds)
    assert len(events(folder, "epoch")) > before
    assert not events(folder, "finish")
    server.start()
    wait_for(lambda: events(folder, "finish"), "end of the search")
    out, _ = shell.ending_of(search, code=0)
    assert "warning" not in out
    assert f"MLflow   {server.url}/#/experiments/" in out
    assert "delivery failed" in (folder / "tracking.log").read_text()
    check_all_is_there(folder, server)


def test_a_search_whose_server_is_killed_and_hangs_holds_everything_once(
    shell: Shell, server: MlflowServer
) -> None:
    space = shell.space(**STEADY, trials=8, epochs=40)
    folder = shell.folder / "runs" / "tiny"
    options = ["--space", space, "--max-concurrent", "2", "--tracking-uri", server.url]
    search = shell.start("tune_noise.search", *options)
    for number in (1, 3):
        shell.wait_for(
            search, lambda number=number: len(events(folder, "end")) >= number, "end of trials"
        )
        server.kill()
        server.start()
    server.signal(signal.SIGSTOP)
    time.sleep(3.0)
    server.signal(signal.SIGCONT)
    shell.ending_of(search, code=0)
    check_all_is_there(folder, server)


def test_a_search_that_ends_without_its_server_says_so_and_resume_delivers(
    shell: Shell, server: MlflowServer
) -> None:
    space = shell.space(trials=2)
    folder = shell.folder / "runs" / "tiny"
    options = ["--space", space, "--tracking-uri", server.url]
    search = shell.start("tune_noise.search", *options)
    shell.wait_for(search, lambda: events(folder, "ask"), "first trial")
    server.stop()
    shell.wait_for(search, lambda: events(folder, "finish"), "end of the search")
    # As a person who has waited long enough.
    time.sleep(2.0)
    search.send_signal(signal.SIGINT)
    _, err = shell.ending_of(search, code=130)
    server.start()
    out = shell.go_on(err)
    assert "warning" not in out
    check_all_is_there(folder, server)
