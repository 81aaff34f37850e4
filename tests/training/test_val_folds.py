"""`val_folds`: each network holds out another part, and all labels validate."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.support.trials import train, trained
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import ConfigError, DataError
from tune_noise.metrics.evaluation import validation_metrics
from tune_noise.seeding import derive_seed
from tune_noise.training import Trial
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.training.cross_fit import make_folds, train_fold
from tune_noise.training.labelled_data import example_folds
from tune_noise.training.material import with_material
from tune_noise.training.saved_model import load_model, save_model

FOLDS = 3


def config_of(**fields):
    given = {"model": "perceptron", "lr": 0.01, "epochs": 3, "noise_rate": 0.3, "val_folds": FOLDS}
    if fields.get("noise", "symmetric") != "symmetric":
        del given["noise_rate"]
    return TrialConfig(**given | fields)


def features(number=60, *, seed=0, repeated=0):
    """Return 3 classes of points; the last `repeated` inputs equal the first ones."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(number) % 3)
    inputs = (random.normal(size=(number, 4)) + 3 * np.eye(4)[labels]).astype(np.float32)
    if repeated:
        inputs[-repeated:] = inputs[:repeated]
    return Dataset(
        name="points",
        train_inputs=inputs,
        train_labels=labels.astype(np.int64),
        true_labels=None,
        test_inputs=inputs[:20],
        test_labels=labels[:20].astype(np.int64),
        num_classes=3,
    )


# --- the split


@pytest.mark.parametrize("repeated", [0, 7])
def test_every_example_validates_once_and_is_not_learnt_where_it_does(repeated):
    dataset = features(61, repeated=repeated)
    folds = example_folds(dataset, config_of())
    assert np.sort(np.concatenate([val for _, val in folds])).tolist() == list(range(61))
    assert len({len(train) for train, _ in folds}) == 1
    for learnt, val in folds:
        assert not np.isin(dataset.input_of[learnt], dataset.input_of[val]).any()
        assert set(dataset.train_labels[learnt]) == {0, 1, 2}


