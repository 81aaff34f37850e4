"""What a search's noise needs is loaded and checked before anything starts, for all conditions."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise import cli
from tune_noise.command_line.run import run_app
from tune_noise.config.loader import build_search
from tune_noise.errors import ConfigError
from tune_noise.noise import symmetric
from tune_noise.service.checked_data import load_checked
from tune_noise.training import Trial


@pytest.fixture(autouse=True)
def _in_a_folder_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for rate in (0.2, 0.5):
        np.savetxt(f"T{rate}.csv", symmetric(10, rate), delimiter=",")
    Path("bad.csv").write_text("1,2\n")


def checked(**raw: Any) -> Any:
    search = build_search({"name": "mine", "trials": 1, **raw}, source="mine.yaml")
    return search, load_checked(search, None)


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        ({"noise": "symmetric"}, []),
        (
            {"noise": "matrix", "conditions": {"transition_file": ["T0.2.csv", "T0.5.csv"]}},
            ["matrix/T0.2.csv", "matrix/T0.5.csv"],
        ),
        (
            {"noise": "foreign", "conditions": {"foreign_source": ["own", "white"]}},
            ["images/white"],
        ),
        ({"noise": "structured", "conditions": {"delta": [0.0, 0.5]}}, ["order/confusing"]),
        (
            {
                "noise": "structured",
                "search": {
                    "confusion_order": {"choice": ["random", "reverse"]},
                    "alpha": {"int": [5, 9]},
                    "lr": {"uniform": [0.1, 0.2]},
                },
                "trials": 4,
            },
            ["order/confusing"],
        ),
    ],
    ids=str,
)
def test_the_material_of_every_condition_is_loaded(raw: dict[str, Any], keys: list[str]) -> None:
    search, dataset = checked(**raw)
    assert sorted(dataset.extras) == keys
    for condition in search.all_conditions:
        choice = {f: d.extremes()[-1] for f, d in search.search.items()}
        Trial([search.trial_config(condition, choice)], dataset)


def test_white_images_suffice_for_the_largest_alpha() -> None:
    _, dataset = checked(noise="foreign", conditions={"alpha": [4, 0, 2]})
    assert len(dataset.extras["images/white"]) == 4 * 1257


def test_all_problems_of_all_conditions_are_shown_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        checked(
            noise="matrix",
            conditions={
                "transition_file": ["T0.2.csv", "bad.csv", "absent.csv"],
                "train_size": [100, 5000],
            },
        )
    found = [(problem.place, problem.message) for problem in caught.value.problems]
    assert [place for place, _ in found] == ["transition_file", "transition_file", "train_size"]
    assert "bad.csv is not a noise transition matrix" in found[0][1]
    assert "absent.csv is not a file" in found[1][1]
    assert "5000 is more than the 1131 examples" in found[2][1]


def test_alpha_and_delta_are_checked_together() -> None:
    conditions = {"alpha": [4, 20], "delta": [0.4, 1.0]}
    with pytest.raises(ConfigError) as caught:
        checked(noise="structured", conditions=conditions)
    [problem] = caught.value.problems
    assert problem.message.startswith("alpha 4 must be at least delta * K = 1 * 10")
    searched = {"alpha": {"int": [3, 20]}, "delta": {"uniform": [0.1, 0.5]}}
    with pytest.raises(ConfigError, match="alpha 3 must be at least"):
        checked(noise="structured", search=searched, trials=4)


def test_a_noise_without_its_file_is_refused_whatever_the_space() -> None:
    for noise, place in (("matrix", "transition_file"), ("human", "human_file")):
        with pytest.raises(ConfigError, match=f"{place}  is missing"):
            checked(noise=noise)


def test_a_changed_file_is_another_search() -> None:
    raw = {"noise": "matrix", "conditions": {"transition_file": ["T0.2.csv"]}}
    _, before = checked(**raw)
    _, same = checked(**raw)
    np.savetxt("T0.2.csv", symmetric(10, 0.3), delimiter=",")
    _, after = checked(**raw)
    assert before.fingerprint == same.fingerprint != after.fingerprint


def train(monkeypatch: pytest.MonkeyPatch, *settings: str) -> int:
    arguments = [f for s in (*settings, "epochs=1", "model=perceptron") for f in ("--set", s)]
    monkeypatch.setattr(sys, "argv", ["tune-noise", "train", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_app(cli.app, prog_name="tune-noise")
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "settings",
    [
        ("noise=foreign", "alpha=2"),
        ("noise=structured",),
        ("noise=asymmetric", "class_map=7>1,2>7"),
        ("noise=matrix", "transition_file=T0.2.csv"),
        ("noise=instance", "train_size=300"),
    ],
    ids=str,
)
def test_one_configuration_trains_with_its_material(
    settings: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train(monkeypatch, *settings) == 0
    assert "realised_noise_rate" in capsys.readouterr().out


def test_one_configuration_without_its_file_is_the_users_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, "noise=human") == 2
    assert "human_file  is missing" in capsys.readouterr().err
    assert train(monkeypatch, "noise=matrix", "transition_file=absent.csv") == 2
    assert "transition_file  absent.csv is not a file" in capsys.readouterr().err
