"""Trials on the answers of several annotators."""

from dataclasses import replace

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.aggregation import majority
from tune_noise.errors import ConfigError
from tune_noise.metrics.answers import Answers, answers_information
from tune_noise.metrics.balanced import balanced_accuracy, balanced_information
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.training.cross_fit import make_folds, train_fold
from tune_noise.training.data_problems import data_problems
from tune_noise.training.known_noise import noisy_labels
from tune_noise.training.labelled_data import example_split
from tune_noise.training.material import with_material
from tune_noise.training.suspects import judge
from tune_noise.training.trial import Trial

K = 3


@pytest.fixture(scope="module")
def points() -> Dataset:
    """Three Gaussian classes; 8 annotators, of whom one renames the classes, answer a third."""
    random = np.random.default_rng(0)
    truth = np.arange(750) % K
    features = (random.normal(size=(750, 4)) + 3.0 * np.eye(4)[truth]).astype(np.float32)
    answers = np.where(
        random.random((450, 8)) < 0.75, truth[:450, None], random.integers(K, size=(450, 8))
    )
    answers[:, 0] = (truth[:450] + 1) % K
    answers[random.random(answers.shape) < 0.67] = -1
    answers[(answers < 0).all(axis=1), 1] = 0
    return Dataset(
        name="points",
        train_inputs=features[:450],
        train_labels=majority(answers),
        true_labels=truth[:450],
        test_inputs=features[450:],
        test_labels=truth[450:],
        num_classes=K,
        answers=answers,
        annotators=tuple(f"w{w}" for w in range(8)),
    )


def config_of(aggregation, **fields):
    plain = {"noise": "given", "model": "perceptron", "epochs": 8, "batch_size": 32, "lr": 0.03}
    return TrialConfig.model_validate(plain | {"aggregation": aggregation} | fields)


@pytest.mark.parametrize("aggregation", ["majority", "drawn", "dawid_skene", "crowdlab", None])
def test_a_trial_learns_aggregated_labels_and_is_judged_by_answers(points, aggregation):
    if aggregation == "dawid_skene":
        pytest.importorskip("crowdkit")
    config = config_of(aggregation)
    data = with_material(points, [config])
    trial = Trial([config], data)
    while not trial.finished:
        [metrics] = trial.train_epoch()
    assert metrics["test_accuracy_clean"] > 0.85
    _, val = example_split(points, config)
    predicted = predict_logits(trial.network, trial.data.val_inputs)[0].argmax(dim=1).numpy()
    estimate = answers_information(predicted, Answers.of(points.answers[val], K))
    assert metrics["val_information_noisy"] == pytest.approx(estimate.nats)
    assert metrics["val_information_noisy_se"] == pytest.approx(estimate.standard_error)
    assert metrics["val_accuracy_noisy"] == pytest.approx(
        (predicted == points.train_labels[val]).mean()
    )
    # The balanced measures are about the labels of the majority.
    majority = points.train_labels[val][:, None]
    balanced = balanced_information(predicted, majority, K)
    assert metrics["val_balanced_information_noisy"] == pytest.approx(balanced.nats)
    assert metrics["val_balanced_accuracy_noisy"] == pytest.approx(
        balanced_accuracy(predicted, majority)
    )


def test_the_target_of_validation_does_not_depend_on_the_aggregation(points):
    trials = [Trial([config_of(aggregation)], points) for aggregation in ("majority", "drawn")]
    labels, drawn = (trial.data.noisy_labels.numpy() for trial in trials)
    assert (labels != drawn).any()
    assert np.array_equal(*(trial.data.val_noisy_labels.numpy() for trial in trials))


def test_each_noise_seed_draws_other_votes(points):
    one, other = (noisy_labels(points, config_of("drawn", noise_seed=seed)) for seed in (0, 1))
    assert (one != other).any()
    given = points.answers == one
    assert given.any(axis=1).all()


def test_a_single_annotator_is_judged_as_labels_are(points):
    alone = replace(points, answers=points.train_labels[:, None], annotators=("w",))
    labels = replace(points, answers=None, annotators=None)
    [one], [other] = (Trial([config_of(None)], data).train_epoch() for data in (alone, labels))
    assert {k: v for k, v in one.items() if k != "seconds"} == {
        k: v for k, v in other.items() if k != "seconds"
    }


def test_what_does_not_fit_is_refused_in_one_sentence(points):
    labels = replace(points, answers=None, annotators=None)
    [problem] = data_problems(config_of("drawn"), labels)
    assert problem.place == "aggregation"
    assert "one label for each example" in problem.message
    with pytest.raises(ConfigError, match="has one label for each example"):
        Trial([config_of("dawid_skene")], labels)
    [problem] = data_problems(TrialConfig(noise_rate=0.2), points)
    assert problem.place == "noise"
    assert "8 annotators" in problem.message


def test_suspects_are_labels_of_the_aggregation(points):
    config = config_of("drawn", epochs=4)
    folds = make_folds(config, points, count=2)
    suspects = judge({fold: train_fold(fold, points) for fold in folds}, points)
    drawn = noisy_labels(points, config)[:, 0]
    assert np.array_equal(suspects.given_labels, drawn[suspects.examples])
    assert suspects.facts["precision"] > 0.7
