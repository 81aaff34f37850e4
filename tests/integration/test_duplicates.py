"""A data set with every example twice is searched as one with every example once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]
NUMBER = 600


def save_twice(path: Path) -> None:
    """600 digits with 40 % of their labels moved, each twice; the other digits test."""
    data, random = load_digits(), np.random.default_rng(0)
    images, truth = (data.images * 15).astype(np.uint8), data.target.astype(np.int64)
    order = random.permutation(len(truth))
    train, test = order[:NUMBER], order[NUMBER:]
    is_moved = random.random(NUMBER) < 0.4
    labels = (truth[train] + is_moved * random.integers(1, 10, NUMBER)) % 10
    twice = random.permutation(2 * NUMBER) % NUMBER
    np.savez_compressed(
        path,
        images=images[train][twice],
        labels=labels[twice],
        true_labels=truth[train][twice],
        test_images=images[test],
        test_labels=truth[test],
    )


@pytest.mark.slow
def test_copies_do_not_make_learning_by_heart_win(shell: Shell) -> None:
    save_twice(shell.folder / "twice.npz")
    changes = ["noise=given", "noise_rate=null", "early_stopping=null", "batch_size=32"]
    settings = [part for change in changes for part in ("--set", change)]
    command = ["--space", "smoke", "--dataset", "twice.npz", "--epochs", "50", *settings]
    told = "600 of 1,200 training examples have the same input as an earlier one"
    plan = json.loads(shell.run("tune-noise", "search", *command, "--dry-run", "--json"))
    assert told in plan["warnings"][0]
    printed = shell.search(*command, "--name", "twice")
    assert printed.count(told) == 1, "told once"
    folder = shell.folder / "runs" / "twice"
    assert told in (folder / "report.html").read_text()
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    assert told in summary["search"]["data"]["warnings"][0]
    [condition] = summary["conditions"]
    is_won = condition["verdict"] == "winner"
    assert not (is_won and condition["winner"]["config"]["method"] == "standard")
    assert 0.25 < condition["noise_estimate"]["noise_rate"]["mean"] < 0.55
    assert condition["suspects"]["recall"] > 0.9
    assert told in (folder / "winners" / "all" / "model_card.md").read_text()
