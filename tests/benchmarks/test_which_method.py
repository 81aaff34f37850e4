"""The study of methods: made-up results whose answer is known, and one small run."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import which_method
from benchmarks.regimes import conditions, pool, searches
from benchmarks.regimes.conditions import Regime, drawn, regimes, source
from benchmarks.regimes.replay import print_replay, start_for, starts
from benchmarks.regimes.study import Study, interval
from benchmarks.regimes.tables import print_methods


def made_up() -> Study:
    """Four data sets of three conditions; `elr` always wins, and scores are accuracies."""
    rng = np.random.default_rng(0)
    configurations = [values for stack in pool.stacks() for values in stack]
    is_elr = np.array([values["method"] == "elr" for values in configurations])
    accuracies = rng.uniform(60.0, 70.0, (12, len(configurations))) + 20.0 * is_elr
    regime = [Regime(f"d{i % 4}", "given", 400 + i) for i in range(12)]
    facts = dict.fromkeys(("examples", "dimensions", "classes", "imbalance", "disagreement"), 1.0)
    return Study(regime, [facts] * 12, configurations, accuracies / 100.0, accuracies, np.ones(12))


def test_the_method_that_always_wins_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_methods(made_up())
    [row] = [line for line in capsys.readouterr().out.splitlines() if "`elr`" in line]
    assert row == "| `elr` | 12 | 12 | 12 | 0.0 [0.0, 0.0] | 0.0 [0.0, 0.0] | 0.0 | 100% |"


def test_a_start_covers_all_conditions_and_comes_from_other_data_sets() -> None:
    # The first is good on the average, and the second where the first is bad.
    gains = np.array([[-1.0, -9.0, 0.0], [-1.0, -9.0, -9.0], [-5.0, 0.0, -9.0]])
    assert start_for(gains, 2) == [0, 1]
    study = made_up()
    places = np.arange(len(study.pool))
    before = starts(study, places, "test everywhere", 3)
    assert len({tuple(proposal) for proposal in before[::4]}) == 1  # d0, three times
    study.accuracies[study.data == "d0", 5] = 100.0
    after = starts(study, places, "test everywhere", 3)
    assert after[0] == before[0]
    assert 5 in after[1]
    assert 5 not in after[0]


def test_a_start_that_knows_the_winner_is_soon_as_good(capsys: pytest.CaptureFixture[str]) -> None:
    print_replay(made_up())
    rows = [
        line.split(" | ") for line in capsys.readouterr().out.splitlines() if "everywhere" in line
    ]
    assert all(float(row[1]) < 10.0 for row in rows)
    assert all(float(row[4].split()[0]) > 0.0 for row in rows if "4: test" in row[0])


def test_an_interval_is_over_the_means_of_groups() -> None:
    values, groups = np.array([1.0, 1.0, 1.0, 3.0]), np.array([0, 0, 0, 1])
    assert interval(values, groups) == "2.0 [-10.7, 14.7]"


def test_conditions_of_unequal_classes_keep_the_largest() -> None:
    digits = source("digits")
    [regime] = [r for r in regimes(digits, is_made_up=True) if r.unequal > 1.0]
    counts = np.bincount(drawn(digits, regime, 0).truth)
    assert counts.max() / counts.min() == pytest.approx(10.0, rel=0.15)


def test_the_command_trains_once_searches_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = pool.FIXED | {"epochs": 2, "last_epochs": 1}
    for module in (pool, searches):
        monkeypatch.setattr(module, "FIXED", short)
    own = {name: pool.METHODS[name] for name in ("standard", "elr", "gce", "co_teaching")}
    monkeypatch.setattr(pool, "METHODS", own)
    monkeypatch.setattr(searches, "TRIALS", 4)
    monkeypatch.setattr(searches, "AFTER", (2, 4))
    monkeypatch.setattr(conditions, "MADE_UP", (("symmetric 0.3", 100, 1.0),))
    results = tmp_path / "results.jsonl"

    def call(command: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["which_method", command, str(results), *arguments])
        which_method.main()
        return capsys.readouterr().out

    call("train", "--made-up", "digits", "cancer")
    trained = results.read_text()
    assert len(trained.splitlines()) == 2
    row = json.loads(trained.splitlines()[0])
    assert len(row["trials"]) == 32
    assert row["facts"]["examples"] == 100
    call("train", "--made-up", "digits", "cancer")
    assert results.read_text() == trained
    call("search", "--made-up", "digits", "cancer")
    shown = call("show")
    assert "| `elr` |" in shown
    assert "| test alike |" in shown
