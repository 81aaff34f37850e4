"""Data sets with noisy labels, given or made up, and a draw of examples from them."""

from dataclasses import replace

import numpy as np

from benchmarks.criteria.population import Problem
from tune_noise.config.loader import build_source
from tune_noise.data.own_data import load_own
from tune_noise.noise.corruption import flip, instance_dependent
from tune_noise.noise.structured import random_order, structured_matrix
from tune_noise.noise.transition import pair_flip, symmetric
from tune_noise.seeding import generator

GIVEN = "given"
# The given labels without what they owe to the example.
SHUFFLED = "shuffled"
MADE_UP = (
    *("symmetric 0.3", "symmetric 0.5", "pair 0.45", "structured 0.6"),
    *("instance 0.4", "look-alike 0.2", "look-alike 0.4"),
)
# Of the views of made-up annotators.
VIEW_DIMENSIONS = 8
MAX_TEST = 1000


def read(path: str) -> Problem:
    """Read a data set as `tune-noise search --data` does; `digits` is that of scikit-learn."""
    if path == "digits":
        return _digits()
    data = load_own(build_source({"data": path}, source=path), val_fraction=0.2)
    if data.true_labels is None or data.test_inputs is None or data.test_labels is None:
        raise SystemExit(f"error: {path}: true labels and a test split are needed")
    inputs, test_inputs = (
        array.reshape(len(array), -1).astype(np.float32, copy=False)
        for array in (data.train_inputs, data.test_inputs)
    )
    return Problem(
        name=path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".npz"),
        inputs=inputs,
        labels=data.train_labels,
        truth=data.true_labels,
        test_inputs=test_inputs,
        test_labels=data.test_labels,
        num_classes=data.num_classes,
    )


def _digits() -> Problem:
    from sklearn.datasets import load_digits

    inputs, labels = load_digits(return_X_y=True)
    order = generator(0, "digits").permutation(len(labels))
    inputs, labels = inputs[order].astype(np.float32), labels[order].astype(np.int64)
    train, test = slice(1200), slice(1200, None)
    return Problem(
        "digits", inputs[train], labels[train], labels[train], inputs[test], labels[test], 10
    )


def draw(problem: Problem, noise: str, *, examples: int, seed: int) -> Problem:
    """Draw examples, in random order and no more than there are, and their noisy labels.

    Args:
        problem: where they come from.
        noise: `given`, or a kind and the share of labels that it makes wrong, or shuffles.
        examples: how many.
        seed: of examples and noise.
    """
    random = generator(seed, "criteria", problem.name, noise)
    rows = random.permutation(len(problem.labels))[:examples]
    drawn = replace(
        problem,
        inputs=problem.inputs[rows],
        labels=problem.labels[rows],
        truth=problem.truth[rows],
        test_inputs=problem.test_inputs[:MAX_TEST],
        test_labels=problem.test_labels[:MAX_TEST],
    )
    if noise == GIVEN:
        return drawn
    kind, rate = noise.split()
    return replace(drawn, labels=_noisy(kind, float(rate), drawn, random))


def _noisy(kind: str, rate: float, problem: Problem, random: np.random.Generator) -> np.ndarray:
    classes, truth = problem.num_classes, problem.truth
    if kind == "symmetric":
        return flip(truth, symmetric(classes, rate), generator=random)[:, 0]
    if kind == "pair":
        return flip(truth, pair_flip(classes, rate), generator=random)[:, 0]
    if kind == "structured":
        alpha = round(rate / (1 - 1 / classes - rate))
        order = random_order(classes, random)
        matrix = structured_matrix(alpha, delta=min(0.2, alpha / classes), order=order)
        return flip(truth, matrix, generator=random)[:, 0]
    if kind == "instance":
        return instance_dependent(
            truth, problem.inputs, num_classes=classes, noise_rate=rate, generator=random
        )[:, 0]
    if kind == "look-alike":
        return _look_alike(rate, problem, random)
    if kind == SHUFFLED:
        return _shuffled(rate, problem, random)
    raise SystemExit(
        f"error: noise {kind}: must be symmetric, pair, structured, instance, look-alike or "
        f"{SHUFFLED}"
    )


def _shuffled(share: float, problem: Problem, random: np.random.Generator) -> np.ndarray:
    """Shuffle this share of the given labels among examples of the same true class.

    So they depend on nothing but the class, with the same matrix.
    """
    labels = problem.labels.copy()
    chosen = random.random(len(labels)) < share
    for c in range(problem.num_classes):
        members = np.flatnonzero(chosen & (problem.truth == c))
        labels[members] = labels[random.permutation(members)]
    return labels


def _look_alike(rate: float, problem: Problem, random: np.random.Generator) -> np.ndarray:
    """Label as annotators who see few dimensions: what looks like another class is called so.

    They choose a class by its closeness to the class means in a random projection. How much the
    truth counts beside that is set such that this share of the labels is wrong.
    """
    inputs, truth = problem.inputs, problem.truth
    standard = (inputs - inputs.mean(axis=0)) / np.maximum(inputs.std(axis=0), 1e-6)
    view = standard @ random.standard_normal((inputs.shape[1], VIEW_DIMENSIONS))
    classes = np.arange(problem.num_classes)
    means = np.stack([view[truth == c].mean(axis=0) for c in classes])
    near = -((view[:, None] - means) ** 2).sum(axis=2)
    near /= near.std()
    is_true = classes == truth[:, None]
    low, high = -20.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        scores = 4.0 * near + middle * is_true
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        low, high = (middle, high) if shares[~is_true].sum() / len(truth) > rate else (low, middle)
    uniform = random.random(len(truth))
    return (uniform[:, None] >= shares.cumsum(axis=1)[:, :-1]).sum(axis=1).astype(np.int64)
