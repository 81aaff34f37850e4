"""How many different configurations a condition has, against counting every combination."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.fake_trainer import make_search
from tune_noise.config.configurations import (
    Configurations,
    num_configurations,
    num_finalists,
    num_trials,
)
from tune_noise.config.search import SearchConfig


def finite(**changes: Any) -> SearchConfig:
    plain = {"fixed": None, "compare": None, "early_stopping": None, "conditions": {}}
    return make_search(**{**plain, **changes})


def trials_of(search: SearchConfig, level: Any) -> set[str]:
    """Every combination of the domains' values, as the trial that it makes."""
    [condition] = search.all_conditions
    trials = set()
    for combination in itertools.product(*(d.grid() for d in search.search.values())):
        values = dict(zip(search.search, combination, strict=True))
        if level is not None and values[str(search.compare)] != level:
            continue
        group = Configurations(search, condition, level)
        kept: dict[str, Any] = dict(group.level)
        for field in group.order:
            if group.is_active(field, kept):
                kept[field] = values[field]
        trials.add(search.trial_config(condition, kept).model_dump_json())
    return trials


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["tpe", "grid"]),
)
def test_each_different_trial_is_counted_and_listed_once(
    learning_rates: int, span: int, depends: bool, compares: bool, sampler: str
) -> None:
    domains: dict[str, Any] = {
        "lr": {"choice": [0.001, 0.01, 0.1][:learning_rates]},
        "batch_size": {"int": [32, 32 + span]},
        "method": {"choice": ["standard", "co_teaching", "co_teaching_plus"]},
        "tau": {"choice": [0.2, 0.4]},
        "ramp_epochs": {"int": [1, 3], "when": {"method": "co_teaching"}},
    }
    if depends:
        domains["momentum"] = {"choice": [0.5, 0.9], "when": {"batch_size": 33}}
        domains["optimizer"] = {"choice": ["sgd", "adam"]}
    compare = "method" if compares else None
    search = finite(search=domains, compare=compare, sampler=sampler, trials=2000)
    [condition] = search.all_conditions
    for level in search.levels:
        group = Configurations(search, condition, level)
        trials = [search.trial_config(condition, group.level | values) for values in group.all()]
        assert {trial.model_dump_json() for trial in trials} == trials_of(search, level)
        assert len(trials) == group.number
    assert sum(num_trials(search, condition).values()) <= num_configurations(search, condition)


def test_a_continuous_range_counts_where_it_applies() -> None:
    domains = {
        "method": {"choice": ["standard", "co_teaching"]},
        "tau": {"uniform": [0.1, 0.5]},
    }
    search = finite(search=domains, fixed={"ramp_epochs": 1})
    assert num_configurations(search, search.all_conditions[0]) == math.inf
    compared = finite(search=domains, fixed={"ramp_epochs": 1}, compare="method", trials=8)
    [condition] = compared.all_conditions
    assert num_trials(compared, condition) == {"standard": 1, "co_teaching": 4}


def test_a_range_of_a_billion_numbers_that_decides_is_counted_at_once() -> None:
    domains = {
        "train_size": {"int": [2, 10**9]},
        "batch_size": {"choice": [32, 64, 128], "when": {"train_size": 500}},
    }
    search = finite(search=domains)
    assert num_configurations(search, search.all_conditions[0]) == 10**9 - 1 + 2


@pytest.mark.parametrize(("asked", "confirmed"), [(3, 3), (9, 4)])
def test_no_more_finalists_are_planned_than_there_are_configurations(
    asked: int, confirmed: int
) -> None:
    search = finite(
        search={"lr": {"choice": [0.01, 0.1]}, "batch_size": {"choice": [32, 64]}},
        confirm={"finalists": asked},
    )
    assert num_finalists(search, search.all_conditions[0]) == confirmed
