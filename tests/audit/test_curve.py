"""What a correction buys: labels that are corrected, what training sees, and the intervals."""

import dataclasses

import numpy as np
import pytest

from tests.support.populations import made_up
from tune_noise.audit import curve as module
from tune_noise.audit.checked import Checked
from tune_noise.audit.curve import corrected, curve, fit_corrected
from tune_noise.audit.estimates import AuditEstimates
from tune_noise.audit.estimator import Estimated
from tune_noise.audit.sample import draw_sample, strata_of
from tune_noise.config.trial import TrialConfig
from tune_noise.training.cross_fit import held_out_examples
from tune_noise.training.known_noise import noisy_labels

POPULATION, TRUTH = made_up(1257, classes=10)
SAMPLE = draw_sample(POPULATION, labels=150, seed=0)
ROWS = np.array([POPULATION.row_of[example] for example in SAMPLE.examples.tolist()])
CHECKED = Checked(ROWS, np.eye(11)[TRUTH[ROWS]], {})
ESTIMATES = AuditEstimates(POPULATION, strata_of(POPULATION), CHECKED)


def test_only_the_first_suspects_change_and_what_was_checked_is_what_people_said():
    random = np.random.default_rng(0)
    labels = corrected(POPULATION, CHECKED, Estimated(0.7, 0.6, 0.8, 9), first=100, random=random)
    assert (labels[100:] == POPULATION.given[100:]).all()
    known = ROWS[ROWS < 100]
    assert (labels[known] == TRUTH[known]).all()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_as_many_labels_change_as_the_audit_holds_for_wrong(share):
    nobody = Checked(np.zeros(0, dtype=np.int64), np.zeros((0, 11)), {})
    precision = Estimated(share, share - 1e-4, share + 1e-4, 100)
    changed = [
        corrected(POPULATION, nobody, precision, first=400, random=np.random.default_rng(seed))
        != POPULATION.given
        for seed in range(20)
    ]
    assert np.mean(changed) * len(POPULATION) / 400 == pytest.approx(share, abs=0.03)


def test_training_sees_no_true_label_and_no_label_that_nobody_could_know(digits, monkeypatch):
    seen = []

    def train(fold, dataset, *, device):
        seen.append((fold, dataset))
        return np.eye(10)[dataset.train_labels[held_out_examples(fold, dataset)]]

    monkeypatch.setattr(module, "train_fold", train)
    monkeypatch.setattr(module, "FIRST", (50,))
    config = TrialConfig(noise="symmetric", noise_rate=0.3, noise_seed=4)
    given = noisy_labels(digits, config)[:, 0]
    judged = dataclasses.replace(POPULATION.judgements, given=given[POPULATION.examples])
    population = dataclasses.replace(POPULATION, judgements=judged)
    names = dict(
        fit_corrected(
            population, CHECKED, ESTIMATES, config, digits, folds=2, device="cpu", done={}
        )
    )
    assert list(names) == ["50/0", "50/1"]
    assert len(seen) == 4
    first = population.examples[:50]
    for fold, dataset in seen:
        assert dataset.true_labels is None
        assert dataset.answers is None
        assert fold.config.noise == "given"
        assert np.isin(np.flatnonzero(dataset.train_labels != given), first).all()
    again = fit_corrected(
        population, CHECKED, ESTIMATES, config, digits, folds=2, device="cpu", done=names
    )
    assert list(again) == []


def test_the_curve_has_the_spread_of_its_draws_in_its_intervals():
    leader = POPULATION.predicted
    better = np.where(np.arange(1257) % 20 == 0, TRUTH, leader)
    rows = curve(ESTIMATES, POPULATION, {"25/0": leader, "25/1": leader, "100/0": better})
    assert [row["first"] for row in rows] == [25, 100]
    assert rows[0]["gain"]["value"] == 0.0
    alike = curve(ESTIMATES, POPULATION, {"25/0": leader, "25/1": leader})
    apart = curve(ESTIMATES, POPULATION, {"25/0": leader, "25/1": better})
    width = [row["accuracy"]["ci95"][1] - row["accuracy"]["ci95"][0] for [row] in (alike, apart)]
    assert width[1] > width[0]
    assert apart[0]["gain"]["value"] > 0
