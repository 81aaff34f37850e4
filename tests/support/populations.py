"""Populations of labels that nobody has trained on: the truth is made up, and networks that err."""

import numpy as np

from tune_noise.audit.population import Population
from tune_noise.training.judgements import Judgements


def made_up(number: int, *, classes: int = 4, seed: int = 0) -> tuple[Population, np.ndarray]:
    """Return a population whose networks know how sure they may be, and the true class by row.

    The truth is drawn from the probabilities themselves, so these are calibrated.
    """
    random = np.random.default_rng(seed)
    chances = random.dirichlet(np.full(classes, 0.3), size=number)
    truth = (random.random((number, 1)) < np.cumsum(chances, axis=1)).argmax(axis=1)
    flips = random.random(number) < 0.25
    given = np.where(flips, random.integers(0, classes, number), truth)
    # What the networks make of it once they have seen the label: it is right three times in four.
    seen = np.full((classes, classes), 0.25 / classes) + 0.75 * np.eye(classes)
    posterior = chances * seen.T[given]
    posterior /= posterior.sum(axis=1, keepdims=True)
    suspicion = 1.0 - posterior[np.arange(number), given]
    order = np.argsort(-suspicion, kind="stable")
    ranked = np.argsort(-posterior, axis=1)
    judgements = Judgements(
        examples=random.permutation(number)[order],
        copies=np.zeros(number, dtype=np.int64),
        given=given[order],
        predicted=chances.argmax(axis=1)[order],
        suspicion=suspicion[order],
        classes=ranked[order],
        chances=np.take_along_axis(posterior, ranked, axis=1)[order].astype(np.float32),
    )
    return Population("demo", "demo/7", classes, judgements), truth[order]
