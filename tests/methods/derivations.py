"""What the tests of methods share: batches, methods made for them, and slow float64 arithmetic."""

import numpy as np
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.methods.protocol import Batch, TrainingFacts
from tune_noise.training.method import make_method

CPU = torch.device("cpu")


def softmax(logits):
    """Probabilities along the last axis, float64."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def slow_cross_entropy(logits, labels):
    """Losses and d loss / d logits of each example, float64 [n] and [n, K]."""
    probabilities = softmax(logits)
    rows = np.arange(len(labels))
    gradient = probabilities.copy()
    gradient[rows, labels] -= 1.0
    return -np.log(probabilities[rows, labels]), gradient


def batch_of(logits, labels, *, epoch=10, mixing=None):
    """A batch of float64 logits [R, P, n, K] that ask for a gradient."""
    logits = torch.tensor(np.asarray(logits), dtype=torch.float64, requires_grad=True)
    labels = torch.tensor(np.asarray(labels))
    indices = torch.arange(labels.shape[1]).repeat(len(labels), 1)
    return Batch(logits, labels, indices, epoch, mixing)


def random_batch(replicates, batch_size, seed, *, networks=2, num_classes=5, epoch=10, scale=2.0):
    """A batch whose examples are told apart by their losses."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(replicates, networks, batch_size, num_classes)) * scale
    labels = random.integers(num_classes, size=(replicates, batch_size))
    return batch_of(logits, labels, epoch=epoch)


def facts_of(batch, **fields):
    """A training set that is this one batch."""
    given = {
        "num_examples": batch.noisy_labels.shape[1],
        "num_classes": batch.logits.shape[3],
        "num_networks": batch.logits.shape[1],
        "seeds": [0] * len(batch.logits),
        "device": CPU,
        "noisy_labels": batch.noisy_labels,
    }
    return TrainingFacts(**given | fields)


def method_of(name, batch, *, facts=None, **fields):
    """A method for the replicates of a batch; a list of values means one for each of them."""
    count = len(batch.logits)
    rows = [
        {field: value[r] if isinstance(value, list) else value for field, value in fields.items()}
        for r in range(count)
    ]
    configs = [TrialConfig(method=name, **row) for row in rows]
    seeds = [config.seed for config in configs]
    return make_method(configs, facts or facts_of(batch, seeds=seeds))


def numeric_gradient(function, logits, *, step=1e-6):
    """d function / d logits by central differences, for a function of float64 logits [n, K]."""
    gradient = np.empty_like(logits)
    for place in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient
