"""One's own data, from the file to verdict, predictions, resume and refusal, by real commands."""

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.nodes import Cluster
from tests.support.search_audit import audit
from tests.support.shell import STEADY, Shell
from tune_noise.config.loader import read_search
from tune_noise.data import load_dataset

pytestmark = pytest.mark.long

NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
# The space own, made short: a trial of each method.
SHORT = ("early_stopping=null", "confirm.seeds=1", "suspects.folds=0")


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, words of which a fifth are wrong, and true words."""
    data = load_dataset("digits")
    features = data.train_inputs[:900].reshape(900, -1).astype(np.float32)
    truth = data.train_labels[:900]
    noisy = np.where(np.arange(900) % 5 == 0, (truth + 1) % 10, truth)
    return features, NAMES[noisy], NAMES[truth]


def write_npz(folder: Path) -> str:
    features, words, truth = digits()
    np.savez(
        folder / "digits.npz",
        features=features[:700], labels=words[:700],
        test_features=features[700:], test_labels=truth[700:],
    )  # fmt: skip
    return "digits.npz"


def write_table(folder: Path) -> str:
    """Write a table with a column of words, gaps, ids, a split, and a row that has no label."""
    features, words, truth = digits()
    columns = [f"pixel {number}" for number in range(10, 50)]
    with (folder / "digits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["digit id", *columns, "hand", "digit", "split"])
        for row in range(900):
            is_test = row >= 700
            pixels = [f"{value:g}" for value in features[row, 10:50]]
            pixels[row % 40] = ""
            label = truth[row] if is_test else words[row] if row else ""
            hand, split = ("left", "right", "")[row % 3], "test" if is_test else "train"
            writer.writerow([f"d{row:04}", *pixels, hand, label, split])
    return "digits.csv"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def summary_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return values


@pytest.mark.slow  # a table and features on two nodes take the same way, below
def test_features_by_the_space_for_own_data(shell: Shell) -> None:
    source = write_npz(shell.folder)
    facts = json.loads(shell.run("tune-noise", "data", source, "--json"))
    program, *asked = shlex.split(facts["next"])
    methods = read_search("own").levels
    shortened = [word for change in SHORT for word in ("--set", change)]
    shell.run(program, *asked, "--trials", str(len(methods)), "--epochs", "12", *shortened)
    folder = shell.folder / "runs" / "own-digits"
    assert {row["method"] for row in rows_of(folder / "trials.csv")} == set(methods)
    data = summary_of(folder)["search"]["data"]
    assert (data["kind"], data["input_shape"], data["encoder"]) == ("features", [64], None)
    assert data["class_names"] == sorted(NAMES)
    assert (data["train_examples"], data["test_examples"]) == (700, 200)


def test_a_table_goes_all_the_way(shell: Shell) -> None:
    shell.environment["TUNE_NOISE_DATA"] = str(shell.folder / "cache")
    source = write_table(shell.folder)
    changes: dict[str, Any] = {"noise": "given", "conditions": {}, "early_stopping": None}
    space = shell.space(**changes, data={"train": source, "label": "digit", "id": "digit id"})
    shell.search("--space", space)
    folder = shell.folder / "runs" / "tiny"
    audit(folder)
    data = summary_of(folder)["search"]["data"]
    assert (data["kind"], data["encoder"]["name"]) == ("features", "columns")
    assert (data["train_examples"], data["unlabelled_examples"]) == (699, 1)

    # The same search again, by what its folder says.
    shell.search("--space", str(folder / "search.yaml"), "--name", "tiny", "--resume")
    # Other labels under the same name are another search, and so is another encoder.
    table = (shell.folder / source).read_text()
    (shell.folder / source).write_text(table.replace(",seven,train", ",nine,train", 1))
    err = shell.run("tune-noise", "resume", str(folder), code=2)
    assert "holds another search" in err
    assert "fingerprint" in err
    (shell.folder / source).write_text(table)
    other = "data.encoder={name: columns, max_categories: 2}"
    err = shell.run("tune_noise.search", "--space", space, "--set", other, "--resume", code=2)
    assert "max_categories" in err
    assert "fingerprint" in err


def test_features_are_searched_on_two_nodes(shell: Shell) -> None:
    cluster = Cluster(shell, cpus=1)
    node = cluster.add(cpus=1)
    changes: dict[str, Any] = {"noise": "given", "conditions": {}}
    space = shell.space(**STEADY, **changes, data=write_npz(shell.folder), trials=6, epochs=60)
    driver = shell.start("tune_noise.search", "--space", space, "--address", cluster.address)
    nodes = (cluster.head, node)
    shell.wait_for(driver, lambda: all(one.trains() for one in nodes), "training on both nodes")
    shell.end_of(driver, code=0)
    audit(shell.folder / "runs" / "tiny")
