"""The Dockerfiles are clean to a linter; tests/containers build and run them."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCKERFILES = sorted((Path(__file__).parents[1] / "docker").glob("*Dockerfile"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
