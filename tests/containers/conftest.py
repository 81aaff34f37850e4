"""The real Compose stack on a real Docker engine: built, brought up, and taken down at the end."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.support.ports import free_port
from tests.support.search_audit import Run

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
TRIAL_ID = "tune_noise.trial_id"


class Stack:
    """One project of Compose; `files` are overrides beside the main file."""

    def __init__(self, folder: Path, *files: Path, **environment: str) -> None:
        self.project = f"test_{uuid.uuid4().hex[:8]}"
        self.files = [ROOT / "docker-compose.yml", HERE / "compose.build.yml", *files]
        self.ray_port, self.mlflow_port = free_port(), free_port()
        self.secrets = folder / "secrets"
        subprocess.run([ROOT / "docker" / "make-secrets.sh", self.secrets], check=True)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "MLFLOW"))}
        self.environment = inherited | {
            "RAY_PORT": str(self.ray_port),
            "MLFLOW_PORT": str(self.mlflow_port),
            "SECRETS": str(self.secrets),
            "NODE_CPUS": "1",
            "NODE_MEMORY": "3g",
            **environment,
        }

    @property
    def mlflow_uri(self) -> str:
        return f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def ray_uri(self) -> str:
        return f"http://127.0.0.1:{self.ray_port}"

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text("utf-8")

    def docker(self, *arguments: str) -> str:
        return self._run("docker", *arguments)

    def compose(self, *arguments: str) -> str:
        files = [part for file in self.files for part in ("-f", str(file))]
        return self._run("docker", "compose", "-p", self.project, *files, *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def container(self, service: str, number: int = 1) -> str:
        return f"{self.project}-{service}-{number}"

    def status(self, name: str) -> dict[str, Any]:
        """What `tune-noise status` says of a search; empty before it has begun."""
        command = ["tune-noise", "status", f"/runs/{name}", "--json"]
        container = self.container("ray-head")
        done = subprocess.run(
            ["docker", "exec", container, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def copy(self, name: str, target: Path) -> Path:
        """A search's folder on this side."""
        self.docker("cp", f"{self.container('ray-head')}:/runs/{name}", str(target))
        return target / name

    def runs(self, experiment: str, metric: str) -> list[Run]:
        """What the MLflow server says, asked from outside."""
        client = MlflowClient(self.mlflow_uri)
        found = client.get_experiment_by_name(experiment)
        assert found is not None
        runs = client.search_runs([found.experiment_id], max_results=1000)
        return [
            Run(
                run.data.tags.get(TRIAL_ID),
                run.info.status,
                [point.step for point in client.get_metric_history(run.info.run_id, metric)]
                if TRIAL_ID in run.data.tags
                else [],
            )
            for run in runs
        ]


def engine_fault() -> str | None:
    """Why no stack can be brought up here; None where it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    done = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if done.returncode != 0:
        return "docker has no Compose"
    done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no Docker engine answers: {done.stderr.strip()}"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if fault := engine_fault():
        pytest.skip(fault)
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.compose("build")
        stack.compose("up", "-d", "--wait")
        yield stack
    finally:
        stack.compose("--profile", "search", "down", "--volumes", "--remove-orphans")
