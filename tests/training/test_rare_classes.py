"""Adjusted logits and weights of classes, against what their papers say."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.methods.derivations import slow_cross_entropy, softmax
from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.methods.losses import cross_entropy
from tune_noise.training.rare_classes import RareClasses


def configs(**fields):
    return [TrialConfig(**fields, seed=seed) for seed in (0, 1)]


def rows(seed, classes=4, number=200):
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.choice(classes, size=(2, number), p=[0.6, 0.3, 0.08, 0.02]))


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_loss_is_the_papers_and_predictions_stay(strength):
    labels = rows(1)
    made = RareClasses(configs(logit_adjustment=strength), labels, 4)
    logits = torch.randn(2, 1, 200, 4, dtype=torch.float64, requires_grad=True)
    losses = cross_entropy(made(logits, labels), labels)
    for r in range(2):
        y = labels[r].numpy()
        shares = np.bincount(y, minlength=4) / 200
        adjusted = logits[r, 0].detach().numpy() + strength * np.log(shares)
        expected, _ = slow_cross_entropy(adjusted, y)
        np.testing.assert_allclose(losses[r, 0].detach().numpy(), expected)


def test_balanced_weights_are_those_of_a_weighted_mean():
    labels = rows(2)
    made = RareClasses(configs(class_weights="balanced"), labels, 4)
    logits = torch.randn(2, 1, 200, 4, dtype=torch.float64, requires_grad=True)
    changed = made(logits, labels)
    assert torch.equal(changed, logits)
    cross_entropy(changed, labels).mean(dim=2).sum().backward()
    for r in range(2):
        y = labels[r].numpy()
        weights = 200 / (4 * np.bincount(y, minlength=4))[y]
        assert weights.mean() == pytest.approx(1.0)
        gradient = softmax(logits[r, 0].detach().numpy())
        gradient[np.arange(200), y] -= 1.0
        expected = gradient * weights[:, None] / 200
        np.testing.assert_allclose(logits.grad[r, 0].numpy(), expected, atol=1e-12)


def test_a_class_without_labels_is_no_trouble():
    labels = torch.zeros(2, 10, dtype=torch.int64)
    made = RareClasses(configs(logit_adjustment=1.0, class_weights="balanced"), labels, 3)
    assert torch.isfinite(made(torch.zeros(2, 1, 10, 3), labels)).all()


@pytest.mark.parametrize("field", ["logit_adjustment", "class_weights"])
def test_it_is_refused_where_it_means_nothing(field):
    value = {"logit_adjustment": 1.0, "class_weights": "balanced"}[field]
    with pytest.raises(ValidationError, match="method"):
        TrialConfig(method="gce", **{field: value})
    with pytest.raises(ValidationError, match="class_balance"):
        TrialConfig(class_balance="equal", **{field: value})


def test_a_rare_class_is_predicted_more_often(few_digits):
    from dataclasses import replace

    labels = few_digits.train_labels
    rare = (labels != 3) | (np.arange(len(labels)) % 6 == 0)
    data = replace(
        few_digits,
        train_inputs=few_digits.train_inputs[rare],
        train_labels=labels[rare],
        true_labels=few_digits.true_labels[rare],
    )
    shares = []
    for fields in ({}, {"logit_adjustment": 1.0}, {"class_weights": "balanced"}):
        config = TrialConfig(model="mlp1", epochs=2, batch_size=32, noise_rate=0.0, **fields)
        logits = trained([config], data).test_logits()[0, 0]
        shares.append((logits.argmax(dim=1) == 3).double().mean().item())
    plain, adjusted, weighted = shares
    assert adjusted > plain < weighted
