"""Run a benchmark's command as a person does, and read the figures it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]


def run(name: str, *arguments: str | Path, blocked: str = "") -> subprocess.CompletedProcess[str]:
    """A benchmark in a process of its own, with some packages made impossible to import."""
    script = ROOT / "benchmarks" / f"{name}.py"
    program = [sys.executable, "-W", "error", str(script)]
    if blocked:
        program = [
            sys.executable,
            str(Path(__file__).with_name("blocked.py")),
            blocked,
            str(script),
        ]
    return subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        timeout=PATIENCE_SECONDS,
    )


def figures_of(name: str, folder: Path, *arguments: str | Path, **how: str) -> dict[str, Any]:
    """Figure -> its row in the file that the benchmark writes."""
    path = folder / f"{name}.json"
    done = run(name, *arguments, "--json", path, **how)
    assert done.returncode == 0, done.stderr
    written = json.loads(path.read_text("utf-8"))
    assert written["benchmark"] == name
    rows = {row["name"]: row for row in written["figures"]}
    assert all(value > 0 for row in rows.values() for value in row["values"])
    assert all(each in done.stdout for each in rows)
    return rows
