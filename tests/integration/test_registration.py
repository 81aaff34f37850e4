"""A real search registers its winner on a real server; a program of its own loads the champion."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.mlflow_server import MlflowServer
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell, running_shell
from tune_noise.data import load_dataset

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]
NAME = "digits-symmetric-noise_rate=0.2"
SPACE = {"noise": "symmetric", "conditions": {"noise_rate": [0.2]}}
# The lines of docs/model.md.
LOADING = f"""
import json, mlflow
from tune_noise.data import load_dataset
data = load_dataset("digits")
model = mlflow.pyfunc.load_model("models:/{NAME}@champion")
labels = model.predict(data.test_inputs)
each = model.predict(data.test_inputs, params={{"each_network": True}})
found = [(each == data.test_labels).mean(axis=1).mean(), (labels == data.test_labels).mean()]
print(json.dumps([float(accuracy) for accuracy in found]))
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, server: MlflowServer) -> Iterator[Shell]:
    with running_shell(tmp_path_factory.mktemp("registered")) as shell:
        shell.environment |= {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true"}
        yield shell


@pytest.fixture(scope="module")
def printed(shell: Shell) -> str:
    return shell.search("--space", shell.space(**SPACE))


@pytest.fixture(scope="module")
def winner(shell: Shell, printed: str) -> Path:
    return shell.folder / "runs" / "tiny" / "winners" / "noise_rate=0.2"


@pytest.fixture(scope="module")
def recorded(winner: Path) -> dict[str, float]:
    about = json.loads((winner / "config.json").read_text())
    found: dict[str, float] = about["metrics_of_these_weights"]
    return found


def state(server: MlflowServer) -> tuple[Any, ...]:
    from mlflow import MlflowClient

    client = MlflowClient(server.url, registry_uri=server.url)
    models = client.search_registered_models()
    versions = client.search_model_versions()
    logged = client.search_logged_models([e.experiment_id for e in client.search_experiments()])
    return (
        {model.name: dict(model.aliases) for model in models},
        {(version.name, int(version.version)): dict(version.tags) for version in versions},
        {model.model_id: str(model.status) for model in logged},
    )


def test_the_closing_lines_say_what_was_registered(printed: str) -> None:
    lines = [line for line in printed.splitlines() if line.startswith("model ")]
    assert lines == [f"model    {NAME} version 1 @champion: the first version"]


def test_a_program_of_its_own_finds_the_recorded_accuracy_to_the_last_digit(
    shell: Shell, recorded: dict[str, float], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADING],
        env=shell.environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    of_networks, of_average = json.loads(done.stdout.splitlines()[-1])
    assert of_networks == recorded["test_accuracy_clean"]
    # With one network both are the same.
    expected = recorded.get("test_accuracy_clean_ensemble", recorded["test_accuracy_clean"])
    assert of_average == expected


def test_predict_takes_the_champion_from_the_registry(
    shell: Shell, winner: Path, recorded: dict[str, float]
) -> None:
    data = load_dataset("digits")
    np.savez(shell.folder / "test.npz", images=data.test_inputs, labels=data.test_labels)
    arguments = ["predict", "test.npz", "--json", "--model"]
    found = json.loads(shell.run("tune-noise", *arguments, f"models:/{NAME}@champion"))
    folder = json.loads(shell.run("tune-noise", *arguments, str(winner)))
    assert found["predictions"] == folder["predictions"]
    accuracy = found["accuracy"]["labels"]
    assert accuracy.get("mean_of_networks", accuracy["accuracy"]) == recorded["test_accuracy_clean"]
    err = shell.run("tune-noise", *arguments, f"models:/{NAME}@nobody", code=2)
    assert "Registered model alias nobody not found" in err


def test_a_version_says_what_it_is(printed: str, server: MlflowServer, winner: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(server.url, registry_uri=server.url)
    version = client.get_model_version_by_alias(NAME, "champion")
    assert version.description == (winner / "model_card.md").read_text()
    for heading in ("verdict", "data", "noise", "search", "known to the search"):
        assert f"| {heading} | " in version.description
    assert version.tags["tune_noise.dataset"] == "digits"
    assert "n = 2" in version.tags["tune_noise.test_accuracy_clean"]
    # Its run is that of the trial whose networks these are.
    run = client.get_run(version.run_id)
    assert run.data.tags["tune_noise.trial_id"] == version.tags["tune_noise.trial_id"]
    assert len(run.outputs.model_outputs) == 1


def test_the_same_search_again_changes_nothing(
    shell: Shell, printed: str, server: MlflowServer
) -> None:
    before = state(server)
    assert len(before[1]) == len(before[2]) == 1
    again = shell.run("tune-noise", "resume", "runs/tiny")
    assert f"model    {NAME} version 1 @champion: the first version" in again
    assert state(server) == before


def test_a_search_that_is_not_to_be_registered_is_not(
    shell: Shell, printed: str, server: MlflowServer
) -> None:
    before = state(server)
    space = shell.space(**SPACE, trials=2, confirm={"seeds": 1})
    out = shell.search("--space", space, "--name", "quiet", "--no-register")
    assert "model  " not in out
    assert state(server)[:2] == before[:2]
    folder = shell.folder / "runs" / "quiet" / "winners" / "noise_rate=0.2"
    names = {path.name for path in folder.iterdir()}
    assert names == {"weights.safetensors", "config.json", "model_card.md"}
