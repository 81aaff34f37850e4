"""The child process: it dies, its driver dies, it is left alone, it is not alone."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.scripted_search import WARNINGS_OF_MLFLOW, Script, is_alive
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = WARNINGS_OF_MLFLOW
# Starts a child for the record in a folder, says its process id, and waits to be killed.
DRIVER = """
import sys, time
from pathlib import Path
from tune_noise.record import RecordPlace
from tune_noise.tracking import TrackingProcess

folder = Path(sys.argv[1])
process = TrackingProcess.start(
    RecordPlace.of_folder(folder),
    tracking_uri=sys.argv[2], experiment=sys.argv[3], output=folder,
)
print(process.pid, flush=True)
time.sleep(600)
"""


def child_of_a_killed_driver(script: Script, uri: str, *, ready: str | None = None) -> int:
    """The process id of a child whose driver was killed.

    Args:
        script: whose record it follows.
        uri: of MLflow.
        ready: the run that MLflow must hold before the driver is killed.
    """
    command = [sys.executable, "-c", DRIVER, str(script.output), uri, script.experiment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout
            pid = int(driver.stdout.readline())
            if ready:
                wait_for(script.has_run(uri, ready))
        finally:
            driver.kill()
    return pid


@pytest.fixture
def silent_uri() -> Iterator[str]:
    """Of a server that accepts requests and never answers one."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def test_a_killed_process_continues_without_duplicates(script: Script, uri: str) -> None:
    process = script.start(uri)
    script.search()
    for number in range(40):
        script.trial(f"t{number}")
    wait_for(script.has_ended(uri, "t3"))
    os.kill(process.pid, signal.SIGKILL)
    script.trial("late")
    script.finish()
    # `finish` notices that its process is gone and starts another.
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(script.output.parent / "mlflow.db")


def test_an_interrupted_search_is_killed_and_runs_again_on_resume(script: Script, uri: str) -> None:
    script.search()
    script.ask("long")
    for epoch in range(1, 151):
        script.epoch("long", epoch)
    assert script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    found = script.found(uri)
    assert (found.status("methods"), found.status("long")) == ("KILLED", "KILLED")
    resumed = script.start(uri)
    wait_for(lambda: script.statuses(uri)["methods"] == "RUNNING")
    for epoch in range(151, 161):
        script.epoch("long", epoch)
    script.end("long")
    script.finish()
    assert resumed.finish(timeout_seconds=PATIENCE_SECONDS) is None
    found = script.found(uri)
    assert (found.status("methods"), found.status("long")) == ("FINISHED", "FINISHED")
    assert Counter(found.steps("long", "train_loss_noisy")) == Counter(range(1, 161))


def test_a_trial_without_news_since_its_last_delivery_is_ended_too(
    script: Script, uri: str
) -> None:
    process = script.start(uri)
    script.search()
    script.ask("quiet")
    script.epoch("quiet", 1)
    wait_for(script.has_run(uri, "quiet"))
    script.trial("t1")
    wait_for(script.has_ended(uri, "t1"))
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(script.output.parent / "mlflow.db")


def test_two_first_searches_at_once_share_a_new_store(tmp_path: Path, uri: str) -> None:
    scripts = [Script(tmp_path / "runs" / name) for name in ("a", "b")]
    processes = [script.start(uri) for script in scripts]
    for script, search_id in zip(scripts, ("aa", "bb"), strict=True):
        script.search(search_id)
        script.trial("t1")
        script.finish()
        script.record.close()
    assert [p.finish(timeout_seconds=PATIENCE_SECONDS) for p in processes] == [None, None]
    assert scripts[0].found(uri).num_runs == 4


def test_the_process_ends_when_the_driver_is_killed(script: Script, uri: str) -> None:
    script.search()
    script.trial("t1")
    pid = child_of_a_killed_driver(script, uri)
    wait_for(lambda: not is_alive(pid))
    found = script.found(uri)
    assert (found.status("methods"), found.status("t1")) == ("KILLED", "FINISHED")
    assert found.steps("t1", "train_loss_noisy") == [1, 2, 3]


