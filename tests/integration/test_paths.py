"""A search, its model and its store in folders that make it hard to find them."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.shell import Shell

pytestmark = pytest.mark.long


def test_a_search_among_files_named_like_modules_in_a_folder_with_signs_of_a_uri_that_is_moved(
    shell: Shell,
) -> None:
    for name in ("random", "mlflow", "torch", "tune_noise"):
        (shell.folder / f"{name}.py").write_text("raise RuntimeError('not a module')\n")
    output = shell.folder / "proj?a #%41 & b"
    printed = shell.run("tune-noise", "search", "--space", shell.space(), f"--output={output}/runs")
    assert "warning" not in printed
    assert (output / "runs" / "mlflow.db").exists()
    [name] = re.findall(r"^model +(\S+) version 1 ", printed, re.MULTILINE)
    np.savez(shell.folder / "images.npz", images=np.zeros((3, 8, 8), np.uint8))

    def predict(runs: Path) -> str:
        shell.environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{runs.relative_to(shell.folder)}"
        shell.environment["MLFLOW_TRACKING_URI"] += "/mlflow.db"
        return shell.run("tune-noise", "predict", "images.npz", "--model", f"models:/{name}/1")

    plain, moved = shell.folder / "plain", shell.folder / "moved"
    output.rename(plain)
    labels = predict(plain / "runs")
    assert labels.count("\n") == 4
    plain.rename(moved)
    assert predict(moved / "runs") == labels
    del shell.environment["MLFLOW_TRACKING_URI"]
    printed = shell.run("tune-noise", "resume", f"{moved}/runs/tiny")
    assert "warning" not in printed
    assert not plain.exists()
    assert not output.exists()
