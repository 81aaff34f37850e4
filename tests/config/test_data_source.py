"""The block `data` of a space, and what sets it: a path, a mapping, `--data` and `--set`."""

from typing import Any

import pytest

from tune_noise.config.data_source import DataSource
from tune_noise.config.loader import build_search, build_source, read_search, with_assignments
from tune_noise.config.search import SearchConfig
from tune_noise.errors import ConfigError, Problem

SPACE: dict[str, Any] = {
    "name": "mine",
    "noise": "given",
    "search": {"lr": {"uniform": [0.001, 0.1]}},
}


def built(space: dict[str, Any] = SPACE, **assignments: Any) -> SearchConfig:
    dotted = {name.replace("__", "."): value for name, value in assignments.items()}
    return build_search(with_assignments(space, dotted), source="mine.yaml")


def problems(space: dict[str, Any] = SPACE, **assignments: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        built(space, **assignments)
    return caught.value.problems


def test_a_path_alone_is_the_training_data_and_the_name_of_the_data_set() -> None:
    search = built(data="photos/")
    assert search.data == DataSource(train="photos/")
    assert search.dataset == "photos/"
    [condition] = search.all_conditions
    assert search.trial_config(condition, {}).dataset == "photos/"


def test_what_stands_beside_the_path_is_kept_whichever_is_set_first() -> None:
    expected = DataSource(train="reviews.csv", label="sentiment", text="review")
    fields = {"data.text": "review", "data": "reviews.csv", "data.label": "sentiment"}
    for order in (list(fields), list(fields)[::-1]):
        assigned = with_assignments(SPACE, {name: fields[name] for name in order})
        assert build_search(assigned, source="mine.yaml").data == expected


def test_other_data_take_the_place_of_the_whole_block() -> None:
    space = SPACE | {"data": {"train": "a.csv", "label": "old", "test": "a_test.csv"}}
    assert built(space, data="b.csv").data == DataSource(train="b.csv")
    moved = built(space, data__train="new/a.csv")
    assert moved.data == DataSource(train="new/a.csv", label="old", test="a_test.csv")


def test_own_data_and_a_data_set_take_each_others_place() -> None:
    assert built(SPACE | {"dataset": "mnist"}, data="a.csv").dataset == "a.csv"
    search = built(SPACE | {"data": "a.csv"}, dataset="mnist")
    assert (search.dataset, search.data) == ("mnist", None)


def test_own_data_beside_a_data_set_are_refused() -> None:
    [problem] = problems(SPACE | {"dataset": "mnist", "data": "a.csv"})
    assert problem.place == "dataset"
    assert "takes its place" in problem.message
    assert [problem.place for problem in problems(data="a.csv", dataset="mnist")] == ["dataset"]


def test_a_column_without_data_is_refused() -> None:
    [problem] = problems(SPACE | {"dataset": "mnist"}, data__label="sentiment")
    assert problem.place == "data.label"
    assert "--data SOURCE" in problem.message


@pytest.mark.parametrize(
    ("block", "place", "way_out"),
    [
        ({"train": "a.csv", "lable": "x"}, "data.lable", "did you mean 'label'?"),
        ({"label": "x"}, "data.train", "add it"),
        ({"train": "a.csv", "label": ["x"]}, "data.label", "give one value"),
        ({"train": "a.csv", "skip_unreadable": "often"}, "data.skip_unreadable", "boolean"),
        ({"train": "a\nb"}, "data.train", "one line"),
        (["a.csv", "b.csv"], "data", "must be a mapping"),
    ],
)
def test_a_wrong_block_is_refused_with_place_and_way_out(
    block: Any, place: str, way_out: str
) -> None:
    [problem] = problems(SPACE | {"data": block})
    assert problem.place == place
    assert way_out in problem.message


def test_all_problems_of_a_block_and_of_the_space_come_at_once() -> None:
    space = SPACE | {"data": {"train": "a.csv", "lable": 1, "id": 2}, "trials": 0}
    assert {problem.place for problem in problems(space)} == {"data.lable", "data.id", "trials"}


def test_an_unknown_field_of_the_block_is_suggested() -> None:
    with pytest.raises(ConfigError, match=r"data.txt +unknown field: did you mean 'data.text'\?"):
        build_source({"data": "a.csv", "data.txt": "review"}, source="--data")


def test_a_search_of_own_data_is_written_so_that_it_can_be_read_again() -> None:
    search = built(data={"train": "a.csv", "label": "x", "encoder": {"name": "tfidf"}})
    plain = search.to_plain()
    assert "dataset" not in plain
    assert build_search(plain, source="search.yaml") == search
    assert SearchConfig.model_validate(plain) == search


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("reviews.csv", "reviews"),
        ("/data/shop/train.csv", "shop"),
        ("photos/", "photos"),
        ("~/shop/data.parquet", "shop"),
    ],
)
def test_own_data_have_a_word(path: str, word: str) -> None:
    assert DataSource(train=path).word == word


def test_the_spaces_for_own_data_wait_for_them() -> None:
    for space in ("own", "own_pictures"):
        assert read_search(space).dataset == "SOURCE"
        search = read_search(space, {"data": "a.csv", "data.label": "x"})
        assert search.data == DataSource(train="a.csv", label="x")
        assert search.noise == "given"
