"""What all commands have in common."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tune_noise.command_line.run import parse_duration
from tune_noise.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("0.5h", 1800), (" 1s ", 1)]
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "90", "1d", "-5s", "1m1h", "h", "1e3s", "nan", "0m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(UserError, match=r"--time-budget .*: must be"):
        parse_duration(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "tune_noise.search", "--space", "smok"],
        ["-m", "tune_noise.search", "--space", "smoke", "--set", "noise_rate=45"],
        ["-m", "tune_noise.train", "--set", "lr=0"],
        ["-m", "tune_noise.report", "."],
        ["-m", "tune_noise.spaces", "check", "none.yaml"],
    ],
    ids=lambda arguments: " ".join(arguments[1:]),
)
def test_the_modules_behave_as_the_console_script_does(
    arguments: list[str], tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
