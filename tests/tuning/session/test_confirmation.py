"""Finalists on fresh seeds, look by look: who gets further ones, and what a kill changes."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tuning.fake_trainer import FakeTrainer, finalists_of, fresh_record, make_search
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.reporting import summarise
from tune_noise.tuning.session.session import Session

NAME = "noise_rate=0.45"
# Of the fresh seed s: the finalist at 0.1 is alone below, the two others cross.
LUCK = [0.0, 0.02, -0.03, 0.01, -0.02, 0.03, 0.0, 0.01, -0.01, 0.02]
LEVELS = {0.1: 0.2, 0.2: 1.0, 0.3: 1.02}


def racing_search(**changes: Any) -> SearchConfig:
    space = {
        "conditions": {"noise_rate": [0.45]},
        "search": {"tau": {"choice": list(LEVELS)}},
        "fixed": {"method": "co_teaching", "ramp_epochs": 1},
        "compare": "tau",
        "trials": 3,
        "early_stopping": None,
        "confirm": {"seeds": 3, "max_seeds": 10},
        "epochs": 2,
    }
    return make_search(**(space | changes))


def measure(config: TrialConfig, epoch: int) -> dict[str, float]:
    luck = LUCK[(config.seed - 1) % 10] * (3.0 if config.tau == 0.3 else 1.0)
    return {"val_information_noisy": LEVELS[float(config.tau or 0)] + luck}


def level_of_stacks(history: History) -> dict[str, tuple[float | None, list[int]]]:
    found: dict[str, tuple[float | None, list[int]]] = {}
    for trial in history.of(condition=NAME, stage="confirm"):
        found.setdefault(trial.stack_id, (trial.config.tau, []))[1].append(trial.config.seed)
    return found


def run(
    path: Path, search: SearchConfig, objective: Callable[..., dict[str, float]] = measure
) -> History:
    with fresh_record(path, search) as record:
        trainer = FakeTrainer(Session(search, record), objective=objective)
        trainer.run()
        trainer.session.finish()
        assert trainer.session.finished
        return History.replay(record.events())


def test_further_seeds_are_spent_on_the_undecided_alone_and_are_the_same_for_all(
    tmp_path: Path,
) -> None:
    history = run(tmp_path / "record.db", racing_search())
    stacks = level_of_stacks(history)
    assert {stack: len(seeds) for stack, (_, seeds) in stacks.items()} == {
        "c1-f1": 3, "c1-f2": 3, "c1-f3": 3,
        "c1-f1-from4": 3, "c1-f2-from4": 3,
        "c1-f1-from7": 4, "c1-f2-from7": 4,
    }  # fmt: skip
    assert stacks["c1-f3"][0] == 0.1
    assert stacks["c1-f1-from4"][1] == stacks["c1-f2-from4"][1] == [4, 5, 6]
    assert stacks["c1-f1-from7"][1] == stacks["c1-f2-from7"][1] == [7, 8, 9, 10]
    names = [t.trial_id for t in history.of(condition=NAME, stage="confirm")]
    assert [name for name in names if name.startswith("c1-f2")] == [
        f"c1-f2-s{number}" for number in range(1, 11)
    ]


def test_the_report_judges_as_the_search_did(tmp_path: Path) -> None:
    [condition] = summarise(run(tmp_path / "record.db", racing_search())).conditions
    assert condition.verdict == "tie"
    assert condition.leader is not None
    assert condition.leader.config.tau == 0.3
    assert [finalist.config.tau for finalist in condition.tied] == [0.2]
    assert [finalist.config.tau for finalist in condition.finalists] == [0.3, 0.2, 0.1]
    assert [len(finalist.counted) for finalist in condition.finalists] == [10, 10, 3]


def test_one_who_has_won_at_the_first_look_costs_no_further_seeds(tmp_path: Path) -> None:
    def clear(config: TrialConfig, epoch: int) -> dict[str, float]:
        better = 5.0 if config.tau == 0.3 else float(config.tau or 0)
        return {"val_information_noisy": better + 0.001 * LUCK[config.seed % 10]}

    history = run(tmp_path / "record.db", racing_search(), clear)
    assert len(history.of(condition=NAME, stage="confirm")) == 9
    assert summarise(history).conditions[0].verdict == "winner"


def test_a_plain_number_of_seeds_is_one_look(tmp_path: Path) -> None:
    history = run(tmp_path / "record.db", racing_search(confirm={"seeds": 4}))
    assert {len(seeds) for _, seeds in level_of_stacks(history).values()} == {4}
    assert len(level_of_stacks(history)) == 3


def test_who_fails_on_every_seed_gets_no_more_of_them(tmp_path: Path) -> None:
    search = racing_search()
    with fresh_record(tmp_path / "record.db", search) as record:
        trainer = FakeTrainer(
            Session(search, record),
            objective=measure,
            diverges=lambda config: config.tau == 0.2 and config.seed > 0,
        )
        trainer.run()
        assert trainer.session.finished
        history = trainer.session.history
    # The two others are told apart at once.
    assert len(history.of(condition=NAME, stage="confirm")) == 9


def test_a_confirmation_killed_anywhere_spends_what_an_uninterrupted_one_spends(
    tmp_path: Path,
) -> None:
    search = racing_search()
    whole = run(tmp_path / "whole.db", search)
    expected = level_of_stacks(whole)
    with Record(tmp_path / "whole.db") as record:
        events = list(record.events())
    first = next(i for i, e in enumerate(events) if e.data.get("stage") == "confirm")
    # The asks of a look are one transaction: a kill leaves all of them or none.
    ends = [
        i
        for i in range(first, len(events))
        if not (events[i].kind == "ask" and events[i - 1].kind == "ask")
    ]
    for end in ends:
        with Record(tmp_path / f"{end}.db") as record:
            record.append(*(Event(e.kind, e.trial_id, e.data, e.seconds) for e in events[:end]))
            trainer = FakeTrainer(Session(search, record), objective=measure)
            trainer.run()
            trainer.session.finish()
            assert level_of_stacks(trainer.session.history) == expected, end
            asked = Counter(e.trial_id for e in record.events() if e.kind == "ask")
            assert set(asked.values()) == {1}


def test_a_confirmation_that_is_killed_after_every_stack_ends_as_it_would_have(
    tmp_path: Path,
) -> None:
    search = racing_search()
    expected = level_of_stacks(run(tmp_path / "whole.db", search))
    with fresh_record(tmp_path / "killed.db", search) as record:
        session = Session(search, record)
        while stack := session.next_stack():
            FakeTrainer(session, objective=measure).train(stack)
            session = Session(search, record)
        assert session.finished
        assert level_of_stacks(session.history) == expected


def test_no_look_is_taken_before_every_result_of_it_is_in(tmp_path: Path) -> None:
    search = racing_search()
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        trainer = FakeTrainer(session, objective=measure)
        while (stack := session.next_stack()) and stack.stage == "search":
            trainer.train(stack)
        others = [session.next_stack(), session.next_stack()]
        assert stack is not None
        assert all(others)
        for each in (stack, others[0]):
            assert each is not None
            trainer.train(each)
            assert session.next_stack() is None
            assert not session.finished
        assert others[1] is not None
        trainer.train(others[1])
        further = session.next_stack()
        assert further is not None
        assert further.stack_id == "c1-f1-from4"


def test_a_search_that_grew_judges_its_new_finalist_with_the_old_ones(tmp_path: Path) -> None:
    small = make_search(
        conditions={"noise_rate": [0.45]},
        compare=None,
        sampler="random",
        early_stopping=None,
        confirm={"finalists": 2, "seeds": 2, "max_seeds": 8},
        trials=3,
    )
    large = small.model_copy(update={"trials": 30})
    with fresh_record(tmp_path / "record.db", small) as record:
        FakeTrainer(Session(small, record)).run()
        before = History.replay(record.events())
        record.append(Event("extend", data={"trials": 30}))
        session = Session(large, record)
        assert not session.finished
        FakeTrainer(session).run()
        assert session.finished
        after = session.history
    seeds = Counter((t.finalist, t.config.seed) for t in after.of(condition=NAME, stage="confirm"))
    assert set(seeds.values()) == {1}
    chosen = {t.trial_id for t in finalists_of(session, NAME)}
    assert chosen - {t.finalist for t in before.trials.values()}
    assert chosen <= {finalist for finalist, _ in seeds}
    assert all(after.trials[t].epochs == trial.epochs for t, trial in before.trials.items())
