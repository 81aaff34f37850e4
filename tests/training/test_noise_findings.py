"""What a trained replicate tells of the noise: counted right, its training left undisturbed."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.evaluation import predict_logits, validation_metrics
from tune_noise.noise import Confusion, LabelCounts
from tune_noise.training import Trial, with_material
from tune_noise.training import noise_findings as findings_module
from tune_noise.training.known_noise import noisy_labels
from tune_noise.training.labelled_data import example_split
from tune_noise.training.noise_findings import GROUPS, noise_findings


def config_of(**fields):
    shown = {"model": "perceptron", "lr": 0.01, "epochs": 4, "noise": "pair_flip"}
    return TrialConfig(**shown | {"noise_rate": 0.3} | fields)


@pytest.mark.parametrize("fields", [{}, {"method": "co_teaching"}, {"last_epochs": 2}], ids=str)
def test_it_counts_the_labels_of_the_confident_half_at_the_selected_epoch(fields, few_digits):
    configs = [config_of(seed=s, noise_seed=s, **fields) for s in (0, 1)]
    trial = trained(configs, few_digits)
    for r in (0, 1):
        found = noise_findings(trial, r, few_digits)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        alone = Trial([configs[r]], few_digits)
        alone.network.load_state_dict(trial.replicate_weights(r))
        logits = predict_logits(alone.network, alone.data.val_inputs)
        labels = alone.data.val_noisy_labels[0].numpy()
        # By hand: within each predicted class the images in order of confidence, the first half.
        counts, images = np.zeros((10, 10)), np.zeros(10)
        for probabilities in logits.double().softmax(dim=2).numpy():
            predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
            for k in range(10):
                members = np.flatnonzero(predicted == k)
                half = members[np.argsort(-confidence[members])][: (len(members) + 1) // 2]
                images[k] += len(half)
                for n in half:
                    counts[k, labels[n, 0]] += 1
        seen = LabelCounts.from_plain(found["seen"])
        np.testing.assert_array_equal(seen.labels, counts)
        np.testing.assert_array_equal(seen.images, images)
        assert found["networks"] == alone.networks
        if not fields:
            # The noise rate that the epoch reported is that of this matrix.
            rate = validation_metrics(logits, alone.data.val_noisy_labels[0])
            shares = np.bincount(logits[0].argmax(dim=1).numpy(), minlength=10) / len(labels)
            right = np.nan_to_num(np.diag(seen.matrix), nan=1.0)
            assert rate["val_noise_rate_estimate"] == pytest.approx(1 - shares @ right)


@pytest.mark.parametrize("fields", [{}, {"method": "co_teaching"}, {"val_folds": 3}], ids=str)
def test_the_confusions_are_those_of_the_metrics_of_the_selected_epoch(fields, few_digits):
    trial = trained([config_of(seed=s, noise_seed=s, **fields) for s in (0, 1)], few_digits)
    for r in (0, 1):
        found = noise_findings(trial, r, few_digits)["confusion"]
        best = trial.progress[r].epochs[trial.progress[r].best_epoch - 1]
        for kind, metric in (
            ("noisy", "val_balanced_accuracy_noisy"),
            ("true", "test_balanced_accuracy_clean"),
        ):
            confusion = Confusion.from_plain(found[kind])
            recall = confusion.right / np.maximum(confusion.images, 1)
            assert recall[confusion.images > 0].mean() == pytest.approx(best[metric])


def test_of_thousands_of_classes_only_the_confusions_are_told(few_digits, monkeypatch):
    monkeypatch.setattr(findings_module, "MAX_CLASSES", 9)
    found = noise_findings(trained([config_of(epochs=1)], few_digits), 0, few_digits)
    assert set(found) == {"networks", "confusion"}


def test_training_goes_on_as_if_nothing_had_been_asked(few_digits):
    asked, left_alone = (Trial([config_of()], few_digits) for _ in range(2))
    for _ in range(4):
        rows = [trial.train_epoch()[0] for trial in (asked, left_alone)]
        noise_findings(asked, 0, few_digits)
        assert {k: v for k, v in rows[0].items() if k != "seconds"} == {
            k: v for k, v in rows[1].items() if k != "seconds"
        }
    for name, value in left_alone.network.state_dict().items():
        assert torch.equal(asked.network.state_dict()[name], value)


def test_the_true_counts_are_those_of_the_training_labels(few_digits):
    config = config_of(epochs=1, noise="dilution", noise_rate=None, alpha=2)
    found = noise_findings(trained([config], few_digits), 0, few_digits)
    train, _ = example_split(few_digits, config)
    noisy, clean = noisy_labels(few_digits, config)[train], few_digits.train_labels[train]
    expected = np.zeros((10, 10))
    for own, labels in zip(clean, noisy, strict=True):
        np.add.at(expected[own], labels, 1)
    true = LabelCounts.from_plain(found["true"])
    np.testing.assert_array_equal(true.labels, expected)
    assert true.copies == 3
    # An image lends all its labels.
    seen = LabelCounts.from_plain(found["seen"])
    np.testing.assert_allclose(seen.labels.sum(axis=1), 3 * seen.images)


def test_where_the_truth_is_no_class_or_unknown_there_are_no_true_counts(few_digits):
    foreign = config_of(epochs=1, noise="foreign", noise_rate=None, alpha=1)
    dataset = with_material(few_digits, [foreign])
    assert noise_findings(trained([foreign], dataset), 0, dataset)["true"] is None
    given = config_of(epochs=1, noise="given", noise_rate=None)
    unknown = replace(few_digits, true_labels=None)
    assert noise_findings(trained([given], unknown), 0, unknown)["true"] is None


def test_of_labels_that_each_seed_draws_afresh_no_groups_are_kept(few_digits):
    fresh = [config_of(epochs=1, seed=seed, noise_seed=seed) for seed in (1, 2)]
    assert "objective_without" not in noise_findings(trained(fresh, few_digits), 0, few_digits)
    fixed = [config_of(epochs=1, seed=seed, noise_seed=1) for seed in (1, 2)]
    assert "objective_without" in noise_findings(trained(fixed, few_digits), 0, few_digits)


@pytest.mark.parametrize(
    "objective", ["val_balanced_information_noisy", "val_balanced_accuracy_noisy"]
)
def test_a_rare_class_may_lose_its_only_label_with_a_group(objective):
    """The classes that are left have the weight, and the label counts as what it decides."""
    labels = np.repeat([0, 1, 2], [30, 30, 1])
    data = SimpleNamespace(
        val_noisy_labels=[torch.from_numpy(labels[:, None])],
        inverses=[None],
        val_answers=None,
        val_true_labels=None,
    )
    predicted = [np.where(np.arange(61) % 5, labels, (labels + 1) % 2) for _ in range(2)]
    predicted[0][-1], predicted[1][-1] = 2, 0
    right, wrong = (
        np.array(
            findings_module.objective_without_groups(
                config_of(objective=objective),
                data,
                0,
                torch.eye(3)[torch.from_numpy(row)][None] * 5.0,
            )
        )
        for row in predicted
    )
    assert np.isfinite([right, wrong]).all()
    # They differ in this label alone: without it not at all, else by about the same.
    assert np.sum(np.isclose(right, wrong)) == 1
    difference = right - wrong
    error = np.sqrt((GROUPS - 1) / GROUPS * ((difference - difference.mean()) ** 2).sum())
    assert error == pytest.approx(difference.max(), rel=0.15)


def test_the_objective_without_groups_of_labels_has_the_error_of_the_labels(few_digits):
    """Its jackknife agrees with the standard error that the objective itself reports."""
    trial = trained([config_of(val_folds=3)], few_digits)
    values = np.array(noise_findings(trial, 0, few_digits)["objective_without"])
    error = np.sqrt((GROUPS - 1) / GROUPS * ((values - values.mean()) ** 2).sum())
    best = trial.progress[0].epochs[trial.progress[0].best_epoch - 1]
    assert values.mean() == pytest.approx(best["val_information_noisy"], abs=0.02)
    assert error == pytest.approx(best["val_information_noisy_se"], rel=0.5)
