import math
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.errors import UserError
from tune_noise.record import Event, Record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(width=64) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def finite(value: Any) -> Any:
    """The value as it should come back."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    return [finite(v) for v in value] if isinstance(value, list) else value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


def test_events_come_back_in_order_numbered_and_dated(path: Path) -> None:
    before = time.time()
    with Record(path) as record:
        record.append(Event("search", data={"config": {"name": "mine"}}))
        record.append(Event("start", "t1", {"n": 1}), Event("epoch", "t1", {"epoch": 1}))
        events = list(record.events())
    assert [(e.number, e.kind, e.trial_id) for e in events] == [
        (1, "search", None),
        (2, "start", "t1"),
        (3, "epoch", "t1"),
    ]
    assert events[0].data == {"config": {"name": "mine"}}
    assert all(before <= event.seconds <= time.time() for event in events)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_plain_values_come_back_as_they_were_but_for_what_is_not_finite(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    with Record(tmp_path_factory.mktemp("record") / "record.db") as record:
        record.append(Event("start", "t1", data))
        [event] = record.events()
    assert event.data == finite(data)


def test_a_record_is_opened_again_and_continued(path: Path) -> None:
    for number in range(3):
        with Record(path) as record:
            record.append(Event("epoch", "t1", {"epoch": number}), durable=number == 1)
    with Record(path) as record:
        assert [event.data["epoch"] for event in record.events()] == [0, 1, 2]
        assert [event.number for event in record.events(after=1)] == [2, 3]
        assert list(record.events(after=3)) == []


def test_an_append_of_several_events_is_all_or_nothing(path: Path) -> None:
    with Record(path) as record:
        with pytest.raises(TypeError, match="not JSON serializable"):
            record.append(Event("epoch", "t1", {"epoch": 1}), Event("epoch", "t1", {"x": object()}))
        assert list(record.events()) == []
        record.append(Event("epoch", "t1", {"epoch": 1}))
        assert len(list(record.events())) == 1


def test_durable_events_wait_for_the_disk_and_others_do_not(path: Path) -> None:
    with Record(path) as record:
        for durable, level in ((True, 2), (False, 1)):
            record.append(Event("epoch", "t1", {"epoch": 1}), durable=durable)
            found = record._connection.exec_driver_sql("PRAGMA synchronous").scalar()
            assert found == level
        assert record._connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_reader_sees_each_event_as_soon_as_it_is_appended(path: Path) -> None:
    with Record(path) as writer, Record(path) as reader:
        for number in range(1, 4):
            writer.append(Event("epoch", "t1", {"epoch": number}))
            assert [e.data["epoch"] for e in reader.events(after=number - 1)] == [number]
            # A reader in the middle of its events does not keep the writer waiting.
            iterator = reader.events()
            next(iterator)


WRITER = """
import sys
from pathlib import Path
from tune_noise.record import Event, Record
with Record(Path(sys.argv[1])) as record:
    for number in range(400):
        record.append(Event("epoch", "t1", {"epoch": number}), durable=number % 50 == 0)
        if number == 100:
            print("far enough", flush=True)
"""


def test_a_reader_in_another_process_never_misses_or_repeats_an_event(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        it.stdout.readline()
        seen: list[int] = []
        with Record(path) as reader:
            while len(seen) < 400:
                ended = it.poll() is not None
                seen += [event.data["epoch"] for event in reader.events(after=len(seen))]
                if ended:
                    break
    assert seen == list(range(400))


def test_a_killed_writer_leaves_all_that_it_appended(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        it.stdout.readline()
        it.kill()
    with Record(path) as record:
        numbers = [event.data["epoch"] for event in record.events()]
    assert len(numbers) > 100
    assert numbers == list(range(len(numbers)))


def test_a_file_that_is_no_record_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(UserError, match="not a readable record of a search: file is not"):
        Record(path)
    with pytest.raises(UserError, match="unable to open database file"):
        Record(path.parent / "none" / "record.db")


def test_a_database_without_events_is_an_empty_record(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table other (x int)")
    connection.close()
    with Record(path) as record:
        assert list(record.events()) == []


def test_appending_nothing_changes_nothing(path: Path) -> None:
    with Record(path) as record:
        record.append()
        assert list(record.events()) == []
