"""The crowd layer and the union net against slow arithmetic, and in trials."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.methods.derivations import facts_of, method_of, numeric_gradient, random_batch, softmax
from tests.support.trials import trained
from tune_noise.config.trial import TrialConfig
from tune_noise.data.aggregation import majority
from tune_noise.errors import ConfigError
from tune_noise.methods.protocol import HasParameters
from tune_noise.testing import _with_answers
from tune_noise.training import Trial
from tune_noise.training.update_rules import Adam

K, W, SIZE = 5, 3, 6


def crowd_layer(probabilities, differences):
    """softmax(p W_w) of each annotator, [n, W, K]."""
    return np.stack([softmax(probabilities @ (np.eye(K) + d)) for d in differences], axis=1)


def union_net(probabilities, differences):
    """p T, with T = softmax over the answers of all annotators, [n, W, K]."""
    first = np.where(np.eye(K) == 1, 1 - 1e-5, 1e-5 / (K - 1))
    side_by_side = np.concatenate([first + d for d in differences], axis=1)
    return (probabilities @ softmax(side_by_side)).reshape(-1, W, K)


def slow_loss(model, logits, differences, answers):
    """Minus the log-likelihood of the answers to an example, mean over the examples."""
    chances = model(softmax(logits), differences)
    said = [
        np.log(chances[i, w, answer])
        for i, row in enumerate(answers)
        for w, answer in enumerate(row)
        if answer >= 0
    ]
    return -sum(said) / len(answers)


@pytest.mark.parametrize("name", ["crowd_layer", "union_net"])
def test_the_loss_is_the_likelihood_of_all_answers(name):
    batch, random = random_batch(2, SIZE, 0, networks=1), np.random.default_rng(1)
    answers = random.integers(-1, K, size=(2, SIZE, W))
    method = method_of(name, batch, facts=facts_of(batch, answers=torch.from_numpy(answers)))
    assert isinstance(method, HasParameters)
    [matrices] = method.parameters()
    differences = random.normal(size=(2, W, K, K)).astype(np.float32)
    method.load_state({"differences": torch.from_numpy(differences)})
    outcome = method(batch)
    outcome.losses.sum().backward()
    assert outcome.kept.all()
    model = {"crowd_layer": crowd_layer, "union_net": union_net}[name]
    for r in range(2):
        logits, own = batch.logits[r, 0].detach().numpy(), differences[r].astype(np.float64)

        def of_logits(z, d=own, a=answers[r]):
            return slow_loss(model, z, d, a)

        def of_matrices(flat, z=logits, a=answers[r]):
            return slow_loss(model, z, flat.reshape(W, K, K), a)

        np.testing.assert_allclose(outcome.losses[r, 0].item(), of_logits(logits), rtol=1e-6)
        np.testing.assert_allclose(
            batch.logits.grad[r, 0], numeric_gradient(of_logits, logits), atol=1e-6
        )
        slope = numeric_gradient(of_matrices, own.reshape(W * K, K)).reshape(W, K, K)
        np.testing.assert_allclose(matrices.grad[r], slope, atol=1e-5)


def config_of(method, **fields):
    given = {"noise": "given", "model": "mlp1", "epochs": 20, "batch_size": 32, "lr": 0.003}
    return TrialConfig(method=method, **given | fields)


@pytest.fixture(scope="module")
def renamed(digits):
    """Three annotators who err on a fifth, and two who do, too, and name the next class."""
    random, number = np.random.default_rng(0), len(digits.true_labels)
    answers = np.repeat(digits.true_labels[:, None], 5, axis=1)
    answers[:, 3:] = (answers[:, 3:] + 1) % 10
    wrong = random.random((number, 5)) < 0.2
    answers = np.where(wrong, random.integers(10, size=wrong.shape), answers)
    skipped = random.random((number, 5)) < 0.5
    skipped[skipped.all(axis=1), 0] = False
    answers[skipped] = -1
    names = tuple("abcde")
    return replace(digits, train_labels=majority(answers), answers=answers, annotators=names)


@pytest.mark.parametrize("method", ["crowd_layer", "union_net"])
def test_what_annotators_mean_by_a_class_is_learnt(method, renamed):
    trial = trained([config_of(method)], renamed)
    assert trial.progress[0].epochs[-1]["test_accuracy_clean"] > 0.85
    learnt = trial.state()[0]["method.differences"][0] + torch.eye(10)
    for annotator, shift in enumerate((0, 0, 0, 1, 1)):
        meant = (torch.arange(10) + shift) % 10
        assert (learnt[annotator].argmax(dim=1) == meant).double().mean() > 0.7


def test_the_optimizer_moves_the_matrices_too(digits):
    trial = Trial(
        [config_of("crowd_layer"), config_of("crowd_layer", seed=1)], _with_answers(digits)
    )
    assert isinstance(trial.optimizer._rule, Adam)
    names = [name for name in trial.optimizer.state_tensors() if name.endswith("exp_avg")]
    assert len(names) == 5  # weights and biases of two layers, and the matrices


@pytest.mark.parametrize("method", ["crowd_layer", "union_net"])
def test_data_with_one_label_each_are_refused(method, few_digits):
    with pytest.raises(
        ConfigError, match=f"{method} learns from the answers of several annotators"
    ):
        Trial([config_of(method)], few_digits)
