"""A search on one's own table of features, with words for classes, ids, and gaps in the labels."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.shell import Shell
from tune_noise.data import load_dataset

pytestmark = pytest.mark.long

# Words that a table must quote and a page must escape, and one that looks like a number.
NAMES = ["zero, nil", "one", "two", "<three>", "four", "five", "six", "007", "eight", "nine"]


@pytest.fixture
def words(shell: Shell) -> dict[str, str]:
    """Write digits as two tables; return the word of each id, empty where the label is missing."""
    digits, random = load_dataset("digits"), np.random.default_rng(0)
    labels = np.where(random.random(700) < 0.2, random.integers(0, 10, 700), 0)
    labels = np.where(labels > 0, labels, digits.train_labels[:700])
    is_missing = random.random(700) < 0.1
    words = {
        f"d-{n:04}": "" if missing else NAMES[label]
        for n, (label, missing) in enumerate(zip(labels, is_missing, strict=True))
    }
    tests = {f"t-{n:04}": NAMES[label] for n, label in enumerate(digits.test_labels)}
    for name, inputs, column in (
        ("train.csv", digits.train_inputs[:700], words),
        ("test.csv", digits.test_inputs, tests),
    ):
        with (shell.folder / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["digit", *(f"pixel{n}" for n in range(64)), "word"])
            for (key, word), pixels in zip(column.items(), inputs.reshape(-1, 64), strict=True):
                writer.writerow([key, *pixels.tolist(), word])
    return words


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_words_ids_and_missing_labels_go_all_the_way(shell: Shell, words: dict[str, str]) -> None:
    data = {"train": "train.csv", "test": "test.csv", "label": "word", "id": "digit"}
    space = shell.space(noise="given", conditions={}, data=data)
    unlabelled = [key for key, word in words.items() if not word]
    said = shell.search("--space", space, "--set", "suspects.folds=2")
    told = f"{len(unlabelled)} examples have no label: the classes predicted for them are in "
    assert f"{told}winners/all/unlabelled.csv" in said

    folder = shell.folder / "runs" / "tiny"
    winner = folder / "winners" / "all"
    summary = json.loads((folder / "summary.json").read_text())
    facts = summary["search"]["data"]
    assert facts["class_names"] == sorted(NAMES)
    assert facts["unlabelled_examples"] == len(unlabelled)
    assert facts["train_examples"] == len(words) - len(unlabelled)
    assert summary["conditions"][0]["unlabelled"] == "winners/all/unlabelled.csv"

    suspects = read(winner / "suspects.csv")
    assert {row["id"]: row["given_label"] for row in suspects} == {
        k: w for k, w in words.items() if w
    }
    assert {row["predicted_label"] for row in suspects} <= set(NAMES)
    predicted = read(winner / "unlabelled.csv")
    assert [row["id"] for row in predicted] == unlabelled
    truth = load_dataset("digits").train_labels
    right = [row["predicted_label"] == NAMES[truth[int(row["id"][2:])]] for row in predicted]
    assert np.mean(right) > 0.5
    assert {row["noisy_label"] for row in read(folder / "transition.csv")} == set(NAMES)

    page = (folder / "report.html").read_text()
    assert f"{told}winners/all/unlabelled.csv." in page
    first = suspects[0]
    assert f"<small>{first['id']} · suspicion " in page
    assert "label &lt;three&gt;" in page
    assert "<three>" not in page
    card = (winner / "model_card.md").read_text()
    assert "0 007, 1 <three>, 2 eight" in card
    assert f"{len(unlabelled)} more have no label" in card

    (winner / "unlabelled.csv").unlink()
    shell.search("--space", space, "--set", "suspects.folds=2", "--resume")
    again = read(winner / "unlabelled.csv")
    for row, before in zip(again, predicted, strict=True):
        assert (row["id"], row["predicted_label"]) == (before["id"], before["predicted_label"])
        assert float(row["probability"]) == pytest.approx(float(before["probability"]), abs=1e-5)
