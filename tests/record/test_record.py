import math
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine.default import DefaultDialect

from tune_noise.record import Event, Record, RecordPlace
from tune_noise.record.reach import check, exists

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


def test_events_come_back_in_order_numbered_and_dated(place: RecordPlace) -> None:
    before = time.time()
    with Record(place) as record:
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


@pytest.fixture
def open_record(place: RecordPlace) -> Iterator[Record]:
    with Record(place) as record:
        yield record


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), JSON, max_size=4), st.text(st.characters(codec="utf-8")))
def test_plain_values_come_back_as_they_were_but_for_what_is_not_finite(
    open_record: Record, data: dict[str, Any], trial_id: str
) -> None:
    trial_id = trial_id.replace("\0", "")
    open_record.append(Event("start", trial_id, data))
    *_, event = open_record.events()
    assert (event.trial_id, event.data) == (trial_id, finite(data))


def test_a_record_is_opened_again_and_continued(place: RecordPlace) -> None:
    for number in range(3):
        with Record(place, writer=True) as record:
            assert record.dropped is None
            record.append(Event("epoch", "t1", {"epoch": number}), durable=number == 1)
    with Record(place) as record:
        assert [event.data["epoch"] for event in record.events()] == [0, 1, 2]
        assert [event.number for event in record.events(after=1)] == [2, 3]
        assert list(record.events(after=3)) == []


def test_an_append_of_several_events_is_all_or_nothing(place: RecordPlace) -> None:
    with Record(place) as record:
        with pytest.raises(TypeError, match="not JSON serializable"):
            record.append(Event("epoch", "t1", {"epoch": 1}), Event("epoch", "t1", {"x": object()}))
        assert list(record.events()) == []
        record.append(Event("epoch", "t1", {"epoch": 1}))
        assert [event.number for event in record.events()] == [1]


def test_a_long_record_is_read_in_parts(place: RecordPlace) -> None:
    with Record(place) as record:
        record.append(*(Event("epoch", "t1", {"epoch": number}) for number in range(500)))
        for chunk in (1, 7, 499, 500, 501):
            found = [event.data["epoch"] for event in record.events(after=3, chunk=chunk)]
            assert found == list(range(3, 500))


def test_a_reader_sees_each_event_as_soon_as_it_is_appended(place: RecordPlace) -> None:
    with Record(place, writer=True) as writer, Record(place) as reader:
        for number in range(1, 4):
            writer.append(Event("epoch", "t1", {"epoch": number}))
            assert [e.data["epoch"] for e in reader.events(after=number - 1)] == [number]
            # A reader in the middle of its events does not keep the writer waiting.
            iterator = reader.events(chunk=1)
            next(iterator)


def test_a_reader_may_become_a_writer(place: RecordPlace) -> None:
    with Record(place, writer=True) as first:
        first.append(Event("search"))
        with Record(place) as second:
            assert len(list(second.events())) == 1
            second.append(Event("finish"))
        assert [event.kind for event in first.events()] == ["search", "finish"]


def test_appending_nothing_changes_nothing(place: RecordPlace) -> None:
    with Record(place) as record:
        record.append()
        assert list(record.events()) == []


def test_a_place_knows_whether_something_is_recorded_there(place: RecordPlace) -> None:
    assert not exists(place)
    check(place)
    with Record(place) as record:
        record.append(Event("search"))
        assert exists(place)
    assert exists(place)


def test_searches_in_one_database_do_not_see_each_other(place: RecordPlace) -> None:
    places = [replace(place, search=f"{name} {uuid.uuid4().hex}") for name in ("a", "b")]
    with Record(places[0], writer=True) as first, Record(places[1], writer=True) as second:
        for number in range(5):
            first.append(Event("epoch", "t1", {"epoch": number}), durable=True)
            second.append(Event("epoch", "t2", {"epoch": number}))
        for record, trial_id in ((first, "t1"), (second, "t2")):
            events = list(record.events())
            assert [event.number for event in events] == [1, 2, 3, 4, 5]
            assert {event.trial_id for event in events} == {trial_id}
    assert all(exists(place) for place in places)


def test_after_a_failed_append_the_numbers_go_on_without_a_gap(place: RecordPlace) -> None:
    with Record(place, writer=True) as record:
        record.append(Event("search"))
        write = record._database.write

        def interrupted(*arguments: Any, **options: Any) -> None:
            write(*arguments, **options)
            raise KeyboardInterrupt

        record._database.write = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            record.append(Event("ask", "t1"))
        record._database.write = write  # type: ignore[method-assign]
        record.append(Event("ask", "t2"))
        assert [(e.number, e.trial_id) for e in record.events()] == [
            (1, None),
            (2, "t1"),
            (3, "t2"),
        ]


def test_an_interrupt_in_a_read_lets_the_record_be_closed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt  # a signal that comes at this moment

    record = Record(path, writer=True)
    record.append(Event("finish"), durable=True)
    with monkeypatch.context() as patch:
        patch.setattr(DefaultDialect, "do_commit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            list(record.events())
    record.close()
    with Record(path) as record:
        assert [event.kind for event in record.events()] == ["finish"]
