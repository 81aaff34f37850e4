"""`~` means the home folder wherever a path is given; most shells leave that of `--output=~/x`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from tune_noise import cli, spaces
from tune_noise.command_line.options import parse_path

from .console import Run, space, write
from .test_help import finished_search


def parameters() -> Iterator[tuple[str, Any]]:
    """Command and parameter -> its annotation."""
    for command in [*cli.app.registered_commands, *spaces.app.registered_commands]:
        hints = get_type_hints(command.callback, include_extras=True)
        for name, hint in hints.items():
            yield f"{command.name or command.callback.__name__} {name}", hint


PATHS = {name: hint for name, hint in parameters() if "Path" in str(get_args(hint)[:1])}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.mark.parametrize("name", PATHS)
def test_every_parameter_that_is_a_path_is_parsed_in_one_place(name: str) -> None:
    [declaration] = get_args(PATHS[name])[1:]
    assert declaration.parser is parse_path


def test_the_parameters_that_are_paths_are_found() -> None:
    assert {"search output", "train output", "predict inputs", "report folders"} <= PATHS.keys()


def test_the_commands_read_searches_and_spaces_of_the_home_folder(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_search(home / "runs" / "smoke", gain=0.0)
    write(space(), f"{home}/mine.yaml")
    assert "smoke" in run("status", "--output=~/runs").out
    assert "smoke: finished" in run("status", "~/runs/smoke").out
    assert f"{home}/mine.yaml: " in run("spaces", "check", "~/mine.yaml").out
    assert "data " in run("search", "--space=~/mine.yaml", "--dry-run").out
    monkeypatch.setenv("TUNE_NOISE_OUTPUT", "~/runs")
    assert "smoke" in run("status").out


def test_messages_name_the_place_in_the_home_folder(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "mine").mkdir()
    elsewhere = run("report", "~/mine", "--record=sqlite:///~/all.db")
    assert f"nothing is recorded in {home}/all.db" in elsewhere.err
    images = home / "images.npz"
    np.savez(images, images=np.zeros((1, 8, 8), np.uint8))
    no_model = run("predict", "~/images.npz", "--model=~/nothing")
    assert f"--model {home}/nothing is not a folder" in no_model.err
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///~/mlflow.db")
    no_store = run("predict", "~/images.npz", "--model=models:/mine@champion")
    assert f"there is no MLflow store {home}/mlflow.db" in no_store.err
    assert {no_model.code, no_store.code, elsewhere.code} == {2}
    assert not Path("~").exists()


def test_a_user_who_does_not_exist_is_one_clear_message(run: Run) -> None:
    outcome = run("status", "--output=~nobody-of-this-name/runs")
    assert outcome.code == 2
    assert "there is no home folder ~nobody-of-this-name" in outcome.err
    assert "./~nobody-of-this-name/runs" in outcome.err


def test_a_folder_whose_name_is_a_tilde_is_reached_by_a_dot(run: Run) -> None:
    finished_search(Path("./~/smoke"), gain=0.0)
    assert "smoke" in run("status", "--output=./~").out
