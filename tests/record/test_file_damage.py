"""A record's file after a crash or on a bad disk: cut off anywhere, any byte changed."""

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tune_noise.errors import UserError
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.salvage import salvage

PAGE, LOG_HEADER, FRAME = 4096, 32, 24 + 4096


@dataclass(frozen=True)
class Files:
    """What a crash left: the file, its log, and what was recorded in them."""

    file: bytes
    log: bytes
    events: tuple[Event, ...]

    def write(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "record.db").write_bytes(self.file)
        if self.log:
            (folder / "record.db-wal").write_bytes(self.log)
        return folder / "record.db"


@cache
def crashed(kind: str) -> Files:
    """The files of a writer that died: all events in the `log`, in the `file`, or in `both`."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "record.db")
        record = Record(path)
        for number in range(12):
            if kind == "both" and number == 8:
                record.close()
                record = Record(path)
            pad = "x" * (number * 97 % 400)
            event = Event(
                "epoch", f"t{number}", {"epoch": number, "loss": 0.1 * number, "pad": pad}
            )
            record.append(event, durable=number % 3 == 0)
        events = tuple(record.events())
        if kind == "file":
            record.close()
        log = Path(f"{path}-wal")
        files = Files(path.read_bytes(), log.read_bytes() if log.exists() else b"", events)
        record.close()
    assert bool(files.log) == (kind != "file")
    return files


def read(path: Path, *, writer: bool) -> tuple[list[Event], str | None]:
    with Record(path, writer=writer) as record:
        return list(record.events()), record.dropped


def read_or_refusal(path: Path, *, writer: bool) -> tuple[list[Event], str | None] | str:
    try:
        return read(path, writer=writer)
    except UserError as error:
        return str(error)


def test_each_event_of_the_log_is_a_transaction_of_some_frames() -> None:
    frames = (len(crashed("log").log) - LOG_HEADER) / FRAME
    assert frames == int(frames) >= 12


@pytest.mark.parametrize("cut", [1, 5, 16, 24, 25, 2000, FRAME - 1, FRAME])
def test_an_unfinished_last_write_is_left_out_with_a_word(tmp_path: Path, cut: int) -> None:
    whole = crashed("log")
    files = Files(whole.file, whole.log[:-cut], whole.events)
    path = files.write(tmp_path / "crashed")
    before = read(path, writer=False)
    assert before == (list(whole.events[:-1]), None)
    assert (tmp_path / "crashed" / "record.db-wal").stat().st_size == len(files.log)
    events, dropped = read(path, writer=True)
    assert events == list(whole.events[:-1])
    if cut < FRAME or frames_of_last(whole.log) > 1:
        assert dropped == f"{path}: an unfinished last write was found and left out"
    assert read(path, writer=True) == (events, None)


def frames_of_last(log: bytes) -> int:
    """Frames of the last transaction: every frame but its last says 0 pages in all."""
    count = 1
    while log[-FRAME * (count + 1) + 4 : -FRAME * (count + 1) + 8] == bytes(4):
        count += 1
    return count


def test_several_lost_writes_are_counted(tmp_path: Path) -> None:
    whole = crashed("log")
    log = bytearray(whole.log)
    ends = [
        start
        for start in range(LOG_HEADER, len(log), FRAME)
        if log[start + 4 : start + 8] != bytes(4)
    ]
    log[ends[-3] + 100] ^= 1
    path = Files(whole.file, bytes(log), whole.events).write(tmp_path / "crashed")
    events, dropped = read(path, writer=True)
    assert events == list(whole.events[:-3])
    assert dropped == f"{path}: the last 3 writes were not whole on the disk and were left out"


def test_what_an_earlier_use_left_in_the_log_is_no_unfinished_write(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    record = Record(path)
    for number in range(30):
        record.append(Event("epoch", "t1", {"epoch": number}))
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    other.close()
    record.append(Event("finish"))
    files = Files(path.read_bytes(), Path(f"{path}-wal").read_bytes(), tuple(record.events()))
    record.close()
    assert len(files.log) > 20 * FRAME
    assert read(files.write(tmp_path / "crashed"), writer=True) == (list(files.events), None)


def check(files: Files, damaged: Files, folder: Path) -> None:
    """Readers and writers find a beginning of the events, or say that they cannot."""
    path = damaged.write(folder)
    for writer in (False, True):
        found = read_or_refusal(path, writer=writer)
        if isinstance(found, str):
            assert "tune_noise.salvage" in found
            continue
        events, dropped = found
        assert events == list(files.events[: len(events)])
        if writer:
            with Record(path, writer=True) as record:
                record.append(Event("run"), durable=True)
                assert [e.number for e in record.events()] == list(range(1, len(events) + 2))
        if writer and len(events) < len(files.events):
            # A cut between two writes leaves no trace, and is no damage.
            assert dropped or damaged.file == b"" or len(damaged.log) % FRAME in (0, LOG_HEADER)
    path = damaged.write(folder)
    try:
        kept = salvage(RecordPlace.of_file(path)).kept
    except UserError:
        kept = 0
    if kept:
        assert read(path, writer=True)[0] == list(files.events[:kept])


KINDS = st.sampled_from(["log", "file", "both"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=KINDS,
    in_log=st.booleans(),
    place=st.floats(0, 1, exclude_max=True),
    change=st.integers(1, 255),
)
@example(kind="log", in_log=True, place=0.0, change=1)
@example(kind="file", in_log=False, place=18 / 3 / PAGE, change=1)
# Only while rows are fetched does the driver see this one, and raises an error of its own.
@example(kind="file", in_log=False, place=0.650390625, change=1)
def test_any_changed_byte_leaves_a_beginning_or_a_clear_error(
    tmp_path: Path, kind: str, in_log: bool, place: float, change: int
) -> None:
    files = crashed(kind)
    target = bytearray(files.log if in_log and files.log else files.file)
    target[int(place * len(target))] ^= change
    if in_log and files.log:
        damaged = Files(files.file, bytes(target), files.events)
    else:
        damaged = Files(bytes(target), files.log, files.events)
    check(files, damaged, tmp_path / "crashed")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=KINDS, in_log=st.booleans(), place=st.floats(0, 1, exclude_max=True))
def test_any_cut_leaves_a_beginning_or_a_clear_error(
    tmp_path: Path, kind: str, in_log: bool, place: float
) -> None:
    files = crashed(kind)
    if in_log and files.log:
        damaged = Files(files.file, files.log[: int(place * len(files.log))], files.events)
    else:
        damaged = Files(files.file[: int(place * len(files.file))], files.log, files.events)
    check(files, damaged, tmp_path / "crashed")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3000), header=st.booleans())
def test_any_other_bytes_are_refused(tmp_path: Path, content: bytes, header: bool) -> None:
    content = (b"SQLite format 3\0" if header else b"") + content
    path = Files(content, b"", ()).write(tmp_path / "crashed")
    for writer in (False, True):
        found = read_or_refusal(path, writer=writer)
        assert found == ([], None) if content == b"" else "tune_noise.salvage" in found


def test_a_record_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE events (number INTEGER NOT NULL, seconds FLOAT NOT NULL, kind VARCHAR(16)"
        " NOT NULL, trial_id VARCHAR(200), data TEXT NOT NULL, PRIMARY KEY (number))"
    )
    connection.close()
    for writer in (False, True):
        with pytest.raises(UserError, match=r"written by an earlier version of tune_noise.*--name"):
            Record(path, writer=writer)


def test_a_database_without_events_is_an_empty_record(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x int)")
    connection.close()
    assert read(path, writer=True) == ([], None)
