"""The comparison of all methods: what it runs, and that no method is forgotten."""

import argparse

import pytest

from benchmarks.methods import TASKS, Task, command, methods_of
from tune_noise.config.loader import parse_assignments, read_search
from tune_noise.methods.declarations import METHODS


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_method_is_tuned_with_the_same_compute(task: Task) -> None:
    options = argparse.Namespace(
        folder="/f", own="/own", mnist="/mnist", each=12, quick=False, only=None
    )
    words = command(task, options)
    given = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    overrides = parse_assignments(given)
    if "--data" in words:
        overrides["data.train"] = words[words.index("--data") + 1]
        overrides = {"data": {}} | overrides
    trials = int(words[words.index("--trials") + 1])
    search = read_search("methods", overrides | {"trials": trials})
    assert search.budget == "network_epochs"
    assert search.levels == methods_of(task)
    assert trials == 12 * len(search.levels)
    answers = {name for name, method in METHODS.items() if method.needs_answers}
    assert set(search.levels) == METHODS.keys() - (answers if task.name != "labelme" else set())
