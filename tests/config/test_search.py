from typing import Any

import pytest

from tune_noise.config.loader import build_search
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.errors import ConfigError


def search(**values: Any) -> SearchConfig:
    raw = {"name": "mine", "search": {"lr": {"uniform": [0.001, 0.1]}}, **values}
    return build_search(raw, source="mine.yaml")


def test_the_conditions_are_the_product_of_their_levels_in_order() -> None:
    conditions = search(
        conditions={"noise_rate": [0.2, 0.45], "val_fraction": [0.1, 0.3]}
    ).all_conditions
    assert [condition.name for condition in conditions] == [
        "noise_rate=0.2,val_fraction=0.1",
        "noise_rate=0.2,val_fraction=0.3",
        "noise_rate=0.45,val_fraction=0.1",
        "noise_rate=0.45,val_fraction=0.3",
    ]
    assert conditions[2].factors == {"noise_rate": 0.45, "val_fraction": 0.1}


def test_without_conditions_there_is_one_that_is_called_all() -> None:
    assert search().all_conditions == [Condition({})]
    assert Condition({}).name == "all"


def test_without_compare_two_configurations_are_confirmed() -> None:
    assert search().levels == [None]
    assert search().num_finalists == 2
    assert search(confirm={"finalists": 4}).num_finalists == 4


def test_every_level_of_the_compared_field_is_confirmed() -> None:
    models = ["mlp1", "mlp2", "mlp4"]
    compared = search(search={"model": {"choice": models}}, compare="model")
    assert compared.levels == models
    assert compared.num_finalists == 3


def test_a_compared_field_that_the_command_line_fixed_has_one_level() -> None:
    compared = search(fixed={"model": "mlp2"}, compare="model")
    assert compared.levels == ["mlp2"]
    assert compared.num_finalists == 2


def test_when_may_name_a_whole_number_within_a_searched_range() -> None:
    domains = {
        "batch_size": {"int": [16, 64]},
        "patience": {"choice": [3], "when": {"batch_size": 32}},
    }
    assert search(search=domains).search["patience"].when == {"batch_size": 32}
    domains["patience"]["when"] = {"batch_size": 65}
    with pytest.raises(ConfigError, match="65 never occurs: batch_size is int"):
        search(search=domains)


def test_when_may_name_a_fixed_or_default_value() -> None:
    domains = {"batch_size": {"int": [16, 64], "when": {"optimizer": "adam"}}}
    assert search(search=domains)
    with pytest.raises(ConfigError, match=r"'sgd' never occurs: optimizer is \['adam'\]"):
        search(search={"batch_size": {"int": [16, 64], "when": {"optimizer": "sgd"}}})


def test_the_schema_s_own_dependence_counts_in_a_circle() -> None:
    domains = {
        "optimizer": {"choice": ["sgd", "adam"], "when": {"momentum": 0.5}},
        "momentum": {"choice": [0.5, 0.9]},
    }
    with pytest.raises(ConfigError, match=r"search\.optimizer\.when +depends on itself"):
        search(search=domains)


def test_further_seeds_are_spent_only_where_they_are_asked_for() -> None:
    assert search().confirm.max_seeds is None
    assert search(confirm={"seeds": 3, "max_seeds": 10}).confirm.max_seeds == 10
