"""A search with a noise and a network from packages outside this one, and the model it leaves."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.support.shell import Shell

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "own_noise.md").read_text()
NOISE, NETWORK, _ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_own_noise_and_network_with_searched_fields(shell: Shell) -> None:
    packages = shell.folder / "packages"
    packages.mkdir()
    (packages / "my_noise.py").write_text(NOISE)
    (packages / "my_networks.py").write_text(NETWORK)
    places = [str(packages), os.environ.get("PYTHONPATH", "")]
    shell.environment["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    space = shell.space(
        noise="my_noise:Neighbours",
        conditions={"slip_rate": [0.1, 0.3]},
        search={"width": {"int": [8, 64]}, "lr": {"loguniform": [0.001, 0.01]}},
        fixed={"model": "my_networks:narrow", "method": "standard", "batch_size": 64},
        early_stopping=None,
        epochs=2,
    )
    shell.search("--space", space)
    folder = shell.folder / "runs" / "tiny"
    trials = pd.read_csv(folder / "trials.csv")
    assert set(trials["status"]) == {"completed"}
    assert trials["width"].between(8, 64).all()
    assert set(trials["slip_rate"]) == {0.1, 0.3}
    (packages / "my_noise.py").write_text(f"{NOISE}\n# Another version.\n")
    message = shell.run("tune_noise.search", "--space", space, "--resume", code=2)
    assert "noise my_noise:Neighbours: source" in message
