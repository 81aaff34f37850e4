"""The search's state machine, served by a made-up trainer: no Ray, no training."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.fake_trainer import (
    FakeTrainer,
    finalists_of,
    fresh_record,
    make_search,
    objective,
)
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import History
from tune_noise.record import Event, Record
from tune_noise.tuning.session.seeds import confirm_seeds, search_seeds
from tune_noise.tuning.session.session import Session


@contextmanager
def running(path: Path, search: SearchConfig, **options: Any) -> Iterator[FakeTrainer]:
    with fresh_record(path, search) as record:
        yield FakeTrainer(Session(search, record), **options)


def outcome(history: History) -> dict[str, Any]:
    """All that a search found, without the times at which it did."""
    return {
        t.trial_id: (t.stage, t.condition, t.config, t.finalist, t.epochs, t.rungs, t.status)
        for t in history.trials.values()
    }


# What is asked for.


def test_all_conditions_and_levels_advance_together(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search(trials=6)) as trainer:
        asked: Counter[tuple[str, str]] = Counter()
        for _ in range(24):
            stack = trainer.session.next_stack()
            if stack is None:
                break
            asked[stack.condition, stack.configs[0].method] += 1
            assert max(asked.values()) - min(asked.values()) <= 1 or len(asked) < 4
        assert set(asked.values()) == {3}
        assert len(asked) == 4


def test_trials_are_numbered_within_their_condition(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search(trials=4)) as trainer:
        trainer.run()
        names = [t.trial_id for t in trainer.session.history.trials.values() if t.stage == "search"]
    assert sorted(names) == [f"c{c}-t{n:04d}" for c in (1, 2) for n in (1, 2, 3, 4)]


def test_an_odd_number_of_trials_is_dealt_out_to_one_more_or_less(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search(trials=9)) as trainer:
        trainer.run()
        trials = [t for t in trainer.session.history.trials.values() if t.stage == "search"]
    counts = Counter((t.condition, t.config.method) for t in trials)
    assert sorted(counts.values()) == [4, 4, 5, 5]


def test_a_finite_space_is_searched_once_and_its_two_best_are_confirmed(tmp_path: Path) -> None:
    search = make_search(
        search={"lr": {"choice": [0.001, 0.01]}, "batch_size": {"choice": [32, 64]}},
        compare=None,
        fixed=None,
        trials=12,
        confirm={"seeds": 2},
    )
    outcomes = []
    for restarts in (False, True):
        with running(tmp_path / f"{restarts}.db", search) as trainer:
            while (stack := trainer.session.next_stack()) is not None:
                trainer.train(stack)
                if restarts:
                    trainer.session = Session(search, trainer.session.record)
            assert trainer.session.finished
            history = trainer.session.history
        outcomes.append(outcome(history))
        trials = history.trials.values()
        tried = Counter(trial.config for trial in trials if trial.stage == "search")
        assert (len(tried), set(tried.values())) == (2 * 4, {1})
        confirmed = {
            (trial.condition, trial.config.lr, trial.config.batch_size)
            for trial in trials
            if trial.stage == "confirm"
        }
        assert len(confirmed) == 2 * 2
    assert outcomes[0] == outcomes[1]


def test_all_search_trials_of_a_search_share_labels_and_seed(tmp_path: Path) -> None:
    search = make_search(seed=3)
    with running(tmp_path / "record.db", search) as trainer:
        trainer.run()
        trials = trainer.session.history.trials.values()
    seeds = {(t.config.seed, t.config.noise_seed) for t in trials if t.stage == "search"}
    assert seeds == {(3000, 3000)}
    assert search_seeds(search) == {"seed": 3000, "noise_seed": 3000}


# Finalists.


def scored(scores: dict[str, float], **extra: float) -> Any:
    """An objective by method; the best trial of a method is its first one."""

    def measure(config: TrialConfig, epoch: int) -> dict[str, float]:
        return {"val_information_noisy": scores[config.method] + config.lr, **extra}

    return measure


def test_each_level_has_its_best_in_the_final_then_the_next_best(tmp_path: Path) -> None:
    search = make_search(conditions={"noise_rate": [0.45]}, early_stopping=None)
    measure = scored({"standard": 0.0, "co_teaching": 1.0})
    with running(tmp_path / "record.db", search, objective=measure) as trainer:
        trainer.run()
        history = trainer.session.history
    trials = history.of(condition="noise_rate=0.45", stage="search")
    ranked = sorted(trials, key=lambda t: -(t.score or 0))
    co_teaching = [t.trial_id for t in ranked if t.config.method == "co_teaching"]
    standard = [t.trial_id for t in ranked if t.config.method == "standard"]
    confirmed = history.of(condition="noise_rate=0.45", stage="confirm")
    # The best two co-teaching trials beat every standard one; the best standard one is in anyway.
    expected = [*co_teaching[:2], standard[0]]
    assert list(dict.fromkeys(t.finalist for t in confirmed)) == expected
    assert [t.stack_id for t in confirmed] == ["c1-f1"] * 2 + ["c1-f2"] * 2 + ["c1-f3"] * 2


def test_a_trial_whose_classes_look_renamed_comes_after_all_others(tmp_path: Path) -> None:
    search = make_search(
        conditions={"noise_rate": [0.45]}, compare=None, confirm={"finalists": 2, "seeds": 1}
    )

    def measure(config: TrialConfig, epoch: int) -> dict[str, float]:
        renamed = config.lr > 0.01
        return {"val_information_noisy": config.lr, "val_renamed": float(renamed)}

    with running(tmp_path / "record.db", search, objective=measure) as trainer:
        trainer.run()
        history = trainer.session.history
    confirmed = history.of(condition="noise_rate=0.45", stage="confirm")
    searched = history.of(condition="noise_rate=0.45", stage="search")
    sound = [t for t in searched if not t.epochs[0]["val_renamed"]]
    best = sorted((t.config.lr for t in sound), reverse=True)[:2]
    assert best
    assert [t.config.lr for t in confirmed][: len(best)] == best


def test_all_finalists_are_trained_on_the_same_fresh_seeds(tmp_path: Path) -> None:
    search = make_search(seed=2, confirm={"seeds": 4})
    with running(tmp_path / "record.db", search) as trainer:
        trainer.run()
        trials = trainer.session.history.trials
    by_stack: dict[str, list[tuple[int, int]]] = {}
    for trial in trials.values():
        if trial.stage == "confirm":
            seeds = (trial.config.seed, trial.config.noise_seed)
            by_stack.setdefault(trial.stack_id, []).append(seeds)
            finalist = trials[str(trial.finalist)].config
            assert trial.config.model_copy(update=search_seeds(search)) == finalist
    assert len(by_stack) == 4
    assert set(map(tuple, by_stack.values())) == {tuple((2000 + s, 2000 + s) for s in (1, 2, 3, 4))}
    assert search_seeds(search) not in confirm_seeds(search)


def test_with_a_noise_seed_as_condition_only_the_training_seed_is_fresh(tmp_path: Path) -> None:
    search = make_search(conditions={"noise_seed": [7, 8]}, confirm={"seeds": 2})
    with running(tmp_path / "record.db", search) as trainer:
        trainer.run()
        trials = trainer.session.history.trials.values()
    assert {(t.condition, t.config.noise_seed) for t in trials} == {
        ("noise_seed=7", 7),
        ("noise_seed=8", 8),
    }
    assert {t.config.seed for t in trials if t.stage == "confirm"} == {1, 2}


def test_a_condition_is_confirmed_while_another_still_searches(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search(trials=2)) as trainer:
        session = trainer.session
        stacks = [session.next_stack() for _ in range(4)]
        assert session.next_stack() is None  # results must come in first
        assert not session.finished
        for stack in stacks:
            if stack and stack.condition == "noise_rate=0.2":
                trainer.train(stack)
        confirming = session.next_stack()
        assert confirming is not None
        assert (confirming.stage, confirming.condition) == ("confirm", "noise_rate=0.2")
        assert not session.finished


def test_a_condition_without_a_single_score_has_no_finalists_and_ends(tmp_path: Path) -> None:
    search = make_search(trials=4)
    diverges = lambda config: config.noise_rate == 0.45  # noqa: E731
    with running(tmp_path / "record.db", search, diverges=diverges) as trainer:
        trainer.run()
        session = trainer.session
        assert session.finished
        assert finalists_of(session, "noise_rate=0.45") == []
        assert len(finalists_of(session, "noise_rate=0.2")) == 3
        statuses = {
            t.status for t in session.history.of(condition="noise_rate=0.45", stage="search")
        }
        assert statuses == {"diverged"}


# What a report means.


def test_a_report_that_comes_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search()) as trainer:
        session = trainer.session
        while stack := session.next_stack():
            for report in trainer.reports(stack):
                goes_on = session.report(report)
                number = session.history.last_number
                events = len(list(session.record.events()))
                session.report(report)
                assert len(list(session.record.events())) == events
                assert session.history.last_number == number
                if not goes_on:
                    break
        assert session.finished


def test_a_stack_goes_on_as_long_as_one_of_its_trials_does(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search(trials=2)) as trainer:
        session = trainer.session
        while (stack := session.next_stack()) and stack.stage == "search":
            trainer.train(stack)
        assert stack is not None
        first, second = stack.trial_ids
        news = {"facts": {"n": 1.0}, "epochs": [], "status": None, "stop_reason": ""}
        gone = {**news, "status": "diverged", "stop_reason": "loss is not finite in epoch 1"}
        assert session.report({first: gone, second: news})
        assert not session.report({first: gone, second: gone})
        assert session.history.trials[second].status == "diverged"


def test_a_confirmation_is_never_stopped_early(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search()) as trainer:
        trainer.run()
        confirmed = [t for t in trainer.session.history.trials.values() if t.stage == "confirm"]
    assert confirmed
    assert {(t.status, t.num_epochs) for t in confirmed} == {("completed", 9)}
    assert all(not t.rungs for t in confirmed)


def test_a_stack_that_cannot_be_trained_fails_with_its_reason_and_the_search_goes_on(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "record.db", make_search(trials=3)) as trainer:
        session = trainer.session
        while stack := session.next_stack():
            if stack.configs[0].method == "standard" and stack.stage == "search":
                session.fail(stack, "failed 4 times: MemoryError")
                session.fail(stack, "again")  # the first word stands
            else:
                trainer.train(stack)
        assert session.finished
        failed = [t for t in session.history.trials.values() if t.status == "failed"]
        assert {t.stop_reason for t in failed} == {"failed 4 times: MemoryError"}
        finalists = finalists_of(session, "noise_rate=0.2")
        assert {t.config.method for t in finalists} == {"co_teaching"}


def test_every_event_is_in_the_record_before_anyone_hears_of_it(tmp_path: Path) -> None:
    with running(tmp_path / "record.db", make_search(trials=2)) as trainer:
        heard: list[Event] = []

        def listen(event: Event) -> None:
            heard.append(event)
            assert len(list(trainer.session.record.events())) >= len(heard) + 1

        trainer.session.on_change = listen
        trainer.run()
        trainer.session.finish()
        trainer.session.finish()  # says it once
        recorded = [e.kind for e in trainer.session.record.events()]
    assert recorded == ["search", *(event.kind for event in heard)]
    assert recorded.count("finish") == 1


def test_a_report_is_recorded_in_one_piece(tmp_path: Path) -> None:
    """Epochs, decisions and ends of all trials of a stack: one wait for the disk, all or none."""
    with NotingRecord(tmp_path / "record.db") as record:
        session = Session(make_search(trials=2), record)
        trainer = FakeTrainer(session)
        while stack := session.next_stack():
            for report in trainer.reports(stack):
                before = len(record.ends)
                goes_on = session.report(report)
                assert len(record.ends) == before + 1
                if not goes_on:
                    break
        assert session.finished
        assert History.replay(record.events()).trials.keys() == session.history.trials.keys()


# Interrupted and resumed.


GRID = {
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.1], "points": 2},
        "tau": {"choice": [0.2, 0.4], "when": {"method": "co_teaching"}},
    },
    "trials": 8,
}


class NotingRecord(Record):
    """Notes after how many events each transaction ends: a kill leaves one of these prefixes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ends: list[int] = []

    def append(self, *events: Event, durable: bool = False) -> None:
        super().append(*events, durable=durable)
        self.ends.append((self.ends[-1] if self.ends else 0) + len(events))


