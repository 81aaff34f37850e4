"""The tutorial notebook, executed as a reader would."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def read() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


# Jupyter's libraries warn of their own future; ours stay errors.
@pytest.mark.long
@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("ray_room")
def test_the_tutorial_runs_from_its_first_cell_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernel starts commands of its own, which must find this package and not pytest's state.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in [name for name in os.environ if name.startswith(("PYTEST", "MLFLOW", "RAY_"))]:
        monkeypatch.delenv(name)
    notebook = read()
    client = NotebookClient(
        notebook,
        timeout=PATIENCE_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    assert [output for output in outputs(notebook) if output.output_type == "error"] == []
    assert shown(notebook) == shown(read())


def shown(notebook: nbformat.NotebookNode) -> list[list[str]]:
    """The kinds of output of each cell; what a library says aside differs between machines."""
    return [
        [each.output_type for each in cell.outputs if each.get("name") != "stderr"]
        for cell in code_cells(notebook)
    ]


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_stored_tutorial_is_whole_small_and_speaks_of_no_machine() -> None:
    notebook = read()
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert NOTEBOOK.stat().st_size < 200_000
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.])/(?:tmp|home|root|usr|work|mnt|Users)/", text) == []
    assert {output.output_type for output in outputs(notebook)} <= {
        "stream", "display_data", "execute_result",
    }  # fmt: skip


def test_the_tutorial_teaches_what_it_promises() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    for word in ("condition", "information", "noisy accuracy", "three test accuracies", "tie"):
        assert word in text
    for word in ("winner", "suspects.csv", "load_model", "report.html", "fresh seeds"):
        assert word in text
