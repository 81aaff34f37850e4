"""The fuzzer itself is run by hand (benchmarks/fuzz.py); what it fuzzes must not rot."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TARGETS = {
    **{"space": "space", "npz": "npz", "checkpoint": "tensors", "model": "tensors"},
    **{"csv": "tables", "jsonl": "tables", "parquet": "tables"},
    "pictures": "pictures",
}


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_every_target_are_taken(name: str, tmp_path: Path) -> None:
    program = f"""
import sys; sys.path.insert(0, ".")
from pathlib import Path
from fuzz_targets.{TARGETS[name]} import {name.upper()} as target
for number, seed in enumerate(target.seeds()):
    assert len(seed) <= target.max_bytes
    Path(sys.argv[1], str(number)).write_bytes(seed)
"""
    made = run(program, tmp_path)
    assert made.returncode == 0, made.stderr
    seeds = sorted(tmp_path.iterdir())
    assert seeds
    command = [sys.executable, "fuzz.py", name, "--replay", *seeds]
    replayed = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout.count("nothing to complain of") == len(seeds)


def test_without_the_fuzzer_the_command_says_how_to_get_it() -> None:
    program = """
import runpy, sys
sys.modules["atheris"] = None
sys.argv = ["fuzz.py", "npz"]
runpy.run_path("fuzz.py", run_name="__main__")
"""
    done = run(program)
    assert done.returncode == 1
    assert done.stderr == 'error: the fuzzer is not installed: pip install "tune-noise[fuzz]"\n'
