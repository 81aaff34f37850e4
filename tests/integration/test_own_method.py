"""A search with a method from a package outside this one: on processes, on nodes, and resumed."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.support.nodes import Cluster
from tests.support.shell import Shell

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "own_method.md").read_text()
METHOD = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
ENTRY_POINTS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
PATH = "my_methods:Truncated"


@pytest.fixture
def package(shell: Shell) -> Path:
    """A folder of Python packages that every process of the shell sees: the page's method."""
    folder = shell.folder / "packages"
    folder.mkdir()
    (folder / "my_methods.py").write_text(METHOD)
    places = [str(folder), os.environ.get("PYTHONPATH", "")]
    shell.environment["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    return folder


def space_with(shell: Shell, method: str) -> str:
    search = {
        "method": {"choice": ["standard", method]},
        "limit": {"uniform": [1.0, 6.0]},
        "lr": {"loguniform": [0.001, 0.01]},
    }
    fixed = {"model": "perceptron", "batch_size": 64}
    return shell.space(search=search, fixed=fixed, compare="method", early_stopping=None, epochs=3)


def assert_its_field_was_searched(folder: Path, method: str) -> None:
    trials = pd.read_csv(folder / "trials.csv")
    assert set(trials["status"]) == {"completed"}
    limits = trials.loc[trials["method"] == method, "limit"]
    assert len(limits) > 0
    assert limits.between(1.0, 6.0).all()
    assert trials.loc[trials["method"] == "standard", "limit"].isna().all()


def test_a_method_of_ones_own_on_two_processes_resumed_and_refused_when_it_changed(
    shell: Shell, package: Path
) -> None:
    arguments = ["--space", space_with(shell, PATH), "--max-concurrent", "2"]
    shell.search(*arguments, "--set", "limit={uniform: [1.0, 6.0]}")
    folder = shell.folder / "runs" / "tiny"
    assert_its_field_was_searched(folder, PATH)
    shell.search(*arguments, "--resume", "--trials", "6")
    assert_its_field_was_searched(folder, PATH)
    module = package / "my_methods.py"
    module.write_text(METHOD + "\n# Another version.\n")
    message = shell.run("tune_noise.search", *arguments, "--resume", "--trials", "6", code=2)
    assert re.search(rf"  method {PATH}: source \w+ there, \w+ now", message)
    module.unlink()
    message = shell.run("tune_noise.report", str(folder), code=2)
    assert "this search uses a method of your own" in message
    assert "my_methods cannot be imported" in message


@pytest.mark.slow
def test_a_method_by_entry_point_on_two_nodes(shell: Shell, package: Path) -> None:
    information = package / "my_methods-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-methods\nVersion: 1.0\n")
    points = ENTRY_POINTS.splitlines()[1].replace('"', "")
    (information / "entry_points.txt").write_text(f"[tune_noise.methods]\n{points}\n")
    (information / "top_level.txt").write_text("my_methods\n")
    cluster = Cluster(shell, cpus=1)
    cluster.add(cpus=1)
    space = space_with(shell, "truncated")
    shell.search("--space", space, "--address", cluster.address)
    folder = shell.folder / "runs" / "tiny"
    assert_its_field_was_searched(folder, "truncated")
    # The same class in another version of its package is another one.
    metadata = (information / "METADATA").read_text()
    (information / "METADATA").write_text(metadata.replace("Version: 1.0", "Version: 1.1"))
    arguments = ["--space", space, "--address", cluster.address, "--resume"]
    message = shell.run("tune_noise.search", *arguments, code=2)
    assert "method truncated: package my-methods 1.0 there, my-methods 1.1 now" in message
