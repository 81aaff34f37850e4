"""A search on labels that do not depend on the inputs names no winner and leaves no model."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]


def save_random(path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(256, size=(1000, 8, 8), dtype=np.uint8)
    np.savez_compressed(path, images=images, labels=random.integers(10, size=1000))


def test_labels_that_do_not_depend_on_the_inputs_have_no_winner(shell: Shell) -> None:
    save_random(shell.folder / "random.npz")
    space = shell.space(noise="given", conditions={}, suspects={"folds": 2})
    printed = shell.search("--space", space, "--dataset", "random.npz")
    said = " ".join(printed.split())
    assert "all: nothing learned With the labels as given, nothing was learned: the best" in said
    assert "Check that each label stands beside its own input" in said
    assert "model " not in printed.split("Finished in")[1]
    folder = shell.folder / "runs" / "tiny"
    assert not (folder / "winners").exists()
    assert "nothing was learned" in (folder / "report.html").read_text()
    assert "★" not in (folder / "report.html").read_text()
    [condition] = json.loads((folder / "summary.json").read_text())["conditions"]
    assert condition["verdict"] == "nothing_learned"
    assert condition["winner"] is condition["runner_up"] is condition["suspects"] is None
    assert len(condition["finalists"]) == 2
    with (folder / "tables" / "finalists.csv").open(newline="") as file:
        assert {row["is_winner"] for row in csv.DictReader(file)} == {"False"}
    client = MlflowClient(f"sqlite:///{shell.folder / 'runs' / 'mlflow.db'}")
    assert client.search_registered_models() == []
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`tune_noise.winner` = 'true'")
    assert runs == []
