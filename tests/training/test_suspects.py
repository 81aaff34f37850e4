"""The ranked examples of a cross-fitting."""

from dataclasses import replace

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.suspicion import estimated_transition, sharpened, suspicion
from tune_noise.training.cross_fit import held_out_examples, learned_examples, make_folds
from tune_noise.training.known_noise import noisy_labels
from tune_noise.training.labelled_data import example_split
from tune_noise.training.suspects import MAX_EXAMPLES, judge, suspects_problem


def nearly_right(config, dataset, *, count=3):
    """Predictions that give the true class 0.91 of the probability."""
    folds = make_folds(config, dataset, count=count)
    labels = [dataset.train_labels[held_out_examples(fold, dataset)] for fold in folds]
    return {fold: 0.01 + 0.9 * np.eye(10)[truth] for fold, truth in zip(folds, labels, strict=True)}


@pytest.mark.parametrize(
    "noise", [{"noise_rate": 0.4}, {"noise": "pair_flip", "noise_rate": 0.4}], ids=str
)
def test_networks_that_are_right_find_every_wrong_label(noise, digits):
    config = TrialConfig(**noise)
    found = judge(nearly_right(config, digits), digits)
    wrong = found.given_labels != found.true_labels
    assert found.facts["wrong_labels"] == found.facts["suspects"] == wrong.sum()
    assert wrong[: wrong.sum()].all()
    for name in ("precision", "recall", "average_precision"):
        assert found.facts[name] == pytest.approx(1.0)


def test_a_row_says_what_is_known_of_its_example(digits):
    config = TrialConfig(noise_rate=0.3)
    trained = nearly_right(config, digits)
    found = judge(trained, digits)
    np.testing.assert_array_equal(np.sort(found.examples), np.arange(len(digits.train_labels)))
    labels = noisy_labels(digits, config)[:, 0]
    np.testing.assert_array_equal(found.given_labels, labels[found.examples])
    np.testing.assert_array_equal(found.predicted_labels, digits.train_labels[found.examples])
    np.testing.assert_array_equal(found.true_labels, digits.train_labels[found.examples])
    assert (np.diff(found.probabilities) <= 0.0).all()
    assert not found.copies.any()
    for fold in trained:
        held_out = np.sort(found.examples[found.folds == fold.number])
        np.testing.assert_array_equal(held_out, held_out_examples(fold, digits))


def test_every_copy_of_an_image_is_judged_by_its_own_label(few_digits):
    config = TrialConfig(noise="dilution", alpha=2)
    trained = nearly_right(config, few_digits)
    found = judge(trained, few_digits)
    labels = noisy_labels(few_digits, config)
    assert len(found.examples) == labels.size
    np.testing.assert_array_equal(found.given_labels, labels[found.examples, found.copies])
    # A second way to one of them.
    probabilities = 0.01 + 0.9 * np.eye(10)[few_digits.train_labels]
    matrix = estimated_transition(probabilities, labels)
    sharp = sharpened(probabilities, labels, matrix)
    [expected] = suspicion(sharp[7:8], labels[7:8, 2], matrix).probabilities
    [row] = np.flatnonzero((found.examples == 7) & (found.copies == 2))
    assert found.probabilities[row] == pytest.approx(expected)


def sure_of_what_it_learns(config, dataset):
    """Predictions of a single training: the label where it was learned, else the true class."""
    [fold] = make_folds(config, dataset, count=1)
    labels, is_learned = noisy_labels(dataset, config)[:, 0], learned_examples(fold, dataset)
    random = np.random.default_rng(0)
    shares = 0.02 + 0.9 * np.eye(10)[dataset.train_labels]
    shares[is_learned] += 3.0 * np.eye(10)[labels[is_learned]]
    shares *= random.uniform(0.9, 1.1, size=shares.shape)
    return {fold: shares / shares.sum(axis=1, keepdims=True)}


def test_what_was_learned_is_as_often_suspicious_as_what_was_not(digits):
    config = TrialConfig(noise_rate=0.4, val_fraction=0.3)
    found = judge(sure_of_what_it_learns(config, digits), digits)
    train, val = example_split(digits, config)
    np.testing.assert_array_equal(np.sort(found.examples[found.folds == 0]), train)
    np.testing.assert_array_equal(np.sort(found.examples[found.folds == 1]), val)
    rates = [found.flagged[found.folds == fold].mean() for fold in (0, 1)]
    assert rates[0] == pytest.approx(rates[1], abs=0.01)
    # Though every label that was learned is predicted.
    assert found.facts["average_precision"] > 0.99


def test_a_given_validation_split_says_nothing_of_the_noise_of_training(digits):
    labels = digits.train_labels.copy()
    wrong = np.arange(len(labels)) % 3 == 0
    wrong[-300:] = False
    labels[wrong] = (labels[wrong] + 1) % 10
    dataset = replace(
        digits, train_labels=labels, true_labels=digits.train_labels, num_validation=300
    )
    config = TrialConfig(noise="given")
    [fold] = make_folds(config, dataset, count=1)
    found = judge({fold: 0.01 + 0.9 * np.eye(10)[digits.train_labels]}, dataset)
    assert found.facts["suspects"] == wrong.sum()


def test_where_the_truth_is_unknown_no_figure_speaks_of_it(few_digits):
    unknown = replace(few_digits, true_labels=None)
    config = TrialConfig(noise="given")
    found = judge(nearly_right(config, unknown), unknown)
    assert found.true_labels is None
    assert set(found.facts) == {"examples", "suspects"}


def test_foreign_images_and_tables_without_end_are_refused_with_a_reason(digits):
    foreign = TrialConfig(noise="foreign", alpha=1)
    assert "the image that is wrong" in str(suspects_problem(foreign, digits))
    alpha = MAX_EXAMPLES // len(digits.train_labels) + 1
    many = TrialConfig(noise="dilution", alpha=alpha)
    assert "1,000,000" in str(suspects_problem(many, digits))
    assert suspects_problem(TrialConfig(noise="dilution", alpha=5), digits) is None
    classes = replace(digits, num_classes=200_000)
    assert "251,400,000 predictions" in str(suspects_problem(TrialConfig(), classes))
