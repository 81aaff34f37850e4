"""The public Python interface: list, attributes and page agree, and the page's examples run."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tune_noise
from tests.test_import_rules import HEAVY

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("name", tune_noise.__all__)
def test_every_listed_name_is_there_and_on_the_page(name: str) -> None:
    assert getattr(tune_noise, name).__doc__
    assert name in dir(tune_noise)
    assert f"`{name}`" in TEXT


def test_the_page_names_nothing_that_is_not_listed() -> None:
    used = set(re.findall(r"\btune_noise\.(\w+)", TEXT)) - {"__all__"}
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    documented = set(re.findall(r"`(\w+)`", "\n".join(headings)))
    assert used | documented <= set(tune_noise.__all__)
    assert set(tune_noise._MODULES) == set(tune_noise.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod_model'"):
        getattr(tune_noise, "lod_model")  # noqa: B009 - mypy knows that it is not there


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, tune_noise; tune_noise.__version__; print(*sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert HEAVY & set(out.stdout.split()) == set()


def test_every_example_of_the_page_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = "runs/smoke/winners/noise_rate=0.4"
    options = ["--set", "epochs=1", "--set", "model=perceptron", "--quiet", "--output"]
    subprocess.run(
        [sys.executable, "-m", "tune_noise.train", *options, model],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(PAGE.parents[1])},
    )
    names: dict[str, Any] = {}
    assert len(EXAMPLES) == TEXT.count("```python")
    for code, expected in EXAMPLES:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == expected
