"""The audit of killed searches finds what it is there to find: each fault is made on purpose."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.facts import Findings, Life
from tests.reliability.record_audit import audit_record
from tests.reliability.redone import redone
from tests.reliability.searches import SHARES, deal
from tests.tuning.fake_trainer import FakeTrainer, fresh_record, make_search
from tune_noise.record import Event, Record

# Optuna and Ray warn of their own future.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """The record of a whole search with two conditions, two levels, two rungs."""
    from tune_noise.tuning.session.session import Session

    path = tmp_path_factory.mktemp("record") / "record.db"
    search = make_search(trials=16)
    with fresh_record(path, search) as record:
        trainer = FakeTrainer(Session(search, record))
        trainer.run()
        trainer.session.finish()
        return list(record.events())


def renumbered(events: list[Event]) -> list[Event]:
    return [dataclasses.replace(event, number=n) for n, event in enumerate(events, 1)]


def without(events: list[Event], kind: str, place: int = 0) -> list[Event]:
    gone = [event for event in events if event.kind == kind][place]
    return renumbered([event for event in events if event is not gone])


def repeated(events: list[Event], kind: str) -> list[Event]:
    again = next(event for event in events if event.kind == kind)
    place = events.index(again) + 1
    return renumbered([*events[:place], again, *events[place:]])


def changed(events: list[Event], kind: str, **data: Any) -> list[Event]:
    first = next(event for event in events if event.kind == kind)
    other = dataclasses.replace(first, data={**first.data, **data})
    return [other if event is first else event for event in events]


def test_a_sound_record_passes(events: list[Event]) -> None:
    assert audit_record(events, [Life(0.0, events=events)]).all == []
    assert sum(event.kind == "rung" and not event.data["goes_on"] for event in events) > 5


@pytest.mark.parametrize("kind", ["ask", "start", "epoch", "end", "finish"])
def test_what_is_missing_is_lost(events: list[Event], kind: str) -> None:
    assert audit_record(without(events, kind), []).lost


def test_the_last_trial_without_its_confirmation_is_lost(events: list[Event]) -> None:
    assert audit_record(without(events, "ask", -1), []).lost


@pytest.mark.parametrize("kind", ["ask", "start", "epoch", "rung", "end", "finish"])
def test_what_happened_twice_is_duplicated(events: list[Event], kind: str) -> None:
    assert audit_record(repeated(events, kind), []).duplicated


def test_an_event_that_was_known_at_a_death_must_stand_unchanged(events: list[Event]) -> None:
    before = [dataclasses.replace(events[7], data={"epoch": 99}), *events[8:]]
    life = Life(0.0, killed=1.0, events=[*events[:7], *before])
    assert audit_record(events, [life]).lost == ["event 8 of life 1 was changed"]
    longer = Life(0.0, killed=1.0, events=events)
    assert "1 events of life 1" in audit_record(events[:-1], [longer]).lost


def another_finalist(events: list[Event]) -> list[Event]:
    asks = [event for event in events if event.kind == "ask"]
    chosen = {event.data["finalist"] for event in asks}
    other = next(event.trial_id for event in asks if event.trial_id not in chosen)
    return [
        dataclasses.replace(event, data={**event.data, "finalist": other})
        if event.kind == "ask" and event.data["finalist"]
        else event
        for event in events
    ]


DECISIONS: dict[str, Callable[[list[Event]], list[Event]]] = {
    "another verdict": lambda events: changed(events, "rung", goes_on=False),
    "another score": lambda events: changed(events, "rung", score=0.5),
    "another rung": lambda events: changed(events, "rung", epoch=2),
    "no verdict": lambda events: without(events, "rung"),
    "no effect": lambda events: [
        dataclasses.replace(event, data={"status": "completed", "stop_reason": "patience"})
        if event.kind == "end" and event.data["status"] == "stopped"
        else event
        for event in events
    ],
    "another finalist": another_finalist,
}


@pytest.mark.parametrize("change", DECISIONS.values(), ids=DECISIONS.keys())
def test_a_decision_that_does_not_follow_is_found(
    events: list[Event], change: Callable[[list[Event]], list[Event]]
) -> None:
    assert audit_record(change(events), []).decisions


def test_the_sampler_must_know_every_end(events: list[Event]) -> None:
    from tests.reliability.session_audit import audit_session

    assert audit_session(events).all == []
    ends = [event for event in events if event.kind == "end"]
    unended = renumbered([event for event in events if event is not ends[0]])
    findings = audit_session(unended)
    assert findings.sampler
    assert findings.lost


# Training that was done twice.


def history(restored: dict[str, Any] | None) -> Iterator[Event]:
    """A trial of 20 epochs of half a second, killed at second 8.2, after its report at 7."""
    ask = {"stage": "search", "stack_id": "t"}
    yield Event("ask", "t", ask, 0.0)
    for second in range(1, 8):
        for epoch in (2 * second - 1, 2 * second):
            yield Event("epoch", "t", {"epoch": epoch, "seconds": epoch / 2}, float(second))
    if restored:
        yield Event("note", "t", {"text": "t goes on", **restored}, 20.0)
    for epoch in range(15, 21):
        yield Event("epoch", "t", {"epoch": epoch, "seconds": epoch / 2}, 30.0)
    yield Event("end", "t", {"status": "completed"}, 31.0)


@pytest.mark.parametrize(
    ("restored", "epochs", "seconds"),
    [(None, 16, 8.2), ({"restored_epoch": 10, "restored_seconds": 5.0}, 6, 3.2)],
    ids=["from the beginning", "from a checkpoint"],
)
def test_redone_training_is_what_was_trained_since_the_restored_state(
    restored: dict[str, Any] | None, epochs: int, seconds: float
) -> None:
    events = list(history(restored))
    lives = [Life(0.0, killed=8.2, events=events[:15]), Life(15.0, known=events[:15])]
    lives[1].events = events
    [found] = redone(lives, events)
    assert (found.epochs, found.went_on) == (epochs, restored is not None)
    assert found.seconds == pytest.approx(seconds)
    assert found.intervals == pytest.approx(seconds / 5.0)


def test_what_was_not_reported_is_at_most_what_a_first_report_holds() -> None:
    events = list(history(None))
    lives = [Life(0.0, killed=4.0, events=events[:1]), Life(5.0, known=events[:1])]
    lives[1].events = events
    [found] = redone(lives, events)
    assert found.seconds == pytest.approx(1.0)


def test_kinds_of_searches_come_in_their_proportions() -> None:
    dealt = deal(100)
    assert {search: dealt.count(search) for search in SHARES} == SHARES
    assert len(set(deal(6))) >= 3


def test_findings_are_collected_by_kind() -> None:
    findings = Findings(lost=["a"])
    findings.add([Findings(lost=["b"], mlflow=["c"])])
    assert findings.all == ["lost: a", "lost: b", "mlflow: c"]


def test_records_are_read_as_they_are(events: list[Event], tmp_path: Path) -> None:
    from tests.reliability.facts import read_events

    assert read_events(tmp_path) == []
    with Record(tmp_path / "record.db", writer=True) as record:
        record.append(*events[:3])
    assert [event.kind for event in read_events(tmp_path)] == [e.kind for e in events[:3]]