@pytest.mark.parametrize(("sampler", "every"), [("tpe", 1), ("random", 7), ("grid", 7)])
def test_a_search_killed_anywhere_finds_what_an_uninterrupted_one_finds(
    tmp_path: Path, sampler: str, every: int
) -> None:
    search = make_search(**(GRID if sampler == "grid" else {"trials": 4}), sampler=sampler, seed=1)
    with NotingRecord(tmp_path / "whole.db") as record:
        record.append(Event("search", data={"config": search.to_plain()}))
        trainer = FakeTrainer(Session(search, record))
        trainer.run()
        trainer.session.finish()
        events, ends = list(record.events()), record.ends
        expected = outcome(trainer.session.history)
    assert {status for *_, status in expected.values()} == {"completed", "stopped"}
    for end in ends[::every]:
        with Record(tmp_path / f"{end}.db") as record:
            record.append(*events[:end])
            session = Session(search, record)
            FakeTrainer(session).run()
            session.finish()
            assert session.finished, end
            assert outcome(session.history) == expected, end
            assert outcome(History.replay(record.events())) == expected, end
            counts = Counter((e.kind, e.trial_id) for e in record.events())
            for trial_id in expected:
                assert counts["ask", trial_id] == counts["end", trial_id] == 1


def test_a_search_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    search = make_search(trials=4)
    with running(tmp_path / "whole.db", search) as trainer:
        trainer.run()
        expected = outcome(trainer.session.history)
    with fresh_record(tmp_path / "killed.db", search) as record:
        session = Session(search, record)
        while not session.finished:
            stack = session.next_stack()
            assert stack is not None
            [report, *_] = FakeTrainer(session).reports(stack)
            session.report(report)
            session = Session(search, record)  # each life lasts one report
            if stack := session.next_stack():
                FakeTrainer(session).train(stack)
        assert outcome(session.history) == expected


def test_open_stacks_come_first_after_a_restart_and_whole(tmp_path: Path) -> None:
    search = make_search(trials=2)
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        trainer = FakeTrainer(session)
        while (stack := session.next_stack()) and stack.stage == "search":
            trainer.train(stack)
        assert stack is not None
        again = Session(search, record).next_stack()
        assert again == stack


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_search_and_another_seed_another(
    tmp_path: Path, seed: int
) -> None:
    found = []
    for name in ("first", "second", "other"):
        search = make_search(seed=seed + (name == "other"))
        with running(tmp_path / f"{name}.db", search, objective=objective) as trainer:
            trainer.run()
            found.append(outcome(trainer.session.history))
    assert found[0] == found[1]
    assert found[0] != found[2]
