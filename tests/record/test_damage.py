"""Damaged rows, in either database: the last one is left out with a word, an earlier one named."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_server import PostgresServer
from tune_noise.errors import UserError
from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.salvage import salvage

Execute = Callable[[str], None]


@pytest.fixture
def execute(place: RecordPlace, request: pytest.FixtureRequest) -> Execute:
    """Run a statement on the rows of the place's search, past all checks."""

    def run(statement: str) -> None:
        statement = f"{statement} AND search = '{place.search}'"
        if place.path is None:
            server: PostgresServer = request.getfixturevalue("postgres")
            server.sql(statement)
            return
        with sqlite3.connect(place.path) as connection:
            connection.execute(statement)
        connection.close()

    return run


@pytest.fixture
def five(place: RecordPlace) -> RecordPlace:
    """A place that holds five events."""
    with Record(place) as record:
        for epoch in range(1, 6):
            record.append(Event("epoch", "t1", {"epoch": epoch}), durable=True)
    return place


def numbers(record: Record) -> list[int]:
    return [event.number for event in record.events()]


CHANGES = [
    "data = replace(data, 'epoch', 'epoca')",
    "trial_id = 't2'",
    "trial_id = NULL",
    "kind = 'end'",
    "seconds = seconds + 0.0001",
    "checksum = checksum + 1",
    "number = 99",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_damaged_last_event_is_left_out_with_a_word(
    five: RecordPlace, execute: Execute, change: str
) -> None:
    execute(f"UPDATE events SET {change} WHERE number = 5")
    with Record(five) as reader:
        assert reader.dropped is None
        assert numbers(reader) == [1, 2, 3, 4]
        assert reader.dropped is not None
    last = 99 if "number" in change else 5
    with Record(five, writer=True) as record:
        assert (
            record.dropped
            == f"{five.shown}: event {last}, the last one, is damaged and was left out"
        )
        assert numbers(record) == [1, 2, 3, 4]
        record.append(Event("epoch", "t1", {"epoch": 5}))
        assert numbers(record) == [1, 2, 3, 4, 5]
    with Record(five, writer=True) as record:
        assert record.dropped is None


@pytest.mark.parametrize("change", CHANGES[:-1])
@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_damaged_earlier_event_is_named(
    five: RecordPlace, execute: Execute, change: str, number: int
) -> None:
    execute(f"UPDATE events SET {change} WHERE number = {number}")
    for writer in (False, True):
        with Record(five, writer=writer) as record:
            events = record.events()
            assert [next(events).number for _ in range(1, number)] == list(range(1, number))
            with pytest.raises(UserError, match=rf"event {number} is damaged.*tune_noise\.salvage"):
                next(events)


@pytest.mark.parametrize("number", [1, 3])
def test_a_missing_event_is_named(five: RecordPlace, execute: Execute, number: int) -> None:
    execute(f"DELETE FROM events WHERE number = {number}")
    with (
        Record(five) as record,
        pytest.raises(UserError, match=f"event {number} is damaged or mis"),
    ):
        numbers(record)


def test_two_damaged_events_at_the_end_are_no_unfinished_write(
    five: RecordPlace, execute: Execute
) -> None:
    execute("UPDATE events SET kind = 'end' WHERE number >= 4")
    for writer in (False, True, True):
        with Record(five, writer=writer) as record, pytest.raises(UserError, match="event 4 is"):
            numbers(record)


def test_the_only_event_may_be_the_damaged_one(place: RecordPlace, execute: Execute) -> None:
    with Record(place) as record:
        record.append(Event("search"))
    execute("UPDATE events SET kind = 'end' WHERE number = 1")
    with Record(place, writer=True) as record:
        assert record.dropped is not None
        assert numbers(record) == []
        record.append(Event("search"))
        assert numbers(record) == [1]


def test_salvaging_keeps_what_stands_before_the_damage(five: RecordPlace, execute: Execute) -> None:
    execute("UPDATE events SET kind = 'end' WHERE number = 3")
    result = salvage(five)
    assert result.kept == 2
    assert "event 3 is damaged" in str(result.reason)
    assert (result.aside is None) == (five.path is None)
    with Record(five, writer=True) as record:
        assert record.dropped is None
        assert numbers(record) == [1, 2]
        record.append(Event("run"))
        assert numbers(record) == [1, 2, 3]
    assert salvage(five).reason is None


def test_salvaging_a_whole_record_changes_nothing(five: RecordPlace) -> None:
    result = salvage(five)
    assert (result.kept, result.reason, result.aside) == (5, None, None)
    with Record(five) as record:
        assert numbers(record) == [1, 2, 3, 4, 5]


def test_salvaging_puts_each_damaged_file_aside(tmp_path: Path) -> None:
    place = RecordPlace.of_file(tmp_path / "record.db")
    for life in (1, 2):
        with Record(place) as record:
            record.append(Event("run"), Event("run"))
        connection = sqlite3.connect(tmp_path / "record.db")
        connection.execute("UPDATE events SET kind = 'x' WHERE number = 2")
        connection.commit()
        connection.close()
        with Record(place) as record:
            record.restore([Event("run", number=9, seconds=1.0)])
        assert salvage(place).kept == 1
        assert len(list(tmp_path.glob("record.db.damaged*"))) == life
    assert not list(tmp_path.glob(".salvage*"))


def test_nothing_to_salvage_is_said(
    place: RecordPlace, execute: Execute, five: RecordPlace
) -> None:
    execute("UPDATE events SET kind = 'end' WHERE number <= 2")
    with pytest.raises(UserError, match="not one event can be read"):
        salvage(five)
