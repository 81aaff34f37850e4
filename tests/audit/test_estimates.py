"""Estimates: exact where everything is checked, unbiased, and within their intervals."""

import numpy as np
import pytest

from tests.support.populations import made_up
from tune_noise.audit.answers import Answer
from tune_noise.audit.checked import Checked, agreement, checked_labels
from tune_noise.audit.estimates import AuditEstimates, audit_findings
from tune_noise.audit.estimator import Estimator, Guess, share_estimate
from tune_noise.audit.plan import expected_half_widths, labels_for
from tune_noise.audit.sample import draw_sample, strata_of

POPULATION, TRUTH = made_up(500)
STRATA = strata_of(POPULATION)


def of_truth(rows: np.ndarray) -> Checked:
    return Checked(rows, np.eye(5)[TRUTH[rows]], {})


def of_sample(labels: int, seed: int) -> AuditEstimates:
    sample = draw_sample(POPULATION, labels=labels, seed=seed)
    rows = np.array([POPULATION.row_of[example] for example in sample.examples.tolist()])
    return AuditEstimates(POPULATION, STRATA, of_truth(rows))


def test_where_every_label_was_checked_the_figures_are_exact():
    everything = AuditEstimates(POPULATION, STRATA, of_truth(np.arange(500)))
    other = np.roll(POPULATION.predicted, 1)
    right, wrong = POPULATION.predicted == TRUTH, POPULATION.given != TRUTH
    recalls = [right[k == TRUTH].mean() for k in range(4)]
    expected = {
        "noise": (everything.noise_rate(), wrong.mean()),
        "accuracy": (everything.accuracy(POPULATION.predicted), right.mean()),
        "difference": (
            everything.difference(POPULATION.predicted, other),
            right.mean() - (other == TRUTH).mean(),
        ),
        "balanced": (everything.balanced_accuracy(POPULATION.predicted), np.mean(recalls)),
        "precision": (everything.precision(100), wrong[:100].mean()),
        "recall": (everything.recall(100), wrong[:100].sum() / wrong.sum()),
        "transition": (
            everything.transition()[1][2],
            (POPULATION.given[TRUTH == 1] == 2).mean(),
        ),
    }
    for name, (estimated, value) in expected.items():
        assert estimated is not None
        assert estimated.value == pytest.approx(value), name
        assert estimated.half_width == pytest.approx(0.0, abs=1e-9), name


def test_estimates_of_samples_are_unbiased_and_their_intervals_hold():
    wrong, right = POPULATION.given != TRUTH, POPULATION.predicted == TRUTH
    found = {"noise": [], "accuracy": []}
    for seed in range(150):
        estimates = of_sample(80, seed)
        found["noise"].append((estimates.noise_rate(), wrong.mean()))
        found["accuracy"].append((estimates.accuracy(POPULATION.predicted), right.mean()))
    for pairs in found.values():
        values = np.array([estimated.value for estimated, _ in pairs])
        truth = pairs[0][1]
        assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(len(values))
        # 95 % of 150 samples, but for the chance of 150.
        assert np.mean([e.low <= truth <= e.high for e, _ in pairs]) > 0.89


def test_guesses_make_the_interval_narrower_than_a_plain_share_of_as_many():
    accuracy = of_sample(100, 0).accuracy(POPULATION.predicted)
    p, n = accuracy.value, 100 / (1 - 100 / 500)
    plain = share_estimate(p, np.sqrt(p * (1 - p) / n), 1e9, n=100, confidence=0.95)
    assert accuracy.half_width < 0.85 * plain.half_width


def test_networks_that_are_sure_of_everything_do_not_vouch_for_labels_that_nobody_checked():
    """Where no checked label is wrong, more of the others may be than the networks believe."""
    strata = np.repeat(np.arange(10), 1000)
    rows = np.concatenate([1000 * k + np.arange(40) for k in range(10)])
    sure = Guess(np.full(10_000, 1e-6), np.full(10_000, 0.005))
    rate = Estimator(strata, rows).mean(np.zeros(400), sure)
    plain = share_estimate(0.0, np.sqrt(0.5) / 400, 1e9, n=400, confidence=0.95)
    assert rate.low == 0.0
    assert 0.9 * plain.high < rate.high < 1.1 * plain.high


