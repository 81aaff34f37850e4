"""CROWDLAB from arXiv:2210.06812, against its formulas and against its authors' library."""

import numpy as np
import pytest

from tests.data.test_aggregation import as_data
from tune_noise.data.aggregation import majority
from tune_noise.data.crowdlab import consensus, crowdlab
from tune_noise.errors import DataError


def crowd(seed, *, number=40, annotators=6, num_classes=4):
    """Answers, their majority, and what a classifier says; the last annotator is on their own."""
    random = np.random.default_rng(seed)
    answers = random.integers(num_classes, size=(number, annotators))
    truth = random.integers(num_classes, size=number)
    answers = np.where(random.random(answers.shape) < 0.6, truth[:, None], answers)
    answers[random.random(answers.shape) < 0.5] = -1
    answers[:, -1] = -1
    answers[0] = [-1] * (annotators - 1) + [2]
    answers[(answers < 0).all(axis=1), 0] = 1
    predicted = random.dirichlet(np.ones(num_classes), size=number)
    predicted[np.arange(number), truth] += 1.0
    return answers, majority(answers), predicted / predicted.sum(axis=1, keepdims=True)


def slow_consensus(answers, labels, predicted):
    """Written from section 3 of the paper, one item and one annotator after another."""
    given = [[(j, int(a)) for j, a in enumerate(row) if a >= 0] for row in answers]
    several = [i for i, row in enumerate(given) if len(row) > 1]
    number_of_classes = predicted.shape[1]
    right = np.mean([np.mean([a == labels[i] for _, a in given[i]]) for i in several])
    counts = [sum(labels[i] == k for i in several) for k in range(number_of_classes)]
    naive = max(1e-6, 1 - max(counts) / len(several))
    trust = {}
    for annotator in range(answers.shape[1]):
        pairs = [
            other == own
            for row in given
            for j, own in row
            if j == annotator
            for k, other in row
            if k != annotator
        ]
        if pairs:
            trust[annotator] = np.mean(pairs)
    average = np.mean(list(trust.values()))
    weights = [max(1e-6, 1 - (1 - trust.get(j, average)) / naive) for j in range(answers.shape[1])]
    wrong = np.mean([predicted[i].argmax() != labels[i] for i in several])
    weight = max(1e-6, 1 - wrong / naive) * np.mean([len(row) for row in given]) ** 0.5
    rows = []
    for i, row in enumerate(given):
        said = [
            [right if k == a else (1 - right) / (number_of_classes - 1) for _, a in row]
            for k in range(number_of_classes)
        ]
        shares = [weight, *(weights[j] for j, _ in row)]
        rows.append(
            [np.average([predicted[i, k], *said[k]], weights=shares) for k in range(len(said))]
        )
    return np.array(rows)


@pytest.mark.parametrize("seed", range(5))
def test_the_consensus_is_the_papers(seed):
    answers, labels, predicted = crowd(seed)
    chances = consensus(answers, labels, predicted)
    np.testing.assert_allclose(chances, slow_consensus(answers, labels, predicted), rtol=1e-9)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_the_consensus_is_that_of_the_authors_library(seed):
    library = pytest.importorskip("cleanlab.multiannotator")
    answers, labels, predicted = crowd(seed)
    given = answers >= 0
    expected, *_ = library._get_post_pred_probs_and_weights(
        np.where(given, answers, np.nan),
        labels,
        predicted,
        given.sum(axis=1),
        (answers == labels[:, None]).sum(axis=1) / given.sum(axis=1),
        verbose=False,
    )
    np.testing.assert_allclose(consensus(answers, labels, predicted), expected, rtol=1e-9)


def test_the_inputs_break_a_tie_of_answers():
    from dataclasses import replace

    random = np.random.default_rng(0)
    truth = np.arange(60) % 3
    answers = np.repeat(truth[:, None], 2, axis=1)
    # On every tenth item one of two annotators, who err equally often, is wrong.
    items = np.arange(0, 60, 10)
    answers[items, np.arange(len(items)) % 2] = (truth[items] + 1) % 3
    inputs = (random.normal(size=(60, 3)) + 5 * np.eye(3)[truth]).astype(np.float32)
    data = replace(as_data(answers), train_inputs=inputs)
    assert (majority(answers) != truth).any()
    assert (crowdlab(data) == truth).all()
    assert crowdlab(data).dtype == np.int64


def test_single_answers_are_refused():
    answers = np.array([[0, -1], [-1, 1], [2, -1], [0, -1], [-1, 1], [-1, -1]])
    with pytest.raises(DataError, match="no example has several answers: use majority"):
        crowdlab(as_data(answers))
