"""The comparison of criteria: made-up populations whose answer is known, and one small run."""

import sys

import numpy as np
import pytest

from benchmarks import which_criterion
from benchmarks.criteria import population as trained
from benchmarks.criteria.population import FOLDS, Population
from benchmarks.criteria.rules import TRUTH, shared_errors, shortfalls
from tune_noise.noise import flip, symmetric

K, N = 5, 600
ACCURACY = np.linspace(0.4, 0.95, 20)


def made_up(*, share_errors: bool) -> Population:
    """Configurations whose errors are drawn apart, or are often those of the labels."""
    random = np.random.default_rng(0)
    truth = random.integers(K, size=N)
    labels = flip(truth, symmetric(K, 0.4), generator=random)[:, 0]
    other = (truth + random.integers(1, K, size=(len(ACCURACY), N))) % K
    if share_errors:
        other = np.where((random.random(other.shape) < 0.8) & (labels != truth), labels, other)
    wrong = random.random(other.shape) > ACCURACY[:, None]
    predicted = np.where(wrong, other, truth)
    return Population(
        names=np.arange(len(ACCURACY)).astype(str),
        probabilities=np.eye(K, dtype=np.float16)[predicted],
        by_fold=np.repeat(predicted[:, None], FOLDS, axis=1).astype(np.int8),
        fold_of=(np.arange(N) % FOLDS).astype(np.int8),
        test_accuracy=ACCURACY,
        labels=labels,
        truth=truth,
    )


def test_all_labels_find_the_best_where_errors_are_apart_and_true_labels_always() -> None:
    points = shortfalls(made_up(share_errors=False), 1.0, seed=0)
    for name in (TRUTH, "information", "information by counts alone", "noisy accuracy"):
        values, rank = points[name]
        assert values.mean() < 2, name
        assert rank > 0.95, name
    assert points["consensus of all"][0].mean() < 6


def test_errors_that_labels_share_are_told_from_those_of_the_class_alone() -> None:
    apart, shared = (shared_errors(made_up(share_errors=share)) for share in (False, True))
    assert apart["measured"] == pytest.approx(apart["expected"], abs=0.02)
    assert shared["measured"] > shared["expected"] + 0.1
    assert apart["truth"] == shared["truth"]


def test_the_command_trains_judges_and_keeps_what_it_trained(tmp_path, monkeypatch, capsys) -> None:
    simple = {name: trained.SIMPLE[name] for name in list(trained.SIMPLE)[:11]}
    monkeypatch.setattr(trained, "SIMPLE", simple)
    monkeypatch.setattr(trained, "STACKS", trained.STACKS[:1])
    arguments = ["digits", "--noise", "look-alike", "0.3", "--examples", "200", "--draws", "1"]
    monkeypatch.setattr(sys, "argv", ["which_criterion", *arguments, "--cache", str(tmp_path)])
    which_criterion.main()
    printed = capsys.readouterr().out
    assert "| information by counts alone |" in printed
    monkeypatch.setattr(trained, "STACKS", [])
    which_criterion.main()
    assert capsys.readouterr().out == printed