def test_folds_have_the_classes_in_proportion_and_do_not_move_with_seeds(few_digits):
    folds = example_folds(few_digits, config_of(val_folds=5))
    shares = [np.bincount(few_digits.train_labels[val], minlength=10) for _, val in folds]
    assert np.ptp(shares, axis=0).max() <= 1
    moved = example_folds(few_digits, config_of(val_folds=5, seed=8, noise_seed=9))
    for one, other in zip(folds, moved, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_a_smaller_training_set_is_part_of_a_larger_one(few_digits):
    small, large = (example_folds(few_digits, config_of(train_size=n)) for n in (50, 100))
    for (learnt, val), (more, same) in zip(small, large, strict=True):
        assert len(learnt) == 50
        assert np.isin(learnt, more).all()
        np.testing.assert_array_equal(val, same)


# --- a second derivation


def test_folds_are_trainings_on_given_splits_put_together():
    """Each network is that of a trial whose data bring the fold as their validation split."""
    dataset = features()
    config = config_of(noise="given", scaling="none", model="mlp1")
    trial = trained([config], dataset)
    logits = trial.validation_logits()[0]
    for fold, (learnt, val) in enumerate(example_folds(dataset, config)):
        order = np.concatenate([learnt, val])
        split = dataclasses.replace(
            dataset,
            train_inputs=dataset.train_inputs[order],
            train_labels=dataset.train_labels[order],
            num_validation=len(val),
        )
        seed = derive_seed(config.seed, "fold", fold)
        alone = config.model_copy(update={"val_folds": None, "val_fraction": 0.1, "seed": seed})
        expected = trained([alone], split).validation_logits()[0]
        places = np.flatnonzero(np.isin(trial.data.val_examples, val))
        np.testing.assert_allclose(logits[:, places], expected, rtol=1e-4, atol=1e-5)


def test_the_objective_is_that_of_the_predictions_of_all_folds(few_digits):
    trial = Trial([config_of(method="co_teaching", tau=0.2, ramp_epochs=1)], few_digits)
    [row] = trial.train_epoch()
    labels = trial.data.val_noisy_labels[0]
    assert labels.shape == (len(few_digits.train_labels), 1)
    expected = validation_metrics(trial.validation_logits()[0], labels)
    assert row["val_information_noisy"] == expected["val_information_noisy"]
    assert row["val_information_noisy_se"] == expected["val_information_noisy_se"]
    assert trial.facts(0)["val_examples"] == len(few_digits.train_labels)


@pytest.mark.parametrize(
    "noise",
    [
        {"noise": "dilution", "alpha": 2},
        {"noise": "foreign", "alpha": 1},
    ],
)
def test_every_label_of_an_example_is_judged_by_the_fold_that_holds_it_out(noise, few_digits):
    config = config_of(**noise)
    trial = Trial([config], with_material(few_digits, [config]))
    train(trial, 1)
    held_out = torch.cat(trial.data.val_folds)
    assert torch.equal(held_out.sort().values, torch.arange(len(trial.data.val_inputs)))
    shown = [set(row.tolist()) for row in trial.data.input_of]
    own = trial.data.val_examples
    for fold, places in zip(shown, trial.data.val_folds, strict=True):
        judged = own[places[places < len(own)].numpy()]
        assert not fold & set(judged.tolist())


# --- the promises of a trial


@pytest.mark.parametrize("method", ["standard", "co_teaching", "elr"])
def test_a_stack_gives_what_each_configuration_gives_alone(method, few_digits):
    configs = [config_of(method=method, seed=s, noise_seed=s, lr=0.01 * (1 + s)) for s in (0, 1)]
    together = trained(configs, few_digits)
    for r, config in enumerate(configs):
        alone = trained([config], few_digits)
        for name, value in alone.replicate_weights(0).items():
            torch.testing.assert_close(together.replicate_weights(r)[name], value)


def test_a_resumed_trial_goes_on_exactly(few_digits, tmp_path):
    config = config_of(method="elr", epochs=4)
    whole = trained([config], few_digits, keeps_judgements=True)
    half = trained([config], few_digits, 2, keeps_judgements=True)
    write_checkpoint(tmp_path / "half", *half.state())
    resumed = Trial([config], few_digits, keeps_judgements=True)
    resumed.load_state(*read_checkpoint(tmp_path / "half"))
    train(resumed)
    for name, value in whole.replicate_weights(0).items():
        assert torch.equal(resumed.replicate_weights(0)[name], value)
    np.testing.assert_array_equal(
        resumed.replicate_judgements(0, few_digits), whole.replicate_judgements(0, few_digits)
    )


def test_the_saved_model_is_the_average_of_the_folds_networks(few_digits, tmp_path):
    config = config_of(method="co_teaching", tau=0.2, ramp_epochs=1, last_epochs=1)
    trial = trained([config], few_digits)
    weights = trial.replicate_weights(0)
    assert all(len(value) == 2 * FOLDS for value in weights.values())
    save_model(tmp_path, weights, config, few_digits, {})
    model = load_model(tmp_path)
    row = trial.progress[0].epochs[-1]
    each = model.predict_each(few_digits.test_inputs)
    assert each.shape == (2, len(few_digits.test_labels))
    accuracies = (each == few_digits.test_labels).mean(axis=1)
    assert accuracies.mean() == row["test_accuracy_clean"]
    together = model.predict(few_digits.test_inputs)
    assert (together == few_digits.test_labels).mean() == row["test_accuracy_clean_ensemble"]


# --- wrong labels


def test_every_label_is_judged_without_a_further_training():
    dataset = features(repeated=5)
    config = config_of(noise="given", scaling="none")
    trial = trained([config], dataset, keeps_judgements=True)
    judgements = trial.replicate_judgements(0, dataset)
    np.testing.assert_allclose(judgements.sum(axis=1), 1.0)
    np.testing.assert_array_equal(judgements[:5], judgements[-5:])
    [fold] = make_folds(config, dataset, count=4)
    np.testing.assert_array_equal(train_fold(fold, dataset), judgements)


# --- what cannot be


def test_a_given_validation_split_leaves_nothing_to_fold():
    dataset = dataclasses.replace(features(), num_validation=10)
    with pytest.raises(ConfigError, match="val_folds  3 has no effect on points"):
        Trial([config_of(noise="given")], dataset)


def test_a_class_that_only_one_fold_has_cannot_be_learnt_without_it():
    dataset = features(9)
    labels = dataset.train_labels.copy()
    labels[labels == 2] = 0
    labels[0] = 2
    with pytest.raises(DataError, match="class 2 has 1 that no equal one repeats"):
        example_folds(dataclasses.replace(dataset, train_labels=labels), config_of())


def test_there_are_no_more_folds_than_inputs():
    with pytest.raises(DataError, match="val_folds 20 is more than there are different inputs"):
        example_folds(features(12), config_of(val_folds=20))


def test_a_fraction_and_folds_exclude_each_other():
    assert config_of().val_fraction is None
    assert TrialConfig().val_fraction == 0.1
    with pytest.raises(ValueError, match=r"val_fraction has no effect here: .* val_folds null"):
        config_of(val_fraction=0.2)
