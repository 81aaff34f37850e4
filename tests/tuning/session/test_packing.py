"""Seeds dealt out to stacks: which stacks, when they end, and that the results stay the same."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.fake_trainer import FakeTrainer, fresh_record, make_search
from tests.tuning.session.test_confirmation import measure, racing_search
from tests.tuning.session.test_confirmation_on_digits import SPACE, train
from tune_noise.config.loader import build_search
from tune_noise.config.search import Resources
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record import Event, Record
from tune_noise.reporting import summarise
from tune_noise.tuning.session.packing import Load, load_of, num_stacks, shares
from tune_noise.tuning.session.session import Session

loads = st.builds(
    Load,
    seeds=st.integers(1, 12),
    seconds=st.floats(0.01, 100.0),
    added=st.sampled_from([0.0, 0.4, 0.6, 1.0]),
)
slots = st.integers(1, 16)


def end_of(loads: list[Load], stacks: list[int], slots: int) -> float:
    """When all is trained, by a second derivation: every stack goes to the slot that is free."""
    free = [0.0] * slots
    for load, number in zip(loads, stacks, strict=True):
        for members in shares(load.seeds, number):
            soonest = free.index(min(free))
            free[soonest] += load.seconds * (1.0 + load.added * (members - 1))
    return max(free)


@given(st.integers(1, 40), st.data())
def test_shares_are_as_even_as_can_be_and_lose_no_seed(seeds: int, data: st.DataObject) -> None:
    found = shares(seeds, data.draw(st.integers(1, seeds)))
    assert sum(found) == seeds
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] <= 1
    assert found[-1] >= 1


@given(st.lists(loads, min_size=1, max_size=6), slots)
def test_it_ends_no_later_than_in_one_stack_each_or_with_every_seed_apart(
    loads: list[Load], slots: int
) -> None:
    found = num_stacks(loads, slots=slots)
    assert all(1 <= n <= load.seeds for n, load in zip(found, loads, strict=True))
    end = end_of(loads, found, slots)
    assert end <= 1.0001 * end_of(loads, [1] * len(loads), slots)
    assert end <= 1.0501 * end_of(loads, [load.seeds for load in loads], slots)


@given(st.lists(loads, min_size=1, max_size=6))
def test_one_slot_trains_each_finalist_in_one_stack(loads: list[Load]) -> None:
    assert num_stacks(loads, slots=1) == [1] * len(loads)


@given(st.integers(1, 8), st.integers(1, 12), slots)
def test_members_that_cost_nothing_are_never_split(number: int, seeds: int, slots: int) -> None:
    assert num_stacks([Load(seeds, 1.0, 0.0)] * number, slots=slots) == [1] * number


@pytest.mark.parametrize(
    ("finalists", "slots", "added", "expected"),
    [
        (2, 4, 1.0, [2, 2]),  # 5 -> 3 of one training
        (1, 4, 1.0, [3]),  # 5 -> 2: a fourth stack would end no sooner
        (1, 8, 1.0, [5]),  # 5 -> 1
        (4, 4, 0.6, [1, 1, 1, 1]),  # all slots are busy already
    ],
)
def test_equal_finalists_on_five_seeds_fill_the_slots(
    finalists: int, slots: int, added: float, expected: list[int]
) -> None:
    assert num_stacks([Load(5, 2.0, added)] * finalists, slots=slots) == expected


def test_the_slowest_finalist_is_split_first() -> None:
    assert num_stacks([Load(5, 1.0, 1.0), Load(5, 9.0, 1.0)], slots=4) == [1, 3]


@pytest.mark.parametrize(("gpus", "added"), [(0.0, 1.0), (0.25, 0.0)])
def test_the_time_of_a_finalist_is_that_of_its_search_trial(gpus: float, added: float) -> None:
    config = TrialConfig(model="conv4", epochs=6)
    trial = TrialHistory("t", "t", "search", "c", config)
    trial.epochs = [{"epoch": e, "seconds": 0.5 * e} for e in (1, 2)]
    found = load_of(trial, Resources(gpus_per_trial=gpus), seeds=3)
    assert found == Load(seeds=3, seconds=3.0, added=added)


def seeds_of(history: History) -> Counter[tuple[str | None, int]]:
    confirmed = [trial for trial in history.trials.values() if trial.stage == "confirm"]
    return Counter((trial.finalist, trial.config.seed) for trial in confirmed)


def confirmed_on(path: Path, slots: int, **changes: Any) -> tuple[History, list[str]]:
    search = racing_search(**changes)
    with fresh_record(path, search) as record:
        session = Session(search, record)
        session.slots = lambda: slots
        trainer = FakeTrainer(session, objective=measure)
        trainer.run()
        session.finish()
        assert session.finished
        return History.replay(record.events()), trainer.trained


def test_the_slots_change_the_stacks_and_nothing_else(tmp_path: Path) -> None:
    one, _ = confirmed_on(tmp_path / "one.db", 1)
    many, trained = confirmed_on(tmp_path / "many.db", 16)
    assert seeds_of(many) == seeds_of(one)
    assert set(seeds_of(many).values()) == {1}
    assert summarise(many).conditions[0].to_json() == summarise(one).conditions[0].to_json()
    assert len(set(trained)) == len(trained)
    assert {"c1-f1", "c1-f1-from2", "c1-f1-from3", "c1-f2", "c1-f1-from4"} <= set(trained)
    assert {t.trial_id for t in many.trials.values()} == {t.trial_id for t in one.trials.values()}


def test_conditions_that_wait_for_their_confirmation_share_the_slots(tmp_path: Path) -> None:
    search = make_search(confirm={"finalists": 2, "seeds": 4}, trials=4)
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        session.slots = lambda: 4
        trainer = FakeTrainer(session)
        trainer.run()
    # Two conditions with two finalists each fill four slots.
    confirmed = [name for name in trainer.trained if "-f" in name]
    assert sorted(confirmed) == ["c1-f1", "c1-f2", "c2-f1", "c2-f2"]


def test_a_kill_among_split_stacks_loses_no_seed_and_repeats_none(tmp_path: Path) -> None:
    search = racing_search()
    whole, _ = confirmed_on(tmp_path / "whole.db", 4)
    with Record(tmp_path / "whole.db") as record:
        events = list(record.events())
    first = next(i for i, e in enumerate(events) if e.data.get("stage") == "confirm")
    ends = [i for i in range(first, len(events)) if events[i].kind == "end"]
    for end in ends:
        with Record(tmp_path / f"{end}.db") as record:
            record.append(*(Event(e.kind, e.trial_id, e.data, e.seconds) for e in events[:end]))
            session = Session(search, record)
            session.slots = lambda: 7  # the cluster may have grown
            FakeTrainer(session, objective=measure).run()
            assert seeds_of(session.history) == seeds_of(whole), end


def test_a_seed_learns_the_same_in_a_stack_of_all_and_in_a_part(
    few_digits: Dataset, tmp_path: Path
) -> None:
    space = {**SPACE, "confirm": {"finalists": 2, "seeds": 3}}
    search = build_search(space, source="digits.yaml")
    found = []
    for slots in (1, 4):
        with fresh_record(tmp_path / f"{slots}.db", search) as record:
            session = Session(search, record)
            session.slots = lambda number=slots: number
            while stack := session.next_stack():
                train(session, stack, few_digits)
            found.append([t for t in session.history.trials.values() if t.stage == "confirm"])
    together, apart = found
    assert len({t.stack_id for t in together}) < len({t.stack_id for t in apart})
    for one, other in zip(together, apart, strict=True):
        assert one.config == other.config
        assert one.score == pytest.approx(other.score, rel=1e-4, abs=1e-6)
        assert one.facts == other.facts
