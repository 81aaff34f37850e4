"""Ctrl-C, SIGTERM, SIGHUP: what runs is checkpointed and closed; twice, it ends at once."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.search_audit import mlflow_statuses, notes
from tests.support.shell import MANY_EPOCHS, STEADY, Shell, events, recorded
from tune_noise.record.folder import checkpoint_file
from tune_noise.system.signals import SAME_SECONDS
from tune_noise.training.checkpoint import read_checkpoint

from .test_interrupted import history_of

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("default_sighup")]


def interrupt(driver: "subprocess.Popen[str]", how: str) -> None:
    if how == "terminal":
        os.killpg(driver.pid, signal.SIGINT)  # what Ctrl-C in a terminal does
    elif how == "timeout":  # what the program of this name does
        driver.send_signal(signal.SIGTERM)
        os.killpg(driver.pid, signal.SIGTERM)
    elif how == "closed":  # the terminal is: the shell says it, and then the system
        os.killpg(driver.pid, signal.SIGHUP)
        os.killpg(driver.pid, signal.SIGHUP)
    else:
        driver.send_signal(signal.SIGINT)


def check_nothing_is_redone(folder: Path) -> dict[str, int]:
    """All that the running trials have recorded is in their checkpoints."""
    trials = history_of(folder).trials.values()
    running = {t.trial_id: t.num_epochs for t in trials if t.status is None and t.epochs}
    saved = {i: read_checkpoint(checkpoint_file(folder, i))[1]["epoch"] for i in running}
    assert saved == running
    return running


@pytest.mark.parametrize(
    "how",
    [
        "timeout",
        pytest.param("closed", marks=pytest.mark.slow),
        pytest.param("terminal", marks=pytest.mark.slow),
        pytest.param("driver", marks=pytest.mark.slow),
    ],
)
def test_interrupted_once_a_search_keeps_every_epoch(shell: Shell, how: str) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_for(driver, lambda: len(set(events(folder, "epoch"))) == 2, "two trials")
    interrupt(driver, how)
    out, err = shell.ending_of(driver, code=130)
    command = err.strip().splitlines()[-1].split()
    assert command == ["tune-noise", "resume", str(folder)]
    assert " ".join(command) in out  # at once, for who does not wait
    running = check_nothing_is_redone(folder)
    assert len(running) == 2
    assert set(mlflow_statuses(folder)) == {"KILLED"}

    resumed = shell.start(*command, "--quiet")
    shell.wait_for(
        resumed,
        lambda: all(events(folder, "epoch").count(i) > n for i, n in running.items()),
        "new epochs",
    )
    interrupt(resumed, how)
    shell.ending_of(resumed, code=130)
    assert {n.trial_id: n.data["restored_epoch"] for n in notes(folder)} == running
    check_nothing_is_redone(folder)
    for trial_id in running:
        numbers = [epoch["epoch"] for i, epoch in recorded(folder, "epoch") if i == trial_id]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_signal_while_ray_starts_leaves_nothing(shell: Shell) -> None:
    driver = shell.start("tune_noise.search", "--space", shell.space(**STEADY))
    shell.wait_for(driver, lambda: "/gcs_server" in str(shell.processes()), "Ray")
    interrupt(driver, "timeout")
    out, err = shell.ending_of(driver, code=130)
    assert (out, err.strip()) == ("", "interrupted")
    assert not (shell.folder / "runs").exists()


def test_a_signal_to_all_processes_costs_no_trial_a_failure(shell: Shell) -> None:
    # Slurm and systemd send theirs to Ray's processes, too.
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_for(driver, lambda: len(set(events(folder, "epoch"))) == 2, "two trials")
    for pid in shell.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    _, err = shell.ending_of(driver, code=130)
    assert err.strip().splitlines()[-1].split() == ["tune-noise", "resume", str(folder)]
    assert "error" not in err
    assert notes(folder) == []
    assert {trial.status for trial in history_of(folder).trials.values()} == {None}


class HangingServer(BaseHTTPRequestHandler):
    """Answers the first question, that it has no such experiment, and nothing after it."""

    released = threading.Event()

    def do_GET(self) -> None:
        if "experiments/get-by-name" not in self.path:
            self.released.wait()
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')

    do_POST = do_GET  # noqa: N815 - the name is the library's

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def hanging_uri() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), HangingServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        HangingServer.released.set()
        server.shutdown()


def test_interrupted_twice_a_search_ends_at_once_and_goes_on_later(
    shell: Shell, hanging_uri: str
) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    arguments = ["--space", space, "--max-concurrent", "2", "--tracking-uri", hanging_uri]
    driver = shell.start("tune_noise.search", *arguments)
    shell.wait_for(driver, lambda: len(set(events(folder, "epoch"))) == 2, "two trials")
    interrupt(driver, "terminal")
    shell.wait_for(driver, lambda: "tune-noise resume" in shell.printed(driver)[0], "answer")
    time.sleep(SAME_SECONDS)  # signals that arrive together are one
    interrupt(driver, "terminal")
    _, err = shell.ending_of(driver, code=130)
    command = err.strip().splitlines()[-1].split()
    assert command == ["tune-noise", "resume", str(folder), "--tracking-uri", hanging_uri]
    known = len(events(folder, "epoch"))

    resumed = shell.start(*command[:3], "--quiet")
    # A trial that has not gone on yet still has its state of before.
    shell.wait_for(
        resumed, lambda: len(set(events(folder, "epoch")[known:])) == 2, "new epochs of both"
    )
    interrupt(resumed, "terminal")
    shell.ending_of(resumed, code=130)
    check_nothing_is_redone(folder)
    assert set(mlflow_statuses(folder)) == {"KILLED"}
