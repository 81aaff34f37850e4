"""Memory of MLflow's server with and without its job execution, in turn: `--runs N` of each.

Memory is the proportional set size (shared pages are divided among those that share them), summed
over the server and all processes below it, as soon as it answers and `--settle` seconds later.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SETTING = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
PATIENCE_SECONDS = 300.0


def main() -> None:
    """Measure, print a table, and write the figures where `--json` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="servers of each kind")
    parser.add_argument("--settle", type=float, default=15.0, help="seconds until it is measured")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    measurements = []
    for run in range(options.runs):
        for value in ("true", "false"):
            measured = {"run": run, SETTING: value} | measure(value, settle=options.settle)
            measurements.append(measured)
            print(
                f"{SETTING}={value:5}  {measured['processes']:2} processes  "
                f"{measured['pss_mb']:5.0f} MB  ready in {measured['seconds_until_ready']:.1f} s"
            )
    if options.json is not None:
        options.json.write_text(json.dumps(measurements, indent=2) + "\n")


def measure(value: str, *, settle: float) -> dict[str, Any]:
    """Start a server with the setting, and return its processes, memory and seconds to ready."""
    with TemporaryDirectory(prefix="tune_noise_mlflow_") as scratch:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{scratch}/server.db"]
        command += ["--artifacts-destination", f"{scratch}/artifacts"]
        environment = os.environ | {SETTING: value, "MLFLOW_DISABLE_TELEMETRY": "true"}
        start = time.monotonic()
        with Path(scratch, "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        try:
            while not is_ready(port):
                if process.poll() is not None or time.monotonic() - start > PATIENCE_SECONDS:
                    sys.exit(Path(scratch, "log").read_text())
                time.sleep(0.2)
            seconds = time.monotonic() - start
            time.sleep(settle)
            pids = tree_of(process.pid)
            memory = sum(map(pss_bytes, pids))
        finally:
            for pid in reversed(tree_of(process.pid)):
                stop(pid)
            process.wait()
    return {"processes": len(pids), "pss_mb": memory / 1e6, "seconds_until_ready": seconds}


def is_ready(port: int) -> bool:
    """Return whether the server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def tree_of(pid: int) -> list[int]:
    """Return a process and all processes below it, parents first."""
    pids = [pid]
    for parent in pids:
        for file in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                pids += map(int, file.read_text().split())
            except OSError:
                continue  # it has ended
    return pids


def pss_bytes(pid: int) -> int:
    """Return the proportional set size of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def stop(pid: int) -> None:
    """End a process that may have ended already."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
