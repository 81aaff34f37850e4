"""The benchmarks of audit and repair, with what they have measured already."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import audit, repair
from tests.support.audits import judged_search
from tests.support.populations import made_up
from tune_noise.data import Dataset
from tune_noise.history.open import read_history
from tune_noise.record.folder import SUSPECTS_CSV, winner_dir


def test_the_curve_counts_in_how_many_audits_the_interval_holds_what_was_measured(
    tmp_path: Path, digits: Dataset
) -> None:
    population, _ = judged_search(tmp_path / "run", digits)
    right = (population.predicted == digits.clean_labels[population.examples]).mean()
    known = {
        f"curve {seed}": [{"first": 50, "gain": {"value": 0.02, "ci95": [0.01, high]}}]
        for seed, high in zip(repair.SEEDS, (0.02, 0.02, 0.05, 0.05, 0.05), strict=True)
    }
    known |= {"fitted 50": right + 0.03, "rank 0": [0.9, 0.9], "rank 50": [0.92, 0.9]}
    path = tmp_path / "store.jsonl"
    path.write_text("".join(f"{json.dumps(pair)}\n" for pair in known.items()))
    store = repair.Store(path, time.monotonic())
    rows = list(repair.curves(read_history(tmp_path / "run"), digits, tmp_path / "run", store))
    assert rows[2:] == [("50", "+3.0", "3 of 5", "+1.0", "5 of 5", "+2.0 ± 1.4")]


def test_what_is_corrected_gets_its_true_label_and_nothing_else(
    tmp_path: Path, digits: Dataset
) -> None:
    target = winner_dir(tmp_path, "all")
    target.mkdir(parents=True)
    (target / SUSPECTS_CSV).write_text("index,suspicion\n7,0.9\n3,0.8\n5,0.1\n")
    first = repair.suspects(tmp_path, "all")[:2]
    assert first.tolist() == [7, 3]
    noisy = digits.train_labels.copy()
    noisy[[3, 5, 7]] = (noisy[[3, 5, 7]] + 1) % 10
    data = repair.dataclasses.replace(digits, train_labels=noisy, true_labels=digits.train_labels)
    assert repair.wrong_of(data, first) == 2
    changed = np.flatnonzero(repair.corrected(data, first).train_labels != digits.train_labels)
    assert changed.tolist() == [5]


def test_an_interval_that_holds_the_truth_counts(capsys: pytest.CaptureFixture[str]) -> None:
    population, truth = made_up(500)
    options = audit.argparse.Namespace(repetitions=4)
    is_checked = np.arange(500) < 100
    audit.precision_of(population, truth, is_checked, options)
    lines = capsys.readouterr().out.splitlines()
    wrong = (population.given != truth)[:10].sum()
    assert f"first 10 | 10 checked, {wrong} wrong" in lines[0]
    rates = [line for line in lines if "wrong labels" in line]
    assert len(rates) == 3
    assert all(0.0 <= float(line.split("|")[5]) <= 100.0 for line in rates)


@pytest.mark.slow
def test_the_time_from_a_key_to_the_next_example_is_measured() -> None:
    from .commands import run

    told = run("review", "--examples", "6", "--photo", "80")
    assert told.returncode == 0, told.stderr
    assert [line.split("|")[2].strip() for line in told.stdout.splitlines()[2:]] == ["5"] * 4
