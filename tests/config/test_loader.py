import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tune_noise.config.loader import (
    build_search,
    build_trial,
    find_space,
    parse_assignments,
    read_search,
    read_space,
    shipped_spaces,
    spaces_dir,
    with_assignments,
)
from tune_noise.config.search import SearchConfig
from tune_noise.config.space_yaml import parse_yaml
from tune_noise.config.trial import TrialConfig, applies
from tune_noise.errors import ConfigError, UserError
from tune_noise.service.plan import make_plan

SPACE: dict[str, Any] = {
    "name": "mine",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "search": {
        "lr": {"loguniform": [0.001, 0.01]},
        "patience": {"choice": [None, 5]},
        "ramp_epochs": {"int": [2, 9], "points": 3, "when": {"method": "co_teaching"}},
    },
    "fixed": {"model": "mlp2", "method": "co_teaching"},
    "trials": 7,
}


def build(raw: dict[str, Any]) -> SearchConfig:
    return build_search(raw, source="mine.yaml")


def overridden(**assignments: Any) -> SearchConfig:
    return build(with_assignments(SPACE, assignments))


# Shipped spaces.


def test_every_shipped_space_is_found_and_valid() -> None:
    files = sorted(spaces_dir().rglob("*.yaml"))
    spaces = shipped_spaces()
    assert files
    assert sorted(spaces.values()) == files  # none hides in a folder below
    for name, path in spaces.items():
        search = build_search({"name": name, **read_space(path)}, source=str(path))
        assert find_space(name) == path
        assert build_search(search.to_plain(), source="round trip") == search


@pytest.mark.parametrize("path", shipped_spaces().values(), ids=lambda path: path.stem)
def test_a_shipped_space_states_question_command_cost_expectation_and_source(path: Path) -> None:
    header = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    keys = [line[1:].split(":")[0].strip() for line in header]
    for key in ("Question", "Run", "Cost", "Expect", "Source"):
        assert key in keys
    assert f"--space {path.stem}" in "\n".join(header)


