"""The MLflow server stops, dies or hangs while a real search runs: it goes on, all arrives."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mlflow_audit import Audit
from tests.support.mlflow_server import MlflowServer, Proxy
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell, events
from tests.support.waiting import wait_for
from tune_noise.history.replay import History
from tune_noise.record import Record
from tune_noise.tracking.store import connect

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


def log_of(folder: Path) -> str:
    path = folder / "tracking.log"
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(
    ("failures", "trials"), [(3, 6), pytest.param(6, 16, marks=pytest.mark.slow)]
)
def test_a_search_outlives_its_mlflow_server_and_all_arrives_later(
    shell: Shell, server: MlflowServer, failures: int, trials: int
) -> None:
    """After each failure MLflow is left alone for longer: three take some 5 seconds, six 40."""
    space = shell.space(**STEADY, trials=trials, epochs=120)
    folder = shell.folder / "runs" / "tiny"
    options = ["--space", space, "--max-concurrent", "1", "--tracking-uri", server.url]
    search = shell.start("tune_noise.search", *options)
    shell.wait_for(search, lambda: events(folder, "end"), "end of a trial")
    server.stop()
    before = len(events(folder, "epoch"))
    shell.wait_for(search, lambda: len(events(folder, "epoch")) > before, "epoch without MLflow")
    wait_for(lambda: f"delivery failed ({failures} in a row)" in log_of(folder), "failures")
    server.start()
    wait_for(lambda: events(folder, "finish"), "end of the search")
    out, _ = shell.ending_of(search, code=0)
    assert "warning" not in out
    assert f"MLflow   {server.url}/#/experiments/" in out
    check_all_is_there(folder, server)


@pytest.mark.slow
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
    before = len(events(folder, "epoch"))
    shell.wait_for(
        search,
        lambda: len(events(folder, "epoch")) > before or events(folder, "finish"),
        "epoch while the server hangs",
    )
    server.signal(signal.SIGCONT)
    shell.ending_of(search, code=0)
    check_all_is_there(folder, server)


@pytest.mark.slow
def test_a_search_that_is_interrupted_without_its_server_is_delivered_by_its_resume(
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
    shell.wait_for(search, lambda: "delivery failed" in log_of(folder), "failure")
    search.send_signal(signal.SIGINT)
    _, err = shell.ending_of(search, code=130)
    server.start()
    out = shell.go_on(err)
    assert "warning" not in out
    check_all_is_there(folder, server)


def test_what_mlflow_refuses_is_delivered_later_by_the_command_that_the_warning_names(
    shell: Shell, server: MlflowServer
) -> None:
    client, folder = connect(server.url), shell.folder / "runs" / "tiny"
    with Proxy(server.port) as proxy:
        search = shell.start(
            "tune_noise.search", "--space", shell.space(trials=2), "--tracking-uri", proxy.url
        )
        shell.wait_for(search, lambda: runs_of(client), "first run in MLflow")
        [experiment_id] = {run.info.experiment_id for run in runs_of(client)}
        client.delete_experiment(experiment_id)
        out, _ = shell.ending_of(search, code=0)
        # It has ended and has its results; MLflow was not asked again and again.
        assert (folder / "report.html").exists()
        assert log_of(folder).count("delivery failed") <= 2
        assert out.count("warning: MLflow at") == 1
        _, _, rest = out.partition("Deliver the rest with:\n")
        command = rest.splitlines()[0].split()
        assert command == ["tune-noise", "deliver", str(folder), "--tracking-uri", proxy.url]
        # Neither does the command try what cannot pass, nor does a search begin.
        reason = "its experiment 'tiny' was deleted; restore it with"
        assert reason in shell.run(*command, code=2)
        again = ["--space", shell.space(), "--name", "tiny", "--output", "new"]
        options = ["--tracking-uri", proxy.url]
        assert reason in shell.run("tune_noise.search", *again, *options, code=2)
        assert not (shell.folder / "new").exists()
        client.restore_experiment(experiment_id)
        # From now on it is only slow.
        proxy.delays = lambda head: 0.5
        said = shell.run(*command)
        assert f"MLflow   {proxy.url}/#/experiments/{experiment_id}?" in said
    check_all_is_there(folder, server)


@pytest.mark.slow
def test_a_server_that_is_too_slow_gets_the_rest_from_deliver(
    shell: Shell, server: MlflowServer
) -> None:
    folder = shell.folder / "runs" / "tiny"
    with Proxy(server.port) as proxy:
        proxy.delays = lambda head: 2.0
        space = shell.space(trials=30)
        out = shell.search("--space", space, "--tracking-uri", proxy.url)
        assert "did not receive everything" in out
        assert {run.info.status for run in runs_of(connect(server.url))} > {"RUNNING"}
        _, _, rest = out.partition("Deliver the rest with:\n")
        shell.run(*rest.splitlines()[0].split())
    check_all_is_there(folder, server)


def runs_of(client: Any) -> list[Any]:
    """What MLflow holds of the search, an experiment that is deleted apart."""
    experiment = client.get_experiment_by_name("tiny")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []
