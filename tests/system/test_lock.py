"""Locks of the operating system: one driver per folder, and questions that disturb nobody."""

import errno
import fcntl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tune_noise.errors import UserError
from tune_noise.system.lock import LOCK_FILE, is_owned, own_folder, take_lock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mine"


def test_a_second_driver_is_refused_while_the_first_lives(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tune_noise.system.lock import own_folder\n"
        "with own_folder(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"mine\n"
        with pytest.raises(UserError, match="a search is running in it"), own_folder(folder):
            pass
        first.kill()
    with own_folder(folder):
        pass


def test_asking_never_keeps_a_driver_out(tmp_path: Path) -> None:
    with own_folder(tmp_path):
        pass
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            is_owned(tmp_path)
            time.sleep(0.001)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            with own_folder(tmp_path):
                assert is_owned(tmp_path)
    finally:
        stop.set()
        asking.join()
    assert not is_owned(tmp_path)
    assert not is_owned(tmp_path / "none")


def test_a_file_system_without_locks_is_refused_in_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    folder.mkdir(parents=True)
    (folder / LOCK_FILE).touch()
    monkeypatch.setattr(fcntl, "flock", flock)
    assert not is_owned(folder)
    with pytest.raises(UserError, match="not implemented"), own_folder(folder):
        pass


def test_a_lock_changes_nothing_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "tracking.log"
    path.write_text("a line\n")
    with take_lock(path), path.open("a") as log:
        log.write("another\n")
    assert path.read_text() == "a line\nanother\n"


def test_a_wait_for_a_lock_can_be_given_up(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with ThreadPoolExecutor() as pool, take_lock(tmp_path / "lock"):
        given_up = pool.submit(take_lock, tmp_path / "lock", give_up=lambda: next(answers))
        timed_out = pool.submit(take_lock, tmp_path / "lock", seconds=0.0)
        for waiting in (given_up, timed_out):
            with pytest.raises(TimeoutError):
                waiting.result()
    assert list(answers) == []


def test_a_folder_may_be_removed_while_it_is_owned(folder: Path) -> None:
    with own_folder(folder):
        (folder / LOCK_FILE).unlink()
        folder.rmdir()
    assert not folder.exists()
