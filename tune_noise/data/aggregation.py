"""One label of several annotators' answers: by majority, by Dawid and Skene, or one vote drawn.

Answers are int64 [N, W], items by annotators: a class in [0, K), or -1 where there is no answer.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tune_noise.errors import DataError

if TYPE_CHECKING:
    from tune_noise.data.dataset import Dataset

NO_ANSWER = -1
# The optional extra that installs crowd-kit.
EXTRA = "crowd"


def long_form(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return item, annotator and label of each answer, int64 [A] each, item by item."""
    items, annotators = np.nonzero(answers != NO_ANSWER)
    return items, annotators, answers[items, annotators]


def agreement(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each annotator agrees with another one, and of how many chances.

    A chance is another annotator's answer to an item that this annotator has answered.

    Returns:
        int64 [W] each.
    """
    items, annotators, labels = long_form(answers)
    _, pair_of, votes = np.unique(
        np.stack([items, labels]), axis=1, return_inverse=True, return_counts=True
    )
    agree, chances = votes[pair_of] - 1, np.bincount(items)[items] - 1
    number = answers.shape[1]
    agreed, asked = (np.bincount(annotators, weights, number) for weights in (agree, chances))
    return agreed.astype(np.int64), asked.astype(np.int64)


def majority(answers: np.ndarray) -> np.ndarray:
    """Return the label that most annotators gave to each item, int64 [N]; -1 without an answer.

    Of labels with equally many votes the one whose annotators agree more often with others is
    taken, and if they do so equally often, the first class. Neither depends on the order of items.

    Example:
        >>> majority(np.array([[1, 1, 0], [1, 1, -1], [1, -1, 0], [-1, -1, -1]])).tolist()
        [1, 1, 1, -1]
    """
    items, annotators, labels = long_form(answers)
    agreed, asked = agreement(answers)
    # One answer for and one against, so that a single agreement is no certainty.
    trust = (agreed + 1) / (asked + 2)
    pairs, pair_of, votes = np.unique(
        np.stack([items, labels]), axis=1, return_inverse=True, return_counts=True
    )
    support = np.bincount(pair_of, weights=trust[annotators])
    best_first = np.lexsort((pairs[1], -support, -votes, pairs[0]))
    answered, first = np.unique(pairs[0][best_first], return_index=True)
    chosen = np.full(len(answers), NO_ANSWER)
    chosen[answered] = pairs[1][best_first][first]
    return chosen


def drawn_votes(answers: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return one answer for each item, all equally likely, int64 [N]; -1 without an answer."""
    items, _, labels = long_form(answers)
    order = generator.permutation(len(items))
    answered, first = np.unique(items[order], return_index=True)
    chosen = np.full(len(answers), NO_ANSWER)
    chosen[answered] = labels[order][first]
    return chosen


def dawid_skene(dataset: "Dataset", *, data_dir: Path | None = None) -> np.ndarray:
    """Return the likeliest label of each item by Dawid and Skene's model of annotators, int64 [N].

    It weighs an answer by a confusion matrix of its annotator; both are fitted to all answers.

    Raises:
        DataError: crowd-kit is not installed.

    Reference:
        Dawid and Skene 1979, doi:10.2307/2346806.
    """
    assert dataset.answers is not None
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        raise DataError(
            f"dawid_skene needs the library crowd-kit: pip install 'tune-noise[{EXTRA}]'"
        ) from None
    items, annotators, labels = long_form(dataset.answers)
    table = pd.DataFrame({"task": items, "worker": annotators, "label": labels})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crowd-kit's, about pandas
        posterior = DawidSkene(n_iter=100).fit_predict_proba(table).sort_index().sort_index(axis=1)
    # Rounded, so that the first class wins a tie wherever it is computed.
    best = posterior.to_numpy().round(9).argmax(axis=1)
    chosen = np.full(len(dataset.answers), NO_ANSWER)
    chosen[posterior.index.to_numpy()] = posterior.columns.to_numpy()[best]
    return chosen
