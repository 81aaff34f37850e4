"""Folds, and networks that judge what they did not learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.training import Trial
from tune_noise.training.cross_fit import (
    FoldDiverged,
    fold_of_examples,
    gather,
    held_out_examples,
    make_folds,
    read_fold,
    save_fold,
    train_fold,
)
from tune_noise.training.labelled_data import example_split

CONFIG = TrialConfig(model="perceptron", noise_rate=0.3, epochs=3, lr=0.01)


def test_the_folds_are_all_images_of_training_and_validation_each_once(few_digits):
    train, val = example_split(few_digits, CONFIG)
    folds = make_folds(CONFIG, few_digits, count=3)
    held_out = np.concatenate([held_out_examples(fold, few_digits) for fold in folds])
    assert np.sort(held_out).tolist() == sorted([*train, *val])
    for name, split in (("train", train), ("val", val)):
        sizes = np.bincount(fold_of_examples(few_digits, CONFIG, count=3)[split])[1:]
        assert np.ptp(sizes) <= 1, name


def test_every_fold_has_its_share_of_every_class(few_digits):
    folds = fold_of_examples(few_digits, CONFIG, count=4)
    for label in range(10):
        # Dealt in two parts, training and validation.
        assert np.ptp(np.bincount(folds[few_digits.train_labels == label], minlength=5)[1:]) <= 2


def test_images_beyond_the_train_size_take_no_part(few_digits):
    config = CONFIG.model_copy(update={"train_size": 100})
    train, val = example_split(few_digits, config)
    assert (fold_of_examples(few_digits, config, count=3) > 0).sum() == len(train) + len(val)


def test_folds_do_not_move_with_the_seeds(few_digits):
    other = CONFIG.model_copy(update={"seed": 7, "noise_seed": 8})
    np.testing.assert_array_equal(
        fold_of_examples(few_digits, CONFIG, count=3), fold_of_examples(few_digits, other, count=3)
    )


@pytest.mark.parametrize("method", ["standard", "co_teaching", "elr", "gmm"])
def test_predictions_of_a_fold_do_not_depend_on_its_own_labels(method, few_digits):
    """Human labels of the held-out images are all changed: not a bit of the result moves."""
    given = {"noise": "human", "human_file": "F", "model": "perceptron", "epochs": 3, "lr": 0.01}
    given |= {"warm_up_epochs": 1} if method == "gmm" else {}
    config = TrialConfig(method=method, **given)
    key = f"labels/{config.human_labels}/F"
    dataset = replace(few_digits, extras={key: few_digits.train_labels.copy()})
    fold = make_folds(config, dataset, count=3)[1]
    changed = few_digits.train_labels.copy()
    held_out = held_out_examples(fold, dataset)
    changed[held_out] = (changed[held_out] + 1) % 10
    other = replace(few_digits, extras={key: changed})
    np.testing.assert_array_equal(train_fold(fold, dataset), train_fold(fold, other))


def test_predictions_are_a_mean_of_epochs_up_to_the_selected_one_the_later_the_heavier(few_digits):
    fold = make_folds(CONFIG, few_digits, count=3)[0]
    held_out = held_out_examples(fold, few_digits)
    trial = Trial([CONFIG], few_digits, held_out=held_out)
    assert not set(trial.data.input_of[0].tolist()) & set(held_out.tolist())
    each = []
    for _ in range(CONFIG.epochs):
        trial.train_epoch()
        logits = predict_logits(
            trial.network, trial.data.train_inputs, indices=torch.tensor(held_out)
        )
        each.append(logits[0].double().softmax(dim=1).numpy())
    best = trial.progress[0].best_epoch
    weights = [0.75 ** (best - epoch) for epoch in range(1, best + 1)]
    expected = np.average(each[:best], axis=0, weights=weights)
    np.testing.assert_allclose(train_fold(fold, few_digits), expected, rtol=1e-12)


def test_networks_that_diverge_at_once_say_so(few_digits):
    given = {"model": "mlp4", "optimizer": "sgd", "lr": 10.0, "momentum": 0.99, "batch_size": 4}
    config = TrialConfig(epochs=2, **given)
    with pytest.raises(FoldDiverged, match="fold 1 of 2 diverged: loss is not finite in epoch 1"):
        train_fold(make_folds(config, few_digits, count=2)[0], few_digits)


def test_a_kept_fold_is_taken_for_no_other(few_digits, tmp_path):
    first, second = make_folds(CONFIG, few_digits, count=2)
    path = tmp_path / "1.safetensors"
    assert read_fold(path, first) is None
    found = np.random.default_rng(0).random((5, 10))
    save_fold(path, first, found)
    np.testing.assert_array_equal(read_fold(path, first), found)
    others = [
        second,
        replace(first, count=3),
        replace(first, fingerprint="0" * 16),
        replace(first, config=CONFIG.model_copy(update={"seed": 1})),
    ]
    assert [read_fold(path, other) for other in others] == [None] * 4
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert read_fold(path, first) is None


def test_gathered_predictions_are_in_the_order_of_the_images(few_digits):
    folds = make_folds(CONFIG, few_digits, count=3)
    marked = {
        fold: np.repeat(held_out_examples(fold, few_digits)[:, None], 2, axis=1) for fold in folds
    }
    images, found = gather(marked, few_digits)
    assert (np.diff(images) > 0).all()
    np.testing.assert_array_equal(found[:, 0], images)
