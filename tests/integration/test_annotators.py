"""Several annotators from a table of their answers to the report, as a user goes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell
from tune_noise.data import Dataset

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]

# How often each looks at the digit; the others answer what comes to mind.
CARE = {"ann": 0.95, "bob": 0.9, "cy": 0.8, "dee": 0.6, "eve": 0.5, "fay": 0.0, "guy": 0.0}


def save_answers(digits: Dataset, folder: Path, *, seed: int = 0) -> None:
    """Write digits as features without labels, and answers: about two and a half of each digit."""
    truth, random = digits.clean_labels, np.random.default_rng(seed)
    np.save(folder / "features.npy", digits.train_inputs.reshape(len(truth), -1).astype("f4"))
    np.save(folder / "test.npy", digits.test_inputs.reshape(-1, 64).astype("f4"))
    np.save(folder / "test_labels.npy", digits.test_labels)
    with (folder / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "worker", "label"])
        for name, care in CARE.items():
            for task in np.flatnonzero(random.random(len(truth)) < 0.36).tolist():
                seen = random.random() < care
                writer.writerow([task, name, truth[task] if seen else random.integers(10)])


def test_answers_are_aggregated_judged_and_their_annotators_told_apart(
    shell: Shell, digits: Dataset
) -> None:
    pytest.importorskip("crowdkit")
    save_answers(digits, shell.folder)
    domain = {"choice": ["majority", "dawid_skene"]}
    search = {"aggregation": domain, "lr": {"loguniform": [0.001, 0.01]}}
    fixed = {"model": "mlp1", "batch_size": 64, "val_fraction": 0.2}
    changes = {"search": search, "fixed": fixed, "compare": "aggregation", "conditions": {}}
    space = shell.space(noise="given", suspects={"folds": 2}, **changes)
    data = ["--data", "features.npy", "--set", "data.answers=answers.csv"]
    data += ["--set", "data.test=test.npy", "--set", "data.test_labels=test_labels.npy"]
    printed = shell.search("--space", space, *data)
    assert "annotators" in printed
    folder = shell.folder / "runs" / "tiny"
    [condition] = json.loads((folder / "summary.json").read_text())["conditions"]
    assert {f["config"]["aggregation"] for f in condition["finalists"]} == set(domain["choice"])
    winner = condition["winner"]["metrics"]
    assert winner["test_accuracy_clean"]["mean"] > 0.9
    assert winner["val_information_noisy"]["mean"] > 0.5
    report = (folder / "report.html").read_text()
    assert 'id="annotators"' in report
    with (folder / "tables" / "annotators.csv").open(newline="") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(CARE)
    for name, care in CARE.items():
        right = care + (1 - care) / 10
        assert float(rows[name]["low"]) - 0.05 < right < float(rows[name]["high"]) + 0.1, name
    # A search is not resumed with other answers.
    save_answers(digits, shell.folder, seed=1)
    problem = shell.run("tune_noise.search", "--space", space, *data, "--resume", code=2)
    assert "data: fingerprint" in problem
