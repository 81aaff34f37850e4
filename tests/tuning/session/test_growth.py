"""The time budget of all drivers together; a search that is given more time, or more trials."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tuning.fake_trainer import FakeTrainer, finalists_of, fresh_record, make_search
from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.tuning.session.session import Session

SEARCH = make_search(early_stopping=None)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with fresh_record(tmp_path / "record.db", SEARCH) as record:
        yield record


def driver(record: Record, *, budget: float | None, search: SearchConfig = SEARCH) -> FakeTrainer:
    """A driver that begins, or takes over, as `service` does it."""
    run = {"host": "here", "pid": 1, "time_budget_seconds": budget}
    record.append(Event("run", data=run))
    return FakeTrainer(Session(search, record, time_budget_seconds=budget))


def train(trainer: FakeTrainer, stacks: int) -> None:
    for _ in range(stacks):
        stack = trainer.session.next_stack()
        assert stack is not None
        trainer.train(stack)


def stages(record: Record) -> dict[str, int]:
    trials = History.replay(record.events()).trials.values()
    return Counter(trial.stage for trial in trials)


def test_after_the_time_budget_nothing_is_searched_and_the_best_so_far_are_confirmed(
    record: Record, clock: Clock
) -> None:
    trainer = driver(record, budget=60)
    session = trainer.session
    train(trainer, 8)
    late = session.next_stack()
    assert late is not None
    [report, *_] = trainer.reports(late)
    report[late.stack_id] |= {"status": None}
    clock.now += 61
    assert session.out_of_time
    assert not session.report(report)
    trial = session.history.trials[late.stack_id]
    assert (trial.status, trial.stop_reason) == ("stopped", "time budget used up")
    trainer.run()
    assert session.finished
    assert stages(record) == {"search": 9, "confirm": 2 * 3 * 2}
    assert session.history.warnings == [
        "the time budget of 60 s is used up: no further trial of the search is begun"
    ]


def test_a_budget_in_which_no_trial_begins_is_no_warning_about_further_ones(
    record: Record, clock: Clock
) -> None:
    session = driver(record, budget=60).session
    clock.now += 61
    assert session.next_stack() is None
    assert session.history.trials == {}
    assert session.history.warnings == []
    assert session.history.time.is_used_up


def test_the_budget_is_of_all_drivers_together_and_not_of_the_time_between(
    record: Record, clock: Clock
) -> None:
    first = driver(record, budget=60)
    clock.now += 40
    train(first, 1)
    clock.now += 1000  # dead
    second = driver(record, budget=60)
    assert not second.session.out_of_time
    clock.now += 19
    assert not second.session.out_of_time
    clock.now += 2
    assert second.session.out_of_time
    clock.now += 1000
    assert driver(record, budget=60).session.out_of_time


def test_a_used_up_budget_stays_so_for_the_next_driver(record: Record, clock: Clock) -> None:
    """Its last trial may have ended just before: the time since then is in no event."""
    first = driver(record, budget=60)
    train(first, 8)
    clock.now += 61
    assert first.session.next_stack() is not None  # the finalists are asked for, then it dies
    second = driver(record, budget=60)
    second.run()
    assert second.session.finished
    assert stages(record) == {"search": 8, "confirm": 12}


def test_with_more_time_the_search_goes_on_and_new_finalists_are_confirmed_too(
    record: Record, clock: Clock
) -> None:
    first = driver(record, budget=60)
    train(first, 8)
    clock.now += 61
    first.run()
    assert first.session.finished
    before = History.replay(record.events())
    second = driver(record, budget=None)
    second.run()
    assert second.session.finished
    assert stages(record)["search"] == 18
    check_growth(before, second.session)


def test_more_trials_go_on_where_the_search_ended(record: Record) -> None:
    first = driver(record, budget=None)
    first.run()
    before = History.replay(record.events())
    larger = make_search(early_stopping=None, trials=20)
    record.append(Event("extend", data={"trials": 20}))
    second = driver(record, budget=None, search=larger)
    assert not second.session.finished
    second.run()
    assert second.session.finished
    assert stages(record)["search"] == 40
    check_growth(before, second.session)


def check_growth(before: History, session: Session) -> None:
    """What there was is unchanged; the finalists of now are confirmed, each of them once."""
    after = session.history
    assert all(after.trials[t].epochs == trial.epochs for t, trial in before.trials.items())
    assert len({t.trial_id for t in after.trials.values()}) == len(after.trials)
    for condition in ("noise_rate=0.2", "noise_rate=0.45"):
        confirm = after.of(condition=condition, stage="confirm")
        seeds = Counter((trial.finalist, trial.config.seed) for trial in confirm)
        assert set(seeds.values()) == {1}
        now = {trial.trial_id for trial in finalists_of(session, condition)}
        assert now <= {trial.finalist for trial in confirm}
        stacks = {trial.stack_id: trial.finalist for trial in confirm}
        assert len(stacks) == len(set(stacks.values()))


def test_a_serial_search_that_grew_asked_what_it_would_have_asked_at_once(tmp_path: Path) -> None:
    """Random proposals depend on their number alone."""
    small, large = (make_search(sampler="random", trials=n, early_stopping=None) for n in (4, 9))
    with fresh_record(tmp_path / "grown.db", small) as grown:
        driver(grown, budget=None, search=small).run()
        driver(grown, budget=None, search=large).run()
        of_grown = History.replay(grown.events())
    with fresh_record(tmp_path / "whole.db", large) as whole:
        driver(whole, budget=None, search=large).run()
        of_whole = History.replay(whole.events())
    for condition in ("noise_rate=0.2", "noise_rate=0.45"):
        configs = [
            sorted(t.config.model_dump_json() for t in h.of(condition=condition, stage="search"))
            for h in (of_grown, of_whole)
        ]
        assert configs[0] == configs[1]
