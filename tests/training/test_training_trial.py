import dataclasses
import math

import numpy as np
import pytest
import torch

from tests.support.trials import train
from tune_noise.config.metric_names import SEARCHABLE, sign
from tune_noise.config.trial import TrialConfig, trial_fields
from tune_noise.errors import ConfigError
from tune_noise.metrics import evaluation
from tune_noise.metrics.evaluation import predict_logits, validation_metrics
from tune_noise.training import Trial
from tune_noise.training.known_noise import noisy_labels
from tune_noise.training.trial import own_fields


def scripted(trial, script):
    """Let the objective of replicate 0 follow a script; the rest of an evaluation stays real."""
    real, values = trial._evaluate, iter(script)
    name = trial.configs[0].objective

    def evaluate():
        rows = real()
        rows[0][name] = next(values)
        return rows

    trial._evaluate = evaluate


def config_of(**fields):
    return TrialConfig(**{"model": "perceptron", "lr": 0.01, "epochs": 4} | fields)


# --- the noise


def test_the_noise_is_drawn_once_and_stays_over_the_epochs(few_digits, monkeypatch):
    trial = Trial([config_of(noise_rate=0.5, epochs=3)], few_digits)
    before = trial.data.noisy_labels.clone()
    drawn = noisy_labels(few_digits, trial.configs[0])
    seen = {}
    method = trial.method

    def watch(batch):
        indices, labels = batch.indices[0].tolist(), batch.noisy_labels[0].tolist()
        for index, label in zip(indices, labels, strict=True):
            assert seen.setdefault(index, label) == label
        return method(batch)

    trial.step.method = watch
    train(trial)
    assert len(seen) == len(trial.data.input_of[0])
    assert torch.equal(trial.data.noisy_labels, before)
    np.testing.assert_array_equal(noisy_labels(few_digits, trial.configs[0]), drawn)


def test_an_epoch_passes_every_example_once(few_digits):
    trial = Trial([config_of(noise="dilution", alpha=2, batch_size=100)], few_digits)
    seen, method = [], trial.method

    def watch(batch):
        seen.extend(batch.indices[0].tolist())
        return method(batch)

    trial.step.method = watch
    trial.train_epoch()
    assert sorted(seen) == list(range(len(trial.data.input_of[0])))


def test_no_global_generator_is_read_or_moved(few_digits):
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        before = torch.get_rng_state()
        trial = Trial([config_of(method="co_teaching", epochs=1)], few_digits)
        train(trial)
        assert torch.equal(torch.get_rng_state(), before)
        results.append(trial.network.state_dict()["1.weight"])
    assert torch.equal(*results)


def test_clean_first_and_clean_last_reach_the_batches(few_digits):
    for example_order in ("clean_first", "clean_last"):
        config = config_of(example_order=example_order, noise_rate=0.5, batch_size=16)
        trial = Trial([config], few_digits)
        shares, method = [], trial.method

        def watch(batch, trial=trial, shares=shares, method=method):
            shares.append(trial.data.is_clean[0][batch.indices[0]].double().mean().item())
            return method(batch)

        trial.step.method = watch
        trial.train_epoch()
        assert shares == sorted(shares, reverse=example_order == "clean_first")
        assert {shares[0], shares[-1]} == {0.0, 1.0}


# --- the best epoch


@pytest.mark.parametrize("method", ["standard", "co_teaching"])
@pytest.mark.parametrize("objective", SEARCHABLE)
def test_the_weights_kept_are_those_of_the_best_epoch_to_the_last_digit(
    method, objective, few_digits
):
    config = TrialConfig(
        model="mlp1", method=method, noise_rate=0.4, lr=0.02, epochs=7, objective=objective
    )
    trial = Trial([config, config.model_copy(update={"seed": 1})], few_digits)
    train(trial)
    for r, progress in enumerate(trial.progress):
        values = [row[objective] for row in progress.epochs]
        best = min(values) if objective == "val_loss_noisy" else max(values)
        assert progress.best_epoch == values.index(best) + 1
        assert progress.best_score == sign(objective) * best
        weights = trial.replicate_weights(r)
        alone = Trial([config], few_digits)
        alone.network.load_state_dict(weights)
        val = predict_logits(alone.network, trial.data.val_inputs)
        test = predict_logits(alone.network, trial.data.test_inputs)
        selected = progress.epochs[progress.best_epoch - 1]
        found = validation_metrics(val, trial.data.val_noisy_labels[r])
        assert found[objective] == pytest.approx(selected[objective], rel=1e-6)
        found = evaluation.test_metrics(test, trial.data.test_labels)
        for name in found:
            assert found[name] == selected[name]


def test_restored_weights_differ_from_the_last_where_a_later_epoch_is_worse(few_digits):
    trial = Trial([config_of(epochs=4)], few_digits)
    scripted(trial, [0.1, 0.5, 0.4, 0.3])
    snapshots = []
    while not trial.finished:
        trial.train_epoch()
        snapshots.append({k: v.clone() for k, v in trial.network.state_dict().items()})
    assert trial.progress[0].best_epoch == 2
    for name, value in trial.replicate_weights(0).items():
        assert torch.equal(value, snapshots[1][name])
        assert not torch.equal(value, snapshots[3][name])


