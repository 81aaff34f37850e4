import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tune_noise.config.domains import Domain

LOW = st.floats(min_value=1e-9, max_value=1e3, allow_subnormal=False)
SPAN = st.floats(min_value=1e-6, max_value=1e3)


def domain(**values: Any) -> Domain:
    return Domain.model_validate(values)


@given(LOW, SPAN, st.integers(2, 50), st.sampled_from(["uniform", "loguniform"]))
def test_a_grid_goes_from_bound_to_bound_and_never_leaves_them(
    low: float, span: float, points: int, kind: str
) -> None:
    high = low + span
    grid = domain(**{kind: [low, high], "points": points}).grid()
    assert len(grid) == points
    assert grid == sorted(grid)
    assert math.isclose(grid[0], low, rel_tol=1e-12)
    assert math.isclose(grid[-1], high, rel_tol=1e-12)
    assert all(low <= value <= high for value in grid)


def test_a_uniform_grid_has_equal_steps_and_a_loguniform_one_equal_ratios() -> None:
    assert domain(uniform=[0, 1], points=5).grid() == [0, 0.25, 0.5, 0.75, 1]
    grid = domain(loguniform=[1e-4, 1e-1], points=4).grid()
    assert grid == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])


def test_a_grid_of_whole_numbers_has_all_of_them_or_distinct_points() -> None:
    assert domain(int=[3, 6]).grid() == [3, 4, 5, 6]
    assert domain(int=[0, 10], points=3).grid() == [0, 5, 10]
    assert domain(int=[0, 2], points=9).grid() == [0, 1, 2]


def test_a_grid_of_a_choice_is_the_choice() -> None:
    assert domain(choice=["a", None, 3]).grid() == ["a", None, 3]


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_the_size_of_a_grid_is_known_without_making_it(low: int, span: int) -> None:
    assert domain(int=[low, low + span]).grid_size == span + 1
    assert domain(int=[low, low + span], points=7).grid_size == 7


@pytest.mark.parametrize(
    "values",
    [{"choice": [1, 2]}, {"int": [2, 5]}, {"uniform": [0, 1], "points": 4}, {"int": [0, 1]}],
)
def test_the_size_of_a_grid_is_how_many_values_it_gives(values: dict[str, Any]) -> None:
    assert domain(**values).grid_size == len(domain(**values).grid())


def test_the_extremes_are_all_choices_or_both_ends() -> None:
    assert domain(choice=[3, 1, 2]).extremes() == [3, 1, 2]
    assert domain(uniform=[0.1, 0.6]).extremes() == [0.1, 0.6]
    assert domain(int=[2, 9]).extremes() == [2, 9]


def test_a_domain_reads_as_a_space_writes_it() -> None:
    assert str(domain(choice=["sgd", "adam"])) == "choice ['sgd', 'adam']"
    assert str(domain(loguniform=[1e-4, 0.01])) == "loguniform [0.0001, 0.01]"
    assert str(domain(int=[1, 10**400])) == f"int [1, {10**400}]"
    assert str(domain(choice=[None, 3])) == "choice [null, 3]"


def test_a_domain_survives_being_written_down() -> None:
    before = domain(int=[1, 5], points=3, when={"method": "co_teaching"})
    assert before.kind == "int"
    assert Domain.model_validate(before.model_dump(mode="json", by_alias=True)) == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs exactly one of choice, uniform, loguniform, int; got none"),
        ({"int": [1, 2], "uniform": [0, 1]}, "got uniform and int"),
        ({"choice": []}, "at least 1 item"),
        ({"choice": [5, 5.0]}, "names a value twice"),
        ({"choice": [1, 2], "points": 3}, "a choice is already a grid"),
        ({"uniform": [1, 1]}, "low must be below high"),
        ({"uniform": [0, 1, 2]}, "at most 2 items"),
        ({"loguniform": [-1, 1]}, "must start above 0"),
        ({"uniform": [0, math.inf]}, "finite"),
        ({"uniform": [math.nan, 1]}, "finite"),
        ({"int": [1, 2.5]}, "valid integer"),
        ({"int": [1, 2.0]}, "whole number: write 2"),
        ({"int": [True, 2]}, "must not be True"),
        ({"uniform": ["0.1", 1]}, "write it without quotes"),
        ({"uniform": [0, 1], "points": 1}, "greater than or equal to 2"),
        ({"uniform": [0, 1], "points": 10**9}, "less than or equal to 1000"),
    ],
)
def test_a_domain_that_makes_no_sense_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        domain(**values)
