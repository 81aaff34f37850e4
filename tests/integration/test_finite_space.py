"""A search of fewer configurations than trials: each is tried once, and two are compared."""

import json

import pytest

from tests.support.shell import Shell

from .test_interrupted import history_of
from .test_search import pytestmark as warnings_of_mlflow

pytestmark = [pytest.mark.long, *warnings_of_mlflow]


def test_four_configurations_are_tried_once_and_the_two_best_are_compared(shell: Shell) -> None:
    space = shell.space(
        search={"lr": {"choice": [0.001, 0.01]}, "batch_size": {"choice": [32, 64]}},
        fixed={"model": "perceptron"},
        compare=None,
        early_stopping=None,
        trials=12,
    )
    plan = json.loads(shell.search("--space", space, "--dry-run", "--json"))
    assert (plan["plan"]["trials"], plan["plan"]["configurations"]) == (4, [4])
    assert "4 of 12 trials are made" in plan["warnings"][0]

    said = shell.search("--space", space, "--quiet")
    assert "4 of 12 trials are made" in said
    folder = shell.folder / "runs" / "tiny"
    trials = history_of(folder).trials.values()
    tried = {(t.config.lr, t.config.batch_size) for t in trials if t.stage == "search"}
    assert len(tried) == sum(trial.stage == "search" for trial in trials) == 4
    confirmed = {(t.config.lr, t.config.batch_size) for t in trials if t.stage == "confirm"}
    assert len(confirmed) == 2
    [entry] = json.loads((folder / "summary.json").read_text("utf-8"))["conditions"]
    [comparison] = entry["comparisons"].values()
    assert comparison["sd"] > 0.0
