"""What is asked first suits the space: moved, left out, or left to the sampler, and said."""

from typing import Any

import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.config.loader import read_search
from tune_noise.config.start import starting_points
from tune_noise.errors import ConfigError

CONDITION = "noise_rate=0.2"


def fit(*wanted: dict[str, Any], **changes: Any) -> tuple[list[dict[str, Any]], list[str]]:
    points, sentences = starting_points(make_search(**changes), {CONDITION: list(wanted)})
    return points.get(CONDITION, []), sentences


def test_searched_fields_count_where_they_apply() -> None:
    points, sentences = fit(
        {"method": "standard", "lr": 0.01, "tau": 0.3, "momentum": 0.9, "patience": None},
        {"method": "co_teaching", "lr": 0.01, "tau": 0.3},
    )
    assert points == [
        {"method": "standard", "lr": 0.01, "patience": None},
        {"method": "co_teaching", "lr": 0.01, "tau": 0.3},
    ]
    assert sentences == []


def test_a_configuration_without_a_level_is_asked_at_each() -> None:
    points, sentences = fit({"lr": 0.02})
    assert points == [{"method": m, "lr": 0.02} for m in ("standard", "co_teaching")]
    assert sentences == []


def test_numbers_move_into_their_range_and_other_values_leave_a_configuration_out() -> None:
    points, sentences = fit(
        {"method": "standard", "lr": 3.0},
        {"method": "elr", "lr": 0.01},
        {"method": "standard", "lr": 0.01, "patience": 7},
        {"method": "co_teaching", "lr": "large"},
        {"method": "standard", "lr": 5.0},
    )
    assert points == [{"method": "standard", "lr": 0.1}]
    assert sentences == [
        "not asked first, as the space does not have it: method elr (once), "
        "patience 7 (once), lr large (once)",
        "moved into its range in what is asked first: lr (2 times)",
    ]


def test_what_is_fixed_stays_and_another_word_for_it_leaves_a_configuration_out() -> None:
    points, sentences = fit(
        {"method": "elr", "lr": 0.02, "batch_size": 32},
        {"method": "standard", "lr": 0.03, "batch_size": 32},
        search={"lr": {"loguniform": [0.001, 0.1]}},
        fixed={"method": "standard", "batch_size": 64},
        compare=None,
    )
    assert points == [{"lr": 0.03}]
    assert sentences == ["not asked first, as the space does not have it: method elr (once)"]


def test_a_grid_asks_nothing_first() -> None:
    grid = {"lr": {"choice": [0.01, 0.1]}, "method": {"choice": ["standard"]}}
    plain = {"search": grid, "sampler": "grid", "compare": None, "fixed": None, "trials": 2}
    assert fit({"lr": 0.1}, **plain) == (
        [],
        ["a grid has an order of its own: no trial is asked first"],
    )
    assert fit(**plain) == ([], [])


def test_a_space_names_fields_and_values_that_trials_have() -> None:
    tables = [{"method": "standard", "lr": 0.01}, {"methud": "elr", "lr": -1.0}]
    with pytest.raises(ConfigError) as caught:
        make_search(start={"tables": tables, "embeddings": [{"method": "ehr"}]})
    assert [problem.place for problem in caught.value.problems] == [
        "start.tables[1].methud",
        "start.tables[1].lr",
        "start.embeddings[0].method",
    ]
    assert "did you mean 'method'?" in str(caught.value)


def test_the_space_for_own_data_asks_first_what_it_may_ask() -> None:
    search = read_search("own", {"data": "reviews.csv"})
    for wanted in (search.start.tables, search.start.embeddings):
        points, sentences = starting_points(search, {"all": wanted})
        assert sentences == []
        assert points == {"all": wanted}
        assert {point["method"] for point in wanted} == set(search.levels)
