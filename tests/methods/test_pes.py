"""PES(semi) (arXiv:2106.15853): its loss row by row, and how layers are stopped one by one."""

import dataclasses

import numpy as np
import torch

from tests.methods.derivations import (
    batch_of,
    facts_of,
    method_of,
    numeric_gradient,
    slow_cross_entropy,
    softmax,
)
from tests.support.trials import train
from tune_noise.config.trial import TrialConfig
from tune_noise.training import Trial

EXAMPLES, CLASSES, VIEWS = 14, 4, 2


def prepared(epoch=9):
    """A method that has looked at 14 examples, and both views of them as one mixed batch."""
    random = np.random.default_rng(1)
    labels = random.integers(CLASSES - 1, size=(1, EXAMPLES))  # of the last class there is none
    shape = (1, 1, VIEWS * EXAMPLES, CLASSES)
    batch = batch_of(random.normal(size=shape), np.tile(labels, VIEWS), epoch=epoch)
    batch = dataclasses.replace(
        batch,
        num_views=VIEWS,
        indices=torch.arange(EXAMPLES).repeat(1, VIEWS),
        guesses=torch.tensor(random.normal(size=shape) * 2),
    )
    facts = facts_of(batch, num_examples=EXAMPLES, noisy_labels=batch.noisy_labels[:, :EXAMPLES])
    fields = {"warm_up_epochs": 3, "last_layer_epochs": 2, "unlabelled_weight": 8.0}
    method = method_of("pes", batch, facts=facts, **fields)
    look = random.normal(size=(1, 1, EXAMPLES, CLASSES)) + 1.5 * np.eye(CLASSES)[labels][:, None]
    method.start_epoch(epoch, lambda: torch.tensor(look))
    mixing = method.mixing(epoch, 5, VIEWS * EXAMPLES)
    return method, dataclasses.replace(batch, mixing=mixing), look[0, 0]


def slow_loss(logits, batch, look):
    labels = batch.noisy_labels[0, :EXAMPLES].numpy()
    confident = look.argmax(axis=1) == labels
    sizes = np.bincount(labels[confident], minlength=CLASSES)
    weights = np.array([min(3.0, sizes[sizes > 0].mean() / n) if n else 0.0 for n in sizes])
    guesses = softmax(batch.guesses[0, 0].numpy()).reshape(VIEWS, EXAMPLES, CLASSES).mean(axis=0)
    sharp = guesses**2 / (guesses**2).sum(axis=1, keepdims=True)
    targets = np.where(confident[:, None], np.eye(CLASSES)[labels], sharp)
    share, partners = float(batch.mixing.shares[0]), batch.mixing.partners[0].numpy()
    labelled, unlabelled, probabilities = [], [], softmax(logits)
    for row in range(VIEWS * EXAMPLES):
        i, other = row % EXAMPLES, partners[row] % EXAMPLES
        target = share * targets[i] + (1 - share) * targets[other]
        if confident[i]:
            labelled.append(-(weights * target * np.log(probabilities[row])).sum())
        else:
            unlabelled.append(((probabilities[row] - target) ** 2).mean())
    return np.mean(labelled) + 8.0 * (9.5 - 5) / 16 * np.mean(unlabelled), confident


def test_the_loss_and_its_gradient_are_those_of_the_paper():
    method, batch, look = prepared()
    outcome = method(batch)
    outcome.losses.sum().backward()
    logits = batch.logits[0, 0].detach().numpy()
    expected, confident = slow_loss(logits, batch, look)
    assert 0 < confident.sum() < EXAMPLES
    np.testing.assert_allclose(outcome.losses.item(), expected, rtol=1e-6)
    np.testing.assert_array_equal(outcome.kept[0, 0], np.tile(confident, VIEWS))
    slopes = numeric_gradient(lambda x: slow_loss(x, batch, look)[0], logits)
    np.testing.assert_allclose(batch.logits.grad[0, 0], slopes, atol=1e-6)


def test_until_the_last_layer_is_trained_labels_are_learnt_as_they_are():
    method, batch, _ = prepared(epoch=4)
    assert (batch.mixing.shares == 1.0).all()
    outcome = method(dataclasses.replace(batch, guesses=None))
    losses, _ = slow_cross_entropy(
        batch.logits[0, 0].detach().numpy(), batch.noisy_labels[0].numpy()
    )
    np.testing.assert_allclose(outcome.losses.item(), losses.mean())
    assert outcome.kept.all()


def test_the_last_layer_begins_anew_and_is_trained_alone(few_digits):
    fields = {"method": "pes", "model": "mlp1", "batch_size": 64, "epochs": 5}
    configs = [
        TrialConfig(warm_up_epochs=epochs, last_layer_epochs=1, seed=seed, **fields)
        for seed, epochs in ((0, 1), (1, 3))
    ]
    trial = Trial(configs, few_digits)
    before = {}
    for epoch in range(3):
        before[epoch] = {n: p.detach().clone() for n, p in trial.network.named_parameters()}
        train(trial, 1)
    first, second = (before[1], before[2])
    last = [name for name in first if name.startswith(list(first)[-1].rpartition(".")[0])]
    for name, value in first.items():
        is_fixed = torch.equal(value[0], second[name][0])
        assert is_fixed == (name not in last), name
        assert not torch.equal(value[1], second[name][1]), "it is still in its warm-up"
    # What it had learnt of the classes is gone: the layer lies nearer to a fresh one.
    fresh = Trial([configs[0].model_copy(update={"seed": 9})], few_digits).network
    assert second[last[0]][0].std() < first[last[0]][0].std() * 1.5
    assert fresh.state_dict()[last[0]].shape[1:] == second[last[0]].shape[1:]
