"""The repository as a whole: its documented commands, its wheel, the length of its functions."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tune_noise"
MODULES = sorted(PACKAGE.rglob("*.py"))


def first_commands() -> list[str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    return block.group(1).splitlines()


def test_the_readme_begins_with_the_two_commands_that_do_all():
    main_job, tests = first_commands()
    assert main_job.endswith("python -m tune_noise.search --space uniform")
    assert tests.endswith("python -m pytest")


def test_ci_runs_the_second_command_of_the_readme():
    assert first_commands()[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_constraints_name_a_version_of_every_direct_dependency():
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()
    }
    required = importlib.metadata.requires("tune-noise") or []
    names = {re.split(r"[\s\[=<>~!;]", text)[0].lower() for text in required}
    assert names - {name.replace("_", "-") for name in pinned} == set()


def test_no_body_of_a_function_is_longer_than_60_lines():
    assert len(MODULES) > 50
    too_long = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and (node.end_lineno or 0) - body[0].lineno + 1 > 60:
                    too_long.append(f"{path}:{node.name}")
    assert too_long == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_carries_the_spaces_and_the_page_template(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {
        f"tune_noise/search_spaces/{p.name}" for p in (ROOT / "search_spaces").glob("*.yaml")
    }
    assert len(shipped) >= 6
    assert shipped <= names
    assert "tune_noise/reporting/page/report.html.j2" in names


def test_the_installed_wheel_finds_its_spaces_from_any_folder(wheel: Path, tmp_path: Path):
    installed = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", installed]
    subprocess.run([*command, wheel], check=True, capture_output=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    outcome = subprocess.run(
        [sys.executable, "-m", "tune_noise.search", "--space", "smoke", "--dry-run"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "1,257 training examples" in outcome.stdout
    assert list(elsewhere.iterdir()) == []
