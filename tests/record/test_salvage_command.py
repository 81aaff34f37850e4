import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tune_noise.record import Event, Record
from tune_noise.system.lock import own_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a search whose third event is damaged."""
    made = tmp_path / "uniform"
    made.mkdir()
    with Record(made / "record.db") as record:
        record.append(*(Event("epoch", "t1", {"epoch": number}) for number in range(1, 6)))
    with sqlite3.connect(made / "record.db") as connection:
        connection.execute("UPDATE events SET kind = 'end' WHERE number = 3")
    connection.close()
    return made


def salvage(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tune_noise.salvage", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_damaged_record_is_cut_and_its_file_put_aside(folder: Path) -> None:
    done = salvage(folder)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said == [
        f"{folder}/record.db: event 3 is damaged or missing",
        f"kept   2 events in {folder}/record.db",
        f"aside  {folder}/record.db.damaged",
        f"resume with: tune-noise resume {folder}",
    ]
    with Record(folder / "record.db", writer=True) as record:
        assert [event.number for event in record.events()] == [1, 2]
    done = salvage(folder)
    assert done.stdout == f"{folder}/record.db is not damaged: 2 events, nothing changed\n"


def test_a_search_that_runs_is_left_alone(folder: Path) -> None:
    before = (folder / "record.db").read_bytes()
    with own_folder(folder):
        done = salvage(folder)
    assert done.returncode == 2
    assert "a search is running in it" in done.stderr
    assert (folder / "record.db").read_bytes() == before


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    done = salvage(tmp_path / "none")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}/none holds no search: nothing is recorded")
    assert not (tmp_path / "none").exists()
