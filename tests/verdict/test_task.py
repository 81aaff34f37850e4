"""One task for the comparison of searches and for the registry of models."""

from typing import Any

import pytest

from tune_noise.config.search import SearchConfig
from tune_noise.verdict.task import SEARCHED, Task, task_key, task_of


def task(**space: Any) -> Task:
    """Return the task of the first condition of a space."""
    factors = space.pop("factors", ())
    search = SearchConfig.model_validate({"name": "any"} | space)
    config = search.trial_config(search.all_conditions[0], {})
    return task_of(search, config, "f" * 16, factors=factors)


@pytest.mark.parametrize("factors", [(), ("batch_size",)])
def test_a_value_is_the_same_task_whether_it_is_fixed_or_a_condition(factors: tuple[str]) -> None:
    condition = task(conditions={"batch_size": [64]}, factors=factors)
    fixed = task(fixed={"batch_size": 64}, factors=factors)
    assert task_key(condition) == task_key(fixed)


def test_a_factor_of_the_searches_at_hand_must_agree() -> None:
    condition = task(conditions={"batch_size": [64]}, factors=["batch_size"])
    searched = task(search={"batch_size": {"choice": [32, 64]}}, factors=["batch_size"])
    assert searched["batch_size"] == SEARCHED
    assert len({task_key(t) for t in (condition, searched, task(factors=["batch_size"]))}) == 3


def test_an_oracle_is_another_task() -> None:
    oracle = {"oracle": True, "objective": "val_accuracy_clean"}
    assert task_key(task(**oracle)) != task_key(task())
    assert task(**oracle)["oracle"] is True


def test_a_noise_seed_that_the_space_gives_is_part_of_the_task() -> None:
    assert task()["noise_seed"] == "fresh"
    assert task(fixed={"noise_seed": 7}) == task(conditions={"noise_seed": [7]})