def test_a_resume_right_after_the_drivers_death_ends_all_runs_well(
    script: Script, uri: str
) -> None:
    script.search()
    script.trial("t1")
    script.ask("t2")
    script.epoch("t2", 1)
    pid = child_of_a_killed_driver(script, uri, ready="t1")
    # The orphan still lives: the new child waits until it has gone.
    resumed = script.start(uri)
    script.epoch("t2", 2)
    script.end("t2")
    script.finish()
    assert resumed.finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert not is_alive(pid)
    script.audit(script.output.parent / "mlflow.db")


@pytest.mark.slow
def test_an_orphan_that_cannot_deliver_gives_up_after_a_minute(script: Script) -> None:
    script.search()
    script.trial("t1")
    pid = child_of_a_killed_driver(script, f"http://127.0.0.1:{free_port()}")
    wait_for(lambda: not is_alive(pid))
    assert "gave up" in script.log


def test_a_process_that_is_not_waited_for_leaves_by_itself_and_in_order(
    script: Script, uri: str
) -> None:
    process = script.start(uri)
    script.search()
    script.trial("t1")
    script.ask("t2")
    wait_for(script.has_ended(uri, "t1"))
    script.epoch("t2", 1)
    warning = process.finish(timeout_seconds=0.0)
    assert warning is None or "not waited for" in warning
    resumed = script.start(uri)
    wait_for(lambda: not is_alive(process.pid))
    script.end("t2")
    script.finish()
    assert resumed.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(script.output.parent / "mlflow.db")


def test_a_process_inside_a_request_without_an_answer_leaves_all_the_same(
    script: Script, silent_uri: str
) -> None:
    script.search()
    process = script.start(silent_uri)
    warning = process.finish(timeout_seconds=0.0)
    assert warning
    assert "did not receive everything" in warning
    wait_for(lambda: not is_alive(process.pid))


@pytest.fixture
def _interruptible() -> Iterator[None]:
    # In the background of a shell a process ignores the signal from the start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupted_finish_can_be_cut_short(script: Script, silent_uri: str) -> None:
    script.search()
    process = script.start(silent_uri)
    wait_for(lambda: process.pid and is_alive(process.pid))
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        process.finish(timeout_seconds=600.0)
    assert process.finish(timeout_seconds=0.0)
    wait_for(lambda: not is_alive(process.pid))


def test_finish_says_it_again_when_asked_again(script: Script, uri: str) -> None:
    process = script.start(uri)
    script.search()
    script.finish()
    for seconds in (PATIENCE_SECONDS, PATIENCE_SECONDS, 0.0):
        assert process.finish(timeout_seconds=seconds) is None
        assert process.run_id == script.found(uri).by_name["methods"].info.run_id


def test_one_search_is_mirrored_by_one_process_at_a_time(script: Script, uri: str) -> None:
    script.search()
    first = script.start(uri)
    wait_for(script.has_run(uri, "methods"))
    warning = script.start(uri).finish(timeout_seconds=1.0)
    assert warning
    assert "another process still brings this search to MLflow" in warning
    script.finish()
    assert first.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(script.output.parent / "mlflow.db")


def test_a_driver_that_dies_before_its_child_is_ready_leaves_nobody_behind(
    script: Script, silent_uri: str
) -> None:
    script.search()
    process = script.start(silent_uri)
    os.kill(process.pid, signal.SIGSTOP)
    began = time.monotonic()
    # A child that cannot even be told is ended.
    warning = process.finish(timeout_seconds=0.5)
    assert warning
    assert "no answer" in warning
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert not is_alive(process.pid)


def test_files_in_the_current_folder_do_not_stand_in_for_modules(
    script: Script, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("random", "mlflow", "tune_noise"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not a module')\n")
    monkeypatch.chdir(tmp_path)
    # As a program that was started in another folder.
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    script.search()
    script.finish()
    assert script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None


def test_the_warning_shows_the_end_of_the_log(
    script: Script, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise RuntimeError('not SQLAlchemy')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    warning = script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS)
    assert warning
    assert "tracking.log: RuntimeError: not SQLAlchemy)" in warning
