"""What a space names becomes folders: inside the output folder, and no two of them the same."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.loader import build_search, read_search
from tune_noise.config.search import MAX_NAME_LETTERS, SearchConfig
from tune_noise.errors import ConfigError


def built(**values: Any) -> SearchConfig:
    return build_search({"name": "mine", "trials": 1, **values}, source="mine.yaml")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/abs", "-x", ".x", "a\n", "a b", "ü", "x" * 101, "a\\b", "~",
     "a\0b", "mlflow.db", "MLflow.db-wal", "mlartifacts", "$HOME", "a:b", "\ud800"],
)  # fmt: skip
def test_a_name_that_is_no_plain_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        built(name=name)
    assert [problem.place for problem in caught.value.problems] == ["name"]
    assert str(caught.value).isprintable() or "\n  name  " in str(caught.value)


@pytest.mark.parametrize("name", ["con", "a", "0", "a.b-c_d", "x" * 100, "mlflow"])
def test_a_plain_name_is_a_folder(name: str) -> None:
    assert built(name=name).name == name


def test_a_file_whose_name_is_no_plain_folder_needs_a_name(tmp_path: Path) -> None:
    path = tmp_path / "my space.yaml"
    path.write_text("trials: 1")
    with pytest.raises(ConfigError, match="name  'my space' must be letters, digits"):
        read_search(str(path))
    assert read_search(str(path), {"name": "mine"}).name == "mine"


PATHS = st.text(max_size=80) | st.sampled_from(["../x.csv", "/etc/T.csv", "a/b.csv", "T.csv", ".."])
LEVELS = {
    "train_size": st.none() | st.integers(2, 10**9),
    "delta": st.floats(0, 1),
    "class_map": st.sampled_from(
        ["7>1", "7>1,2>7", "2>7,7>1", ",".join(f"{i}>0" for i in range(1, 99))]
    ),
    "transition_file": PATHS,
    "foreign_source": PATHS | st.sampled_from(["white", "own", "mnist"]),
    "noise_rate": st.floats(0, 1, exclude_max=True),
    "lr": st.floats(0, 10, exclude_min=True),
    "alpha": st.integers(0, 1000),
    "batch_size": st.integers(4, 65536),
    "patience": st.none() | st.integers(1, 100_000),
    "model": st.sampled_from(["mlp1", "mlp2", "conv4"]),
    "val_fraction": st.sampled_from([0.1, 0.10, 1e-1, 0.5, "../x", "0.1", [0.1], True, 1e-300]),
}
CONDITIONS = st.fixed_dictionaries(
    {}, optional={name: st.lists(level, min_size=1, max_size=4) for name, level in LEVELS.items()}
)


NOISES = ["dilution", "symmetric", "structured", "asymmetric", "matrix", "foreign"]


@given(CONDITIONS, st.sampled_from(NOISES))
def test_conditions_name_different_folders_inside_the_output_folder(
    conditions: dict[str, list[Any]], noise: str
) -> None:
    try:
        found = built(conditions=conditions, noise=noise).all_conditions
    except ConfigError:
        return
    names = [condition.name for condition in found]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert len(name.encode()) <= MAX_NAME_LETTERS
        assert Path("/out", name).resolve().parent == Path("/out")


@pytest.mark.parametrize(
    ("noise", "field", "levels", "names"),
    [
        ("asymmetric", "class_map", ["7>1,2>7"], [r"class_map=7-1-2-7-[0-9a-f]{8}"]),
        (
            "matrix",
            "transition_file",
            ["T.csv", "../T.csv", "/a b/$T.csv"],
            [
                r"transition_file=T\.csv",
                r"transition_file=T\.csv-[0-9a-f]{8}",
                r"transition_file=a-b-T\.csv-[0-9a-f]{8}",
            ],
        ),
        (
            "foreign",
            "foreign_source",
            ["white", ">"],
            ["foreign_source=white", r"foreign_source=[0-9a-f]{8}"],
        ),
        (
            "human",
            "human_labels",
            ["aggregate", "worse"],
            ["human_labels=aggregate", "human_labels=worse"],
        ),
        ("symmetric", "train_size", [None, 100], ["train_size=null", "train_size=100"]),
        ("symmetric", "patience", [None, 5], ["patience=null", "patience=5"]),
    ],
)
def test_a_level_that_is_no_plain_word_is_told_by_a_hash(
    noise: str, field: str, levels: list[Any], names: list[str]
) -> None:
    found = built(noise=noise, conditions={field: levels}).all_conditions
    assert [condition.factors[field] for condition in found] == levels
    for condition, name in zip(found, names, strict=True):
        assert re.fullmatch(name, condition.name)


@pytest.mark.parametrize("levels", [[0.1, 0.10], [0.2, 2e-1], [0, 0.0]])
def test_two_ways_to_write_a_level_are_one_level(levels: list[float]) -> None:
    with pytest.raises(ConfigError, match="names a level twice"):
        built(conditions={"noise_rate": levels})


def test_a_condition_that_names_too_long_a_folder_is_refused() -> None:
    third = 1 / 3
    conditions: dict[str, Any] = {
        name: [third]
        for name in ("noise_rate", "val_fraction", "lr", "momentum", "tau", "exponent")
    }
    conditions |= {"optimizer": ["sgd"], "method": ["co_teaching"], "batch_size": [65536]}
    conditions |= {"lr_schedule": ["linear"], "lr_decay_start": [third]}
    with pytest.raises(ConfigError, match="11 fields name folders of more than 200 letters"):
        built(conditions=conditions)


def test_conditions_and_compared_levels_are_counted_together() -> None:
    rates = [n / 1000 for n in range(600)]
    search = {"method": {"choice": ["standard", "co_teaching"]}}
    with pytest.raises(ConfigError, match="600 combinations, each with 2 levels of method"):
        built(conditions={"noise_rate": rates}, search=search, compare="method", trials=2)
    assert len(built(conditions={"noise_rate": rates}).all_conditions) == 600


# Numbers that a search could not use.


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("seed", 10**13), ("trials", 10**7), ("epochs", 10**6), ("resources.cpus_per_trial", 1e300),
        ("resources.gpus_per_trial", 1e300), ("resources.max_concurrent", 10**9),
        ("confirm.seeds", 10**9), ("confirm.finalists", 10**9), ("confirm.max_seeds", 10**9),
        ("fixed.patience", 10**30),
    ],
)  # fmt: skip
def test_a_number_beyond_all_use_is_refused(place: str, value: float) -> None:
    section, _, key = place.rpartition(".")
    values = {section: {key: value}} if section else {key: value}
    with pytest.raises(ConfigError) as caught:
        built(**values)
    assert [problem.place for problem in caught.value.problems] == [place]


@pytest.mark.parametrize("path", ["a\nb.npz", "\x1b[2J.npz", "\udcff.npz", "x" * 5000 + ".npz"])
def test_a_data_set_s_path_is_one_line_of_text(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        built(dataset=path)
    assert [problem.place for problem in caught.value.problems] == ["dataset"]
