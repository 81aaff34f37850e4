"""The disk is full, read-only or gone, or somebody holds the store: a sentence, and no more."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.scripted_search import WARNINGS_OF_MLFLOW, Script, is_alive
from tests.support.waiting import PATIENCE_SECONDS, wait_for
from tune_noise.errors import StorageError
from tune_noise.tracking import default_tracking_uri
from tune_noise.tracking.follow import POLL_SECONDS

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]


class SmallDisk:
    """A disk of its own, small enough to be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        with (self.path / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        (self.path / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(path)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False)
    if mount.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mount.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def script_on_disk(disk: SmallDisk) -> Iterator[Script]:
    script = Script(disk.path / "runs" / "methods")
    yield script
    script.record.close()


def test_a_full_disk_costs_a_sentence_and_the_rest_is_delivered_later(
    script_on_disk: Script, disk: SmallDisk
) -> None:
    script, uri = script_on_disk, default_tracking_uri(disk.path / "runs")
    script.search()
    for number in range(5):
        script.trial(f"t{number}", epochs=10)
    script.finish()
    (script.output / "tracking.log").touch()
    disk.fill()
    process = script.start(uri)
    wait_for(lambda: list((disk.path / "runs").glob("*mlflow.db*")), "the store that is made")
    warning = process.finish(timeout_seconds=5.0)
    assert warning
    assert "database or disk is full" in warning
    assert "did not receive everything" in warning
    assert not is_alive(process.pid)
    # A full disk takes no log either: its lines are lost, and nothing else.
    assert script.log == ""
    disk.free()
    assert script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(disk.path / "runs" / "mlflow.db")


def test_a_read_only_disk_costs_a_sentence_and_starts_no_process(
    script_on_disk: Script, disk: SmallDisk
) -> None:
    script, uri = script_on_disk, default_tracking_uri(disk.path / "runs")
    process = script.start(uri)
    script.search()
    script.trial("t1")
    script.finish()
    os.kill(process.pid, signal.SIGKILL)
    with read_only(disk):
        warning = process.finish(timeout_seconds=5.0)
        assert warning
        assert "cannot be started: Read-only file system" in warning
        with pytest.raises(StorageError, match="Read-only file system"):
            script.start(uri)
    assert script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(disk.path / "runs" / "mlflow.db")


@contextmanager
def read_only(disk: SmallDisk) -> Iterator[None]:
    """Read-only for the files that are opened from now on, as where a disk fails."""
    subprocess.run(["mount", "--bind", str(disk.path), str(disk.path)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk.path)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk.path)], check=True)


def test_a_folder_that_is_gone_costs_a_sentence(script: Script, tmp_path: Path) -> None:
    uri = default_tracking_uri(tmp_path / "store")
    process = script.start(uri)
    script.search()
    script.trial("t1")
    wait_for(script.has_ended(uri, "t1"))
    os.kill(process.pid, signal.SIGKILL)
    shutil.rmtree(script.output)
    warning = process.finish(timeout_seconds=5.0)
    assert warning
    assert "cannot be started: No such file or directory" in warning
    assert not script.output.exists()


def test_a_search_whose_files_cannot_be_stored_has_ended_all_the_same(
    script: Script, uri: str
) -> None:
    process = script.start(uri)
    script.search()
    script.trial("t1")
    wait_for(script.has_ended(uri, "t1"))
    artifacts = script.output.parent / "mlartifacts"
    assert not artifacts.exists()
    artifacts.touch()
    (script.output / "report.html").write_text("<html></html>")
    script.finish()
    warning = process.finish(timeout_seconds=PATIENCE_SECONDS)
    assert warning
    assert f"we may not write in {artifacts}; make it writable" in warning
    assert script.log.count("delivery failed") == 1
    script.audit(script.output.parent / "mlflow.db")
    artifacts.unlink()
    assert script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    assert len(list(artifacts.rglob("report.html"))) == 1


def test_a_record_that_is_gone_is_not_made_anew(script: Script, uri: str) -> None:
    script.record.close()
    assert script.place.path
    script.place.path.unlink()
    warning = script.start(uri).finish(timeout_seconds=1.0)
    assert warning
    assert "there is no record" in warning
    assert not script.place.path.exists()


@pytest.mark.parametrize("is_long", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_store_that_somebody_else_holds_gets_all_when_it_is_free(
    script: Script, uri: str, is_long: bool
) -> None:
    """MLflow waits 20 seconds for a lock, and gives up after that."""
    process = script.start(uri)
    script.search()
    script.trial("t1")
    wait_for(script.has_ended(uri, "t1"))
    with held(script.output.parent / "mlflow.db"):
        for number in range(2, 6):
            script.trial(f"t{number}")
        script.finish()
        if is_long:
            wait_for(lambda: "database is locked" in script.log)
        else:
            # The child looks for news each second.
            time.sleep(2 * POLL_SECONDS)
    assert process.finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(script.output.parent / "mlflow.db")


def test_nobody_waits_for_a_store_that_stays_locked(script: Script, uri: str) -> None:
    process = script.start(uri)
    script.search()
    script.trial("t1")
    wait_for(script.has_ended(uri, "t1"))
    with held(script.output.parent / "mlflow.db"):
        script.trial("t2")
        script.finish()
        warning = process.finish(timeout_seconds=2.0)
        assert warning
        assert not is_alive(process.pid)
    assert script.start(uri).finish(timeout_seconds=PATIENCE_SECONDS) is None
    script.audit(script.output.parent / "mlflow.db")


@contextmanager
def held(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield
        other.execute("rollback")