def headed(path: Path) -> dict[str, list[str]]:
    """Key of a shipped space's header -> its lines, without what marks them."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if started := re.match(r"# ([A-Z]\w+): +(.*)", line):
            lines = found.setdefault(started[1], [])
            lines.append(started[2])
        elif found and line.startswith("#  "):
            lines.append(line.lstrip("# "))
        elif not line.startswith("#"):
            break
    return found


def commands(path: Path) -> list[list[str]]:
    """The options of each command of a header: `words: --option value` varies the first line."""
    first, *others = headed(path)["Run"]
    varied: list[str] = []
    for line in others:
        if line.startswith("--"):
            varied[-1] += f" {line}"
        elif options := re.search(r": (--.*)", line):
            varied.append(options[1])
    _, _, plain_options = first.partition("tune_noise.search ")
    return [shlex.split(plain_options), *(shlex.split(text) for text in varied)]


@pytest.mark.parametrize("path", shipped_spaces().values(), ids=lambda path: path.stem)
def test_every_command_in_the_header_of_a_shipped_space_is_valid(path: Path) -> None:
    for words in commands(path):
        given = list(zip(words[::2], words[1::2], strict=True))
        flags = {k.lstrip("-"): parse_yaml(v, source=k) for k, v in given if k != "--set"}
        if "gpus-per-trial" in flags:
            flags["resources.gpus_per_trial"] = flags.pop("gpus-per-trial")
        if "label" in flags:
            flags["data.label"] = flags.pop("label")
        assert flags.pop("space", path.stem) == path.stem
        assert read_search(
            path.stem, {**parse_assignments([v for k, v in given if k == "--set"]), **flags}
        )


@pytest.mark.parametrize("path", shipped_spaces().values(), ids=lambda path: path.stem)
def test_the_header_of_a_shipped_space_counts_its_trials(path: Path) -> None:
    cost = " ".join(headed(path)["Cost"])
    trials, confirmations = map(int, re.findall(r"(\d+) (?:trials|confirmations)", cost)[:2])
    plan = make_plan(build_search({"name": path.stem, **read_space(path)}, source=str(path)))
    assert (plan.trials, plan.confirm_trials) == (trials, confirmations)
    measured = not cost.count("not measured yet")
    assert measured or "not measured yet" in " ".join(headed(path)["Expect"])


def test_a_file_beats_nothing_and_a_shipped_name_beats_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("smoke", "other"):
        Path(name).write_text("{}")
    assert find_space("smoke") == shipped_spaces()["smoke"]
    assert find_space("other") == Path("other")
    with pytest.raises(UserError, match="there is no such space"):
        find_space("x" * 300)


# YAML.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("-2.", -2.0),
        ("7", 7),
        ("-7", -7),
        ("0x10", 16),
        ("'1e-3'", "1e-3"),
        ("1e-3x", "1e-3x"),
        ("adam", "adam"),
        ("null", None),
        ("", None),
        ("[0, 5]", [0, 5]),
        ("{loguniform: [1e-4, 1e-2]}", {"loguniform": [0.0001, 0.01]}),
    ],
)
def test_numbers_are_read_as_a_scientist_writes_them(text: str, value: Any) -> None:
    found = parse_yaml(text, source="here")
    assert (found, type(found)) == (value, type(value))


def test_the_last_of_two_equal_assignments_counts() -> None:
    assert parse_assignments(["lr=1e-3", " lr =0.1", "name=a=b"]) == {"lr": 0.1, "name": "a=b"}


# Overrides.


def test_a_condition_that_is_set_stays_a_condition() -> None:
    assert overridden(noise_rate=0.3).conditions == {"noise_rate": [0.3]}
    assert overridden(noise_rate=[0.1, 0.3]).conditions == {"noise_rate": [0.1, 0.3]}
    assert "noise_rate" not in overridden(noise_rate=0.3).fixed


def test_a_searched_field_that_is_set_becomes_fixed() -> None:
    search = overridden(lr=0.1)
    assert search.fixed["lr"] == 0.1
    assert "lr" not in search.search


def test_a_field_set_to_a_mapping_becomes_searched() -> None:
    search = overridden(model={"choice": ["mlp1", "mlp4"]}, batch_size={"int": [16, 64]})
    assert search.search["model"].choice == ["mlp1", "mlp4"]
    assert search.search["batch_size"].bounds == (16, 64)
    assert "model" not in search.fixed


def test_null_takes_a_field_out_of_the_space() -> None:
    raw = {"search": {"tau": {"uniform": [0.1, 0.5]}}, "fixed": {"ramp_epochs": 4}}
    changed = with_assignments(raw, parse_assignments(["tau=null", "ramp_epochs=null"]))
    assert changed["search"] == changed["fixed"] == {}


def test_a_field_that_lost_its_use_can_be_taken_out_as_the_message_says() -> None:
    raw = {
        "name": "x",
        "search": {
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"loguniform": [0.001, 0.01]},
            "tau": {"uniform": [0.1, 0.5]},
        },
    }
    one_method = with_assignments(raw, {"method": "standard"})
    with pytest.raises(ConfigError, match="take it out \\(--set tau=null\\)"):
        build_search(one_method, source="x")
    assert build_search(with_assignments(one_method, {"tau": None}), source="x").levels == [None]


def test_keys_of_the_space_and_of_its_sections_can_be_set() -> None:
    search = overridden(
        **{
            "trials": 3,
            "noise": "symmetric",
            "early_stopping.grace_epochs": 10,
            "confirm.seeds": 2,
            "resources.cpus_per_trial": 0.5,
            "fixed": {"method": "co_teaching"},
        }
    )
    assert (search.trials, search.confirm.seeds, search.fixed) == (3, 2, {"method": "co_teaching"})
    assert search.early_stopping is not None
    assert search.early_stopping.grace_epochs == 10
    assert search.resources.cpus_per_trial == 0.5


def test_overrides_leave_the_raw_space_as_it_was() -> None:
    before = yaml.safe_dump(SPACE)
    overridden(lr=0.1, noise_rate=0.1, **{"confirm.seeds": 1})
    assert yaml.safe_dump(SPACE) == before


@pytest.mark.parametrize("section", ["conditions", "search", "fixed", "early_stopping", "confirm"])
def test_a_malformed_section_is_reported_in_spite_of_overrides(section: str) -> None:
    raw = with_assignments(
        SPACE | {section: [1]}, {"lr": 0.1, "early_stopping.grace_epochs": 1, "confirm.seeds": 1}
    )
    with pytest.raises(ConfigError, match=rf"{section} +\[1\] must be a mapping"):
        build(raw)


# What is written is what runs again.


def test_a_search_survives_its_own_file() -> None:
    search = build(SPACE)
    text = yaml.safe_dump(search.to_plain(), sort_keys=False)
    assert build_search(parse_yaml(text, source="file"), source="file") == search


def test_defaults_stand_in_the_schema_alone() -> None:
    search = build({"name": "mine", "trials": 1})
    [condition] = search.all_conditions
    config = search.trial_config(condition, {})
    defaults = TrialConfig()
    assert config == defaults
    assert (search.dataset, search.noise) == (defaults.dataset, defaults.noise)
    assert (search.epochs, search.objective) == (defaults.epochs, defaults.objective)


def test_a_noise_seed_of_the_space_stands_before_that_of_the_search() -> None:
    search = build(SPACE | {"conditions": {"noise_rate": [0.45], "noise_seed": [7, 8]}})
    configs = [
        search.trial_config(condition, {"lr": 0.005}, seed=3, noise_seed=4)
        for condition in search.all_conditions
    ]
    assert [(config.seed, config.noise_seed) for config in configs] == [(3, 7), (3, 8)]


def test_a_trial_takes_its_values_from_condition_search_and_fixed_fields() -> None:
    search = build(SPACE | {"epochs": 40, "objective": "val_loss_noisy"})
    config = search.trial_config(search.all_conditions[1], {"lr": 0.005}, seed=3, noise_seed=4)
    assert (config.noise_rate, config.lr, config.model) == (0.45, 0.005, "mlp2")
    assert (config.epochs, config.objective) == (40, "val_loss_noisy")
    assert (config.seed, config.noise_seed) == (3, 4)


def test_a_fixed_field_is_left_out_beside_a_value_that_has_no_use_for_it() -> None:
    raw = {
        "name": "mine",
        "search": {"method": {"choice": ["standard", "co_teaching"]}},
        "fixed": {"tau": 0.4},
    }
    search = build(raw)
    [condition] = search.all_conditions
    assert search.trial_config(condition, {"method": "standard"}).tau is None
    assert search.trial_config(condition, {"method": "co_teaching"}).tau == 0.4
    assert not applies("tau", {"method": "standard"})


# Trials from the command line.


def test_all_problems_of_a_trial_are_shown_at_once() -> None:
    values = {"tau": 0.5, "momentum": 0.9, "modle": "mlp1", "lr": 0, "epochs": "3"}
    with pytest.raises(ConfigError) as caught:
        build_trial(values, source="--set")
    assert {problem.place for problem in caught.value.problems} == set(values)


def test_a_right_trial_is_built() -> None:
    trial = build_trial({"method": "co_teaching", "tau": 0.5}, source="--set")
    assert (trial.tau, trial.ramp_epochs) == (0.5, 10)


@pytest.mark.parametrize(
    ("field", "values"), [("lr", [0.001, 0.01]), ("batch_size", [32]), ("model", ["mlp1", "mlp2"])]
)
def test_a_list_for_a_fixed_field_is_answered_by_an_assignment_that_searches_it(field, values):
    with pytest.raises(ConfigError) as caught:
        read_search("smoke", {field: values})
    [problem] = caught.value.problems
    assert problem.place == f"fixed.{field}"
    assert "is a list, and a fixed field has one value" in problem.message
    [assignment] = re.findall("--set '(.*?)'", problem.message)
    search = read_search("smoke", parse_assignments([assignment]))
    assert search.search[field].choice == values


def test_a_list_for_a_searched_field_is_a_choice_that_is_not_written_as_one():
    with pytest.raises(ConfigError) as caught:
        build_search({"name": "x", "search": {"lr": [0.001, 0.01]}}, source="x")
    [problem] = caught.value.problems
    assert (problem.place, problem.message) == (
        "search.lr",
        "[0.001, 0.01] is a list of values: write {choice: [0.001, 0.01]}",
    )


@pytest.mark.parametrize(("field", "values"), [("lr", [0.1]), ("augmentation", ["none"])])
def test_a_trial_takes_one_value_of_each_field(field, values):
    with pytest.raises(ConfigError, match=f"{re.escape(str(values))} is a list: give one value"):
        build_trial({field: values}, source="--set")
