"""The table of annotators: counted when the suspects are found, kept in the record, shown."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.winners.test_find_suspects import Searched
from tune_noise.data import Dataset
from tune_noise.data.aggregation import agreement, majority

NAMES = ("careful", "hasty", "spammer", "absent")


@pytest.fixture
def crowd_digits(few_digits: Dataset) -> Dataset:
    truth, random = few_digits.clean_labels, np.random.default_rng(0)
    shares = np.array([1.0, 0.7, 0.0])
    guesses = random.integers(10, size=(len(truth), 3))
    answers = np.where(random.random((len(truth), 3)) < shares, truth[:, None], guesses)
    answers[random.random(len(truth)) < 0.5, 2] = -1
    answers = np.column_stack([answers, np.full(len(truth), -1)])
    return replace(
        few_digits, train_labels=majority(answers), answers=answers, annotators=NAMES, extras={}
    )


def test_the_table_tells_good_annotators_from_bad_ones(crowd_digits: Dataset, tmp_path: Path):
    searched = Searched(crowd_digits, tmp_path / "demo", noise="given", conditions={})
    searched.find(folds=2)
    page = searched.page()
    with (searched.folder / "tables" / "annotators.csv").open(newline="") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    # One who has answered nothing has no row; the most answers come first.
    assert list(rows) == ["careful", "hasty", "spammer"]
    assert '<h2 id="annotators">The annotators</h2>' in page
    agreed, chances = agreement(crowd_digits.answers)
    for w, (name, row) in enumerate(rows.items()):
        answers = int(row["answers"])
        assert answers == (crowd_digits.answers[:, w] >= 0).sum()
        assert float(row["agreement"]) == pytest.approx(agreed[w] / chances[w])
        right = round(float(row["accuracy"]) * answers)
        ends = binomtest(right, answers).proportion_ci(method="wilson")
        assert float(row["low"]) == pytest.approx(ends.low)
        assert float(row["high"]) == pytest.approx(ends.high)
        assert f"{100 * right / answers:.0f} %" in page
        assert name in page
    accuracies = [float(row["accuracy"]) for row in rows.values()]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[2] < 0.3 < 0.6 < accuracies[0]
