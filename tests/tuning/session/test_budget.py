"""Equal compute for the levels of `compare`: what each may spend, and what it spends."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.fake_trainer import FakeTrainer, fresh_record, make_search
from tune_noise.config.configurations import Configurations, Ledger, budgets, num_trials
from tune_noise.errors import UserError
from tune_noise.history.counts import Counts
from tune_noise.history.replay import History
from tune_noise.record import Record
from tune_noise.reporting import condition_tables, summarise
from tune_noise.service.plan import make_plan
from tune_noise.tuning.session.session import Session


def by_compute(**changes: Any) -> Any:
    return make_search(**({"budget": "network_epochs", "conditions": {}, "trials": 12} | changes))


def used(history: History) -> Counter[str]:
    epochs: Counter[str] = Counter()
    for trial in history.trials.values():
        if trial.stage == "search":
            epochs[trial.config.method] += round(trial.num_epochs * trial.config.epoch_cost)
    return epochs


@pytest.mark.parametrize("stops", [False, True])
def test_a_pair_and_one_network_are_given_the_same_compute(tmp_path: Path, stops: bool) -> None:
    stopping = {"grace_epochs": 3, "reduction_factor": 3} if stops else None
    search = by_compute(early_stopping=stopping, trials=24)
    [condition] = search.all_conditions
    assert budgets(search, condition) == {"standard": 108.0, "co_teaching": 108.0}
    assert num_trials(search, condition) == {"standard": 12, "co_teaching": 6}
    plan = make_plan(search)
    assert (plan.trials, plan.min_epochs, plan.max_epochs) == (18, 162, 162)
    with fresh_record(tmp_path / "record.db", search) as record:
        FakeTrainer(Session(search, record)).run()
        history = History.replay(record.events())
    trials = Counter(t.config.method for t in history.trials.values() if t.stage == "search")
    for method, cost in (("standard", 1), ("co_teaching", 2)):
        # What is left does not pay for a further trial of 9 epochs.
        assert 108 - 9 * cost < used(history)[method] <= 108
        assert (trials[method] > 108 / (9 * cost)) is stops
    [counts] = Counts(history, search).conditions().values()
    assert counts.planned == counts.ended == trials.total()
    summary = summarise(history)
    rows = {(e["stage"], e["level"]): e for e in summary.to_json()["search"]["efforts"]}
    assert {key: row["budget"] for key, row in rows.items() if key[0] == "search"} == {
        ("search", "standard"): 108.0,
        ("search", "co_teaching"): 108.0,
    }
    assert condition_tables(summary)[-1].row_count == len(rows)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(4, 40),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["stopped", "failed"])), max_size=80),
    st.sampled_from(["standard", "co_teaching", "standard_long"]),
)
def test_no_ledger_is_overdrawn_and_what_is_left_is_counted(
    trials: int, ends: list[tuple[int, str]], method: str
) -> None:
    search = by_compute(
        trials=trials,
        search={"lr": {"loguniform": [0.001, 0.1]}},
        fixed={"method": method},
        compare=None,
        early_stopping=None,
    )
    [condition] = search.all_conditions
    [budget] = budgets(search, condition).values()
    ledger = Ledger(Configurations(search, condition, None), budget)
    trial = search.trial_config(condition, {"lr": 0.01})
    spent = 0.0
    for epochs, status in ends:
        if ledger.num_left == 0:
            break
        assert ledger.covers(trial)
        ledger.ask(trial)
        ledger.end(trial, status, epochs)
        spent += trial.epoch_cost * (9 if status == "failed" else max(1, epochs))
        assert ledger.spent == pytest.approx(spent)
        assert 0 <= spent <= budget
        assert ledger.num_left == int((budget - spent) / (9 * trial.epoch_cost))


@pytest.mark.parametrize("events", [12, 25, 40, 58])
def test_a_search_killed_in_the_middle_spends_the_same(tmp_path: Path, events: int) -> None:
    search = by_compute()
    with fresh_record(tmp_path / "whole.db", search) as record:
        FakeTrainer(Session(search, record)).run()
        whole = list(record.events())
    with Record(tmp_path / "killed.db") as record:
        for event in whole[:events]:
            record.append(event)
    with Record(tmp_path / "killed.db") as record:
        FakeTrainer(Session(search, record)).run()
        resumed = History.replay(record.events())
    expected = History.replay(whole)
    assert used(resumed) == used(expected)
    assert {t: (h.config, h.epochs, h.status) for t, h in resumed.trials.items()} == {
        t: (h.config, h.epochs, h.status) for t, h in expected.trials.items()
    }


def test_pairs_and_triples_of_one_level_share_its_compute(tmp_path: Path) -> None:
    domains = {"peers": {"choice": [2, 3]}, "lr": {"loguniform": [0.001, 0.1]}}
    fixed = {"method": "co_teaching", "ramp_epochs": 1}
    search = by_compute(search=domains, fixed=fixed, compare=None, trials=13, early_stopping=None)
    with fresh_record(tmp_path / "record.db", search) as record:
        FakeTrainer(Session(search, record)).run()
        history = History.replay(record.events())
    assert 13 * 9 - 2 * 9 < used(history)["co_teaching"] <= 13 * 9


def test_a_budget_too_small_for_one_trial_of_a_pair_is_refused() -> None:
    with pytest.raises(UserError, match=r"do not pay for one of co_teaching.*use 4 or more"):
        by_compute(trials=3)
    with pytest.raises(UserError, match="points of a grid"):
        by_compute(sampler="grid")