def test_of_equal_epochs_the_earliest_is_kept(few_digits):
    trial = Trial([config_of()], few_digits)
    scripted(trial, [0.2, 0.5, 0.5, 0.5])
    train(trial)
    assert trial.progress[0].best_epoch == 2


def test_a_loss_is_minimised(few_digits):
    trial = Trial([config_of(objective="val_loss_noisy")], few_digits)
    scripted(trial, [2.0, 1.0, 1.5, 3.0])
    train(trial)
    assert trial.progress[0].best_epoch == 2
    assert trial.progress[0].best_score == -1.0


# --- patience


@pytest.mark.parametrize(
    ("script", "patience", "stops_after", "best"),
    [
        # Three without gain in a row, counted from the best epoch, not against the last few.
        ([0.5, 0.4, 0.45, 0.44, 0.9, 0.9], 3, 4, 1),
        ([0.5, 0.4, 0.45, 0.6, 0.5, 0.55, 0.58, 0.9], 3, 7, 4),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 1, 6, 6),
        ([0.5, 0.5], 1, 2, 1),  # an equal epoch is no gain
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.0], None, 6, 1),
    ],
)
def test_patience_counts_the_epochs_since_the_best(script, patience, stops_after, best, few_digits):
    trial = Trial([config_of(epochs=len(script), patience=patience)], few_digits)
    scripted(trial, script)
    rows = train(trial)
    progress = trial.progress[0]
    assert len(rows) == len(progress.epochs) == stops_after
    assert progress.best_epoch == best
    assert progress.status == "completed"
    expected = f"patience: no better epoch since {best}" if stops_after < len(script) else ""
    assert progress.stop_reason == expected


def test_a_replicate_that_lost_patience_reports_no_more_while_the_others_go_on(few_digits):
    trial = Trial([config_of(patience=2, seed=seed, epochs=9) for seed in (0, 1)], few_digits)
    scripted(trial, [0.9] + [0.1] * 8)
    rows = train(trial)
    assert [row[0] is None for row in rows[:4]] == [False, False, False, True][: len(rows)]
    weights = trial.replicate_weights(0)
    alone = Trial([trial.configs[0]], few_digits)
    scripted(alone, [0.9, 0.1, 0.1])
    train(alone)
    assert trial.progress[0].best_epoch == alone.progress[0].best_epoch == 1
    for name, value in alone.replicate_weights(0).items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)


# --- the end


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_trial_as_diverged(poison, few_digits):
    trial = Trial([config_of()], few_digits)
    trial.train_epoch()
    with torch.no_grad():
        next(iter(trial.network.parameters())).fill_(poison)
    assert trial.train_epoch() == [None]
    progress = trial.progress[0]
    assert trial.finished
    assert (progress.status, len(progress.epochs)) == ("diverged", 1)
    assert progress.stop_reason == "loss is not finite in epoch 2"
    assert all(torch.isfinite(value).all() for value in trial.replicate_weights(0).values())


def test_a_trial_that_diverges_at_once_has_no_epochs(few_digits):
    trial = Trial([config_of(epochs=2)], few_digits)
    with torch.no_grad():
        next(iter(trial.network.parameters())).fill_(math.nan)
    assert trial.train_epoch() == [None]
    assert trial.progress[0].epochs == []
    assert trial.progress[0].best_epoch == 0


def test_seconds_and_epochs_count_up(few_digits):
    trial = Trial([config_of(epochs=3)], few_digits)
    rows = [row for [row] in train(trial)]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert trial.finished


def test_without_a_test_split_there_is_no_test_metric(few_digits):
    dataset = dataclasses.replace(few_digits, test_inputs=None, test_labels=None)
    trial = Trial([config_of(epochs=1)], dataset)
    [[row]] = train(trial)
    assert not any(name.startswith("test_") for name in row)


# --- what is refused


def test_own_fields_are_fields_of_a_trial():
    assert set(trial_fields()) >= own_fields()


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "mlp1"), ("batch_size", 16), ("optimizer", "adadelta"), ("epochs", 9)],
)
def test_replicates_that_cannot_share_a_stack_are_refused(field, value, few_digits):
    with pytest.raises(ValueError, match=f"must not differ in {field}"):
        Trial([config_of(), config_of(**{field: value})], few_digits)


def test_an_image_too_small_for_the_network_is_the_users_mistake(few_digits):
    tiny = dataclasses.replace(
        few_digits,
        train_inputs=np.ascontiguousarray(few_digits.train_inputs[:, :, :3]),
        test_inputs=np.ascontiguousarray(few_digits.test_inputs[:, :, :3]),
    )
    with pytest.raises(ConfigError, match="conv9_small needs images of at least 4 x 4 pixels"):
        Trial([config_of(model="conv9_small")], tiny)


def test_an_order_by_cleanness_without_a_truth_is_the_users_mistake(few_digits):
    dataset = dataclasses.replace(few_digits, true_labels=None)
    with pytest.raises(ConfigError, match="'clean_last' needs true labels, and digits has none"):
        Trial([config_of(noise="given", example_order="clean_last")], dataset)
