"""Does a champion, loaded in a fresh environment from a real server, have its recorded accuracy?

    python benchmarks/fresh_champion.py
    python benchmarks/fresh_champion.py --cases digits mnist --data-dir DATA

Builds this checkout's wheel, makes a virtual environment and installs the wheel into it, as a user
does; starts `mlflow server`; runs a small search per case here, which registers its winners there;
then loads each champion in the fresh environment by the lines of docs/model.md, predicts the test
images, and compares the accuracy with what the search recorded of those very weights, to the last
digit. Installing takes minutes and some gigabytes; --environment names one that is there already.

The exit code is 1 where one digit differs.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

ROOT = Path(__file__).parents[1]
CASES = {
    "digits": ["--space", "smoke", "--set", "suspects.folds=0"],
    "mnist": [
        *("--space", "mnist_symmetric", "--trials", "2", "--epochs", "2"),
        *("--set", "early_stopping=null", "--set", "train_size=2000", "--set", "suspects.folds=0"),
        *("--set", "confirm.seeds=2"),
    ],
}
# The three lines of docs/model.md, and the comparison.
LOADING = """
import json, sys
import mlflow
from tune_noise.data import load_dataset

name, dataset, data_dir = sys.argv[1:]
data = load_dataset(dataset, data_dir=data_dir or None)
model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
labels = model.predict(data.test_inputs)
each = model.predict(data.test_inputs, params={"each_network": True})
import tune_noise, torch
print(json.dumps({
    "test_accuracy_clean": float((each == data.test_labels).mean(axis=1).mean()),
    "of_average": float((labels == data.test_labels).mean()),
    "package": tune_noise.__file__,
    "threads": torch.get_num_threads(),
}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=["digits"])
    parser.add_argument("--data-dir", default="", help="of the data sets")
    parser.add_argument("--environment", type=Path, help="with the wheel installed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, server(Path(scratch)) as url:
        python = options.environment or fresh_environment(Path(scratch))
        python = (python / "bin" / "python").absolute()
        for case in options.cases:
            search(case, Path(scratch), url, options.data_dir)
        found = list(comparisons(Path(scratch), url, python, options.data_dir))
    print("| champion | networks | recorded | loaded | equal |\n| --- | --- | --- | --- | --- |")
    for name, networks, recorded, loaded in found:
        print(f"| {name} | {networks} | {recorded!r} | {loaded!r} | {recorded == loaded} |")
    return 0 if found and all(recorded == loaded for *_, recorded, loaded in found) else 1


def fresh_environment(scratch: Path) -> Path:
    """A virtual environment that has the wheel and what it needs."""
    began, folder = time.monotonic(), scratch / "environment"
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", scratch, ROOT], check=True)
    [wheel] = scratch.glob("*.whl")
    constraints = ROOT / "constraints.txt"
    subprocess.run([*pip, "install", "-q", "-c", constraints, wheel], check=True)
    print(f"installed {wheel.name} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return folder


@contextmanager
def server(scratch: Path) -> Iterator[str]:
    """`mlflow server` with proxied artifacts; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{scratch / 'server.db'}"]
    command += ["--artifacts-destination", str(scratch / "artifacts")]
    with (scratch / "server.log").open("wb") as log:
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        end = time.monotonic() + 120.0
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit((scratch / "server.log").read_text())
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def search(case: str, scratch: Path, url: str, data_dir: str) -> None:
    """A small search, which registers its winners."""
    command = [sys.executable, "-m", "tune_noise.search", *CASES[case], "--quiet"]
    command += ["--output", str(scratch / "runs"), "--tracking-uri", url, "--name", case]
    command += ["--data-dir", data_dir] if data_dir else []
    subprocess.run(command, check=True, stdout=sys.stderr)


def comparisons(
    scratch: Path, url: str, python: Path, data_dir: str
) -> Iterator[tuple[str, int, float, float]]:
    """Per champion its name, networks, and accuracy: recorded in its folder, and as loaded."""
    client = MlflowClient(url)
    for model in client.search_registered_models():
        tags = client.get_model_version_by_alias(model.name, "champion").tags
        folder = scratch / "runs" / tags["tune_noise.search"] / "winners"
        about = json.loads((folder / tags["tune_noise.condition"] / "config.json").read_text())
        recorded = about["metrics_of_these_weights"]
        loaded = load(model.name, tags["tune_noise.dataset"], url, python, data_dir)
        networks = 1 if "test_accuracy_clean_ensemble" not in recorded else 2
        average = recorded.get("test_accuracy_clean_ensemble", recorded["test_accuracy_clean"])
        accuracy = loaded["test_accuracy_clean"]
        yield model.name, networks, recorded["test_accuracy_clean"], accuracy
        if networks > 1:
            yield f"{model.name}, average prediction", networks, average, loaded["of_average"]


def load(name: str, dataset: str, url: str, python: Path, data_dir: str) -> dict[str, Any]:
    """What the fresh environment finds; it sees nothing of this checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW"))}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [python, "-I", "-c", LOADING, name, dataset, data_dir],
            cwd=elsewhere,
            env=kept | {"MLFLOW_TRACKING_URI": url, "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: loaded by {found['package']}, {found['threads']} threads", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