def test_what_networks_overlook_counts_as_often_as_the_labels_it_stands_for():
    """One miss among few checked labels of a large stratum outweighs one in a small stratum."""
    strata = np.repeat([0, 1], [900, 100])
    estimator = Estimator(strata, np.array([0, 1, 2, 900, 901, 902]))
    expected = np.full(1000, 0.05)
    in_large, in_small = np.eye(6)[0], np.eye(6)[3]
    large, small = estimator.scale(in_large, expected), estimator.scale(in_small, expected)
    half_a_miss = 0.5 * 1000 / 6
    assert large == pytest.approx((300 + half_a_miss) / 50)
    assert small == pytest.approx((100 / 3 + half_a_miss) / 50)


def test_a_share_without_guesses_and_strata_is_wilsons():
    values = np.repeat([1.0, 0.0], [30, 70])
    error = np.sqrt(0.3 * 0.7 / 100)
    share = share_estimate(values.mean(), error, 1e9, n=100, confidence=0.95)
    assert (share.low, share.high) == pytest.approx((0.2189, 0.3959), abs=1e-4)


def test_what_no_label_contradicts_may_be_true_of_all():
    estimator = Estimator(np.zeros(100, dtype=np.int64), np.arange(20))
    sure = Guess(np.full(100, 0.999), np.full(100, 0.005))
    share = estimator.mean(np.ones(20), sure)
    assert share.high == 1.0
    assert 0.8 < share.low < 1.0


def test_several_none_and_cannot_tell_are_counted_each_in_its_way():
    given = POPULATION.given
    answers = {
        0: {"ada": Answer(0, "ada", "several", (int(given[POPULATION.row_of[0]]), 1))},
        1: {"ada": Answer(1, "ada", "none")},
        2: {"ada": Answer(2, "ada", "cannot_tell"), "bob": Answer(2, "bob", "class", (3,))},
        3: {"ada": Answer(3, "ada", "cannot_tell")},
        4: {"ada": Answer(4, "ada", "several")},
    }
    checked = checked_labels(POPULATION, answers, range(5), num_classes=4)
    assert [POPULATION.examples[row] for row in checked.rows] == [0, 1, 2]
    assert checked.right(given)[:2].tolist() == [1.0, 0.0]
    assert checked.classes.sum(axis=1) == pytest.approx(1.0)
    assert checked.verdicts == {"class": 1, "several": 2, "none": 1, "cannot_tell": 2}
    [pair] = agreement(answers)
    assert pair["persons"] == ["ada", "bob"]
    assert pair["share"] == 0.0


def test_agreement_beyond_chance_is_cohens_kappa():
    said = {"ada": [0, 0, 1, 1], "bob": [0, 1, 1, 1]}
    answers = {
        i: {name: Answer(i, name, "class", (classes[i],)) for name, classes in said.items()}
        for i in range(4)
    }
    [pair] = agreement(answers)
    # They agree on 3 of 4; by chance on 1/2 * 1/4 + 1/2 * 3/4.
    assert pair["share"] == 0.75
    assert pair["kappa"] == pytest.approx((0.75 - 0.5) / 0.5)


def test_findings_are_plain_values_with_a_row_for_each_finalist():
    other = np.roll(POPULATION.predicted, 1)
    facts = audit_findings(of_sample(60, 1), POPULATION, {"t9": other})
    assert set(facts["finalists"]) == {"demo/7", "t9"}
    assert facts["finalists"]["t9"]["behind_leader"]["value"] > 0
    assert [row["first"] for row in facts["suspects"]] == [25, 50, 100, 200, 400]
    assert len(facts["transition"]) == 4


def test_more_labels_are_expected_to_tell_more_and_the_plan_reaches_its_aim():
    widths = [expected_half_widths(POPULATION, size)["accuracy"] for size in (50, 100, 200)]
    assert widths == sorted(widths, reverse=True)
    needed = labels_for(POPULATION, 0.05)
    assert max(expected_half_widths(POPULATION, needed, confidence=0.96).values()) <= 0.05
    assert labels_for(POPULATION, 0.05, before=needed) >= 1.25 * needed
