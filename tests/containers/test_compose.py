"""The shipped `docker-compose.yml`, as docs/cluster.md says to use it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml

from tests.support.search_audit import HANDED_ON, audit, notes
from tests.support.shell import STEADY, TINY
from tests.support.waiting import wait_for

from .conftest import HERE, ROOT, Stack

pytestmark = pytest.mark.containers
OBJECTIVE = "val_information_noisy"
OURS = ("ray-head", "ray-worker", "mlflow")


def answer_code(uri: str, *options: str) -> int:
    """The HTTP status of a GET, by a client that knows nothing of the project."""
    command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", *options, uri]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def space_file(folder: Path, **changes: Any) -> Path:
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump({**TINY, **changes}))
    path.chmod(0o644)
    folder.chmod(0o755)
    return path


def search(stack: Stack, space: Path, name: str, *arguments: str, detached: str = "") -> str:
    how = ["-d", "--name", detached] if detached else ["--rm"]
    mount = ["-v", f"{space}:/space.yaml:ro"]
    command = ["--space", "/space.yaml", "--name", name, *arguments]
    return stack.compose("run", *how, *mount, "search", *command)


def test_the_documented_line_runs_a_search_that_mlflow_shows(stack: Stack, tmp_path: Path) -> None:
    printed = stack.compose("run", "--rm", "search", "--space", "smoke")
    assert "Finished in" in printed
    assert "http://mlflow:5000/#/experiments/" in printed
    runs = stack.runs("smoke", OBJECTIVE)
    assert len([run for run in runs if run.trial_id]) == 8 + 6
    folder = stack.copy("smoke", tmp_path)
    assert (folder / "report.html").stat().st_size > 100_000
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["conditions"][0]["verdict"] in {"winner", "tie"}


def test_artifacts_are_read_through_the_server(stack: Stack, tmp_path: Path) -> None:
    client = mlflow.MlflowClient(stack.mlflow_uri)
    experiment = client.get_experiment_by_name("smoke")
    assert experiment is not None
    assert experiment.artifact_location.startswith("mlflow-artifacts:/")
    parents = client.search_runs([experiment.experiment_id], "tags.`mlflow.parentRunId` = ''")
    runs = parents or client.search_runs([experiment.experiment_id])
    names = {f.path for run in runs for f in client.list_artifacts(run.info.run_id)}
    assert "report.html" in names
    [parent] = [
        run
        for run in runs
        if "report.html" in {f.path for f in client.list_artifacts(run.info.run_id)}
    ]
    path = client.download_artifacts(parent.info.run_id, "report.html", str(tmp_path))
    assert "<html" in Path(path).read_text("utf-8")[:2000]


def test_a_search_survives_the_loss_of_a_worker_of_mlflow_and_of_its_driver(
    stack: Stack, tmp_path: Path
) -> None:
    steady = {**STEADY, "trials": 12, "epochs": 60}
    space = space_file(tmp_path, **steady)
    driver, name = f"{stack.project}-driver", "faults"
    search(stack, space, name, detached=driver)

    def ended() -> int:
        state = stack.status(name)
        return int(state["trials"]["ended"]) if state else 0

    wait_for(lambda: ended() >= 2, "end of two trials")
    stack.docker("kill", stack.container("ray-worker", 1))
    wait_for(lambda: ended() >= 4, "end of four trials")
    stack.compose("restart", "mlflow")
    wait_for(lambda: ended() >= 6, "end of six trials")
    stack.docker("kill", driver)
    stack.docker("rm", driver)
    assert ended() < 12
    stack.compose("up", "-d", "--wait")

    printed = search(stack, space, name, "--resume")

    assert "Finished in" in printed
    folder = stack.copy(name, tmp_path)
    audit(folder, runs=stack.runs(name, OBJECTIVE))
    assert notes(folder, HANDED_ON), "the worker was killed while it trained nothing"


def test_a_submitted_job_runs_to_its_end(stack: Stack, tmp_path: Path) -> None:
    ray = [str(Path(sys.executable).parent / "ray"), "job", "submit", "--address", stack.ray_uri]
    job = ["python", "-m", "tune_noise.search", "--space", "smoke", "--name", "job"]
    done = subprocess.run(
        [*ray, "--working-dir", ".", "--", *job],
        cwd=_checkout(tmp_path),
        env=stack.environment
        | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(stack.secrets / "ray_token")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Finished in" in done.stdout
    assert len([run for run in stack.runs("job", OBJECTIVE) if run.trial_id]) == 8 + 6


def _checkout(folder: Path) -> Path:
    """What git has of the project: a working folder may hold anything beside it."""
    target = folder / "checkout"
    subprocess.run(["git", "clone", "-q", ROOT, target], check=True)
    return target


def test_without_the_token_ray_gives_and_takes_nothing(stack: Stack) -> None:
    jobs = f"{stack.ray_uri}/api/jobs/"
    assert answer_code(jobs) == 401
    assert answer_code(jobs, "-H", "Authorization: Bearer wrong") == 403
    assert answer_code(jobs, "-H", f"Authorization: Bearer {stack.secret('ray_token')}") == 200
    assert answer_code(jobs, "-X", "POST", "-d", '{"entrypoint": "id"}') == 401
    # A node, as somebody would start one on the same network.
    join = "ray start --address=ray-head:6379 --block"
    for token in ("RAY_AUTH_MODE=disabled", "RAY_AUTH_TOKEN=wrong"):
        command = ["run", "--rm", "--no-deps", "-e", "RAY_AUTH_TOKEN_PATH=", "-e", token]
        with pytest.raises(AssertionError, match=r"(?i)authenticat|token"):
            stack.compose(*command, "--entrypoint", "timeout", "search", "60", *join.split())


def test_a_search_with_a_wrong_token_ends_with_one_message(stack: Stack) -> None:
    command = ["run", "--rm", "--no-deps", "-e", "RAY_AUTH_TOKEN_PATH=", "-e", "RAY_AUTH_TOKEN=no"]
    program = ["python", "search", "-m", "tune_noise.search", "--space", "smoke", "--name", "token"]
    with pytest.raises(AssertionError) as failure:
        stack.compose(*command, "--entrypoint", *program, "--address", "ray-head:6379")
    assert "error: --address ray-head:6379" in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_mlflow_refuses_a_host_that_it_does_not_know(stack: Stack) -> None:
    assert answer_code(f"{stack.mlflow_uri}/") == 200
    assert answer_code(f"{stack.mlflow_uri}/", "-H", "Host: evil.example") == 403
    assert answer_code(f"{stack.mlflow_uri}/", "-H", "Host: mlflow:5000") == 200


def test_nothing_is_published_beyond_loopback(stack: Stack) -> None:
    containers = json.loads(f"[{','.join(_lines(stack.compose('ps', '--format', 'json')))}]")
    published = [
        port for c in containers for port in c["Publishers"] or [] if port["PublishedPort"]
    ]
    assert {port["URL"] for port in published} == {"127.0.0.1"}
    assert {port["TargetPort"] for port in published} == {5000, 8265}


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("service", OURS)
def test_no_container_of_ours_runs_as_root_or_may_become_root(stack: Stack, service: str) -> None:
    container = stack.container(service)
    assert stack.docker("exec", container, "id", "-u").strip() == "10001"
    host = json.loads(stack.docker("inspect", container))[0]["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0


def test_secrets_are_nowhere_but_in_their_files(stack: Stack, tmp_path: Path) -> None:
    places = [stack.compose("logs", "--no-color")]
    for service in (*OURS, "postgres"):
        places.append(stack.docker("inspect", stack.container(service)))
        places.append(stack.docker("top", stack.container(service)))
    for image in ("tune_noise", "tune_noise_mlflow"):
        places.append(stack.docker("history", "--no-trunc", image))
        places.append(stack.docker("inspect", image))
    client = mlflow.MlflowClient(stack.mlflow_uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    places.append(str([run.to_dictionary() for run in client.search_runs(ids)]))
    folder = stack.copy("smoke", tmp_path)
    places += [p.read_bytes().decode("latin-1") for p in folder.rglob("*") if p.is_file()]
    for name in ("ray_token", "postgres_password"):
        secret = stack.secret(name)
        assert len(secret) == 64
        assert not [place[:200] for place in places if secret in place]


def test_more_workers_join_a_running_cluster(stack: Stack) -> None:
    stack.compose("up", "-d", "--wait", "--scale", "ray-worker=3", "--no-recreate")
    try:
        count = (
            "import ray; ray.init('auto', log_to_driver=False); "
            "print(sum(node['Alive'] and 'CPU' in node['Resources'] for node in ray.nodes()))"
        )
        command = ["exec", stack.container("ray-head"), "python", "-c", count]
        wait_for(lambda: stack.docker(*command).strip() == "4", "fourth node")
    finally:
        stack.compose("up", "-d", "--wait", "--no-recreate")


@pytest.mark.parametrize("file", ["docker/compose.gpu.yml", "docker/compose.auth.yml"])
def test_overrides_are_well_formed(stack: Stack, file: str) -> None:
    stack.files.append(ROOT / file)
    try:
        stack.compose("config", "-q")
    finally:
        stack.files.pop()


def test_mlflow_asks_for_a_password_where_it_is_told_to(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = Stack(tmp_path, ROOT / "docker" / "compose.auth.yml", WORKERS="1")
    try:
        locked.compose("up", "-d", "--wait")
        experiments = f"{locked.mlflow_uri}/api/2.0/mlflow/experiments/search?max_results=5"
        password = locked.secret("mlflow_admin_password")
        assert answer_code(experiments) == 401
        assert answer_code(experiments, "-u", "admin:password1234") == 401
        assert answer_code(experiments, "-u", f"admin:{password}") == 200
        assert "Finished in" in locked.compose("run", "--rm", "search", "--space", "smoke")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        assert len([run for run in locked.runs("smoke", OBJECTIVE) if run.trial_id]) == 8 + 6
        wrong = ["run", "--rm", "-e", "MLFLOW_TRACKING_PASSWORD_FILE=", "search"]
        with pytest.raises(AssertionError, match="401"):
            locked.compose(*wrong, "--space", "smoke", "--name", "refused")
    finally:
        locked.compose("--profile", "search", "down", "--volumes", "--remove-orphans")


def test_artifacts_lie_in_a_bucket_where_it_is_told_to(stack: Stack, tmp_path: Path) -> None:
    bucket = Stack(
        tmp_path,
        ROOT / "docker" / "compose.s3.yml",
        HERE / "compose.bucket.yml",
        WORKERS="1",
        MLFLOW_ARTIFACTS="s3://artifacts/mlflow",
        AWS_ENDPOINT_URL_S3="http://bucket:9000",
    )
    keys = "[default]\naws_access_key_id = key\naws_secret_access_key = secret-of-the-bucket\n"
    (bucket.secrets / "aws_credentials").write_text(keys)
    try:
        bucket.compose("build", "bucket")
        bucket.compose("up", "-d", "--wait")
        assert "Finished in" in bucket.compose("run", "--rm", "search", "--space", "smoke")
        stored = bucket.docker("exec", bucket.container("bucket"), "find", "/bucket", "-type", "f")
        assert "report.html" in stored
        inspected = bucket.docker("inspect", bucket.container("ray-head"))
        assert "aws" not in inspected.lower(), "Ray nodes need no keys of the bucket"
    finally:
        bucket.compose("--profile", "search", "down", "--volumes", "--remove-orphans")
