"""UNICON's division (arXiv:2203.14542), example by example; its losses are those of DivideMix."""

import numpy as np
import pytest
import torch

from tests.methods.derivations import facts_of, method_of, random_batch, softmax
from tune_noise.methods.divide_mix import CoGuessing
from tune_noise.methods.unicon import uniform_part

EXAMPLES, CLASSES = 60, 3


def slow_divergence(probabilities, label):
    """Half of each Kullback-Leibler divergence from the middle, in bits."""
    target = np.eye(CLASSES)[label]
    middle = (probabilities + target) / 2

    def bits(p):
        return sum(a * np.log2(a / b) for a, b in zip(p, middle, strict=True) if a > 0)

    return bits(probabilities) / 2 + bits(target) / 2


def slow_part(distances, labels):
    limit = np.mean(distances)
    if limit > 0.7:
        limit -= (limit - min(distances)) / 5
    number = int(sum(d < limit for d in distances)) // CLASSES
    chosen = set()
    for label in range(CLASSES):
        of_label = [i for i in range(len(labels)) if labels[i] == label]
        chosen |= set(sorted(of_label, key=lambda i: distances[i])[:number])
    return np.array([i in chosen for i in range(len(labels))])


def test_both_networks_learn_from_one_division_by_their_mean_prediction():
    batch = random_batch(2, EXAMPLES, 4, num_classes=CLASSES, scale=2.0, epoch=6)
    method = method_of("unicon", batch, facts=facts_of(batch), warm_up_epochs=[5, 7])
    assert isinstance(method, CoGuessing)
    method.start_epoch(6, lambda: batch.logits.detach())
    weights, clean = method._division.of_batch(batch)
    assert (weights[1] == 1.0).all(), "it is in its warm-up"
    assert clean[1].all()
    labels = batch.noisy_labels[0].numpy()
    mean = softmax(batch.logits[0].detach().numpy()).mean(axis=0)
    distances = [slow_divergence(p, label) for p, label in zip(mean, labels, strict=True)]
    expected = [1 - d if d >= 0.5 else 1.0 for d in distances]
    for p in (0, 1):
        np.testing.assert_allclose(weights[0, p], expected, atol=1e-6)
        np.testing.assert_array_equal(clean[0, p], slow_part(distances, labels))


@pytest.mark.parametrize("high", [False, True])
def test_of_each_label_as_many_are_clean_and_fewer_where_the_divergence_is_high(high):
    random = np.random.default_rng(2)
    distances = random.uniform(0.6 if high else 0.0, 1.0, size=EXAMPLES)
    labels = random.choice(CLASSES, size=EXAMPLES, p=[0.2, 0.3, 0.5])
    part = uniform_part(torch.tensor(distances), torch.tensor(labels), CLASSES).numpy()
    np.testing.assert_array_equal(part, slow_part(distances, labels))
    assert (np.bincount(labels[part], minlength=CLASSES) == part.sum() // CLASSES).all()


def test_the_networks_own_views_are_strong_and_both_alike():
    batch = random_batch(2, 4, 0)
    method = method_of("unicon", batch, view_strength=[0.3, 0.6])
    assert method.view_strengths == [[0.3, 0.6], [0.3, 0.6]]
