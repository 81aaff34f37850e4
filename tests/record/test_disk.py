"""A disk that is full, fails or is taken away under a record in a file."""

import shutil
import sqlite3
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.support.mounts import breakable_disk, read_only_view, small_disk
from tune_noise.errors import StorageError, UserError
from tune_noise.record import Event, Record


def append(record: Record, epoch: int, *, durable: bool = False) -> None:
    record.append(Event("epoch", "t1", {"epoch": epoch, "pad": "x" * 200}), durable=durable)


def append_for_ever(record: Record, *, durable: bool) -> None:
    for epoch in count():
        append(record, epoch, durable=durable)


def epochs(record: Record) -> list[int]:
    return [event.data["epoch"] for event in record.events()]


def test_durable_events_wait_for_the_disk_and_others_do_not(path: Path) -> None:
    with Record(path) as record:
        connection = record._database._connection  # type: ignore[attr-defined]
        for durable, level in ((True, 2), (False, 1)):
            append(record, 1, durable=durable)
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


SYNCED = """
import sys
from itertools import count
from pathlib import Path
from tune_noise.record import Event, Record
with Record(Path(sys.argv[1]), writer=True) as record:
    for number in range(20):
        print(f"append {number}", file=sys.stderr, flush=True)
        record.append(Event("epoch", "t1", {"epoch": number}), durable=number % 5 == 4)
    print("end", file=sys.stderr, flush=True)
"""


def test_the_system_is_asked_to_write_durable_events_to_the_disk_and_no_others(path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = path.with_suffix(".trace")
    command = [strace, "-f", "-e", "trace=fsync,fdatasync,write", "-s", "20", "-o", str(trace)]
    done = subprocess.run([*command, sys.executable, "-c", SYNCED, str(path)], capture_output=True)
    assert done.returncode == 0, done.stderr
    _, *appends = trace.read_text().split('"append ')
    synced = ["sync(" in part.partition('"end')[0] for part in appends]
    # The first finds the log new, and its header is written.
    assert synced[1:] == [number % 5 == 4 for number in range(1, 20)]


@pytest.mark.parametrize("durable", [True, False])
def test_on_a_full_disk_an_append_fails_and_a_later_one_works(
    tmp_path: Path, durable: bool
) -> None:
    with small_disk(tmp_path / "disk", kilobytes=400) as disk:
        path, ballast = disk / "record.db", disk / "ballast"
        ballast.write_bytes(bytes(100_000))
        with Record(path, writer=True) as record:
            with pytest.raises(StorageError, match=r"record\.db .*No space left on device"):
                append_for_ever(record, durable=durable)
            written = len(epochs(record))
            assert written > 20
            for _ in range(3):
                with pytest.raises(StorageError, match="No space left on device"):
                    record.append(*[Event("note", data={"text": "x" * 4000})] * 20)
            assert epochs(record) == list(range(written))
            with Record(path) as reader:
                assert epochs(reader) == list(range(written))
            ballast.unlink()
            append(record, written, durable=durable)
            assert epochs(record) == list(range(written + 1))
        with Record(path, writer=True) as record:
            assert epochs(record) == list(range(written + 1))
            assert record.dropped is None


def test_a_driver_that_ends_on_a_full_disk_leaves_a_whole_record(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=400) as disk:
        path, ballast = disk / "record.db", disk / "ballast"
        with Record(path, writer=True) as record:
            for epoch in range(30):
                append(record, epoch)
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(500_000))
            with pytest.raises(StorageError, match="No space left on device"):
                record.append(*[Event("note", data={"text": "x" * 4000})] * 20)
        ballast.unlink()
        with Record(path, writer=True) as record:
            assert epochs(record) == list(range(30))


def test_on_a_file_system_that_breaks_down_the_record_stays_whole(tmp_path: Path) -> None:
    with breakable_disk(tmp_path / "disk") as disk:
        path = disk.folder / "record.db"
        with Record(path, writer=True) as record:
            append(record, 0, durable=True)
            disk.break_down()
            for durable in (False, True):
                with pytest.raises(StorageError, match=r"record\.db .*Read-only file system"):
                    append(record, 1, durable=durable)
            assert epochs(record) == [0]
        with pytest.raises(UserError, match=r"cannot be opened as a record: Read-only file system"):
            Record(path, writer=True)
        with Record(path) as reader:
            assert epochs(reader) == [0]


@pytest.mark.parametrize("happens", ["file", "folder", "replaced"])
def test_a_file_that_is_taken_away_is_noticed(tmp_path: Path, happens: str) -> None:
    folder = tmp_path / "search"
    folder.mkdir()
    path = folder / "record.db"
    with Record(path, writer=True) as record:
        append(record, 0)
        if happens == "folder":
            shutil.rmtree(folder)
        else:
            path.unlink()
        if happens == "replaced":
            sqlite3.connect(path).close()
            path.write_bytes(b"")
        with pytest.raises(StorageError, match=r"cannot be written: it was removed or replaced"):
            append(record, 1)


def test_a_file_that_may_only_be_read_is_refused_to_a_writer(path: Path, tmp_path: Path) -> None:
    with Record(path) as record:
        append(record, 0)
    with read_only_view(tmp_path / "view", of=path.parent) as view:
        message = r"record.db cannot be opened as a record: Read-only file system"
        with pytest.raises(UserError, match=message):
            Record(view / "record.db", writer=True)


def test_a_file_where_none_can_be_is_refused(tmp_path: Path) -> None:
    for writer in (True, False):
        with pytest.raises(UserError, match=r"No such file or directory \(SQLITE_CANTOPEN\)"):
            Record(tmp_path / "none" / "record.db", writer=writer)
