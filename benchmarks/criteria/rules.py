"""Criteria that see noisy labels alone, and how far what each chooses falls short of the best."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from benchmarks.criteria.population import FOLDS, Population
from tune_noise.metrics.balanced import balanced_information
from tune_noise.metrics.information import PSEUDO_COUNT, entropy, information
from tune_noise.metrics.soft_information import soft_information

# A search tries so many configurations; and this many such searches are drawn from a population.
SEARCH_SIZE, SEARCHES = 12, 15
TRUTH = "accuracy on true labels: oracle"


@dataclass(frozen=True)
class Judged:
    """A population as some of its labels see it.

    Attributes:
        probabilities: float64 [C, V, K], out of fold, of the examples that vote.
        labels: int64 [V], noisy.
        truth: int64 [V].
        by_fold: int8 [C, FOLDS, V].
        fold_of: int8 [V].
    """

    probabilities: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    by_fold: np.ndarray
    fold_of: np.ndarray

    @classmethod
    def of(cls, population: Population, voters: np.ndarray) -> "Judged":
        """Return the population as the examples at some positions see it."""
        probabilities = population.probabilities[:, voters].astype(np.float64)
        # Rounded to 16 bits, so that a likelihood may be 0.
        probabilities = np.clip(probabilities, 1e-4, 1.0)
        return cls(
            probabilities / probabilities.sum(axis=2, keepdims=True),
            population.labels[voters],
            population.truth[voters],
            population.by_fold[:, :, voters],
            population.fold_of[voters],
        )

    @cached_property
    def predicted(self) -> np.ndarray:
        """The class of each voter by each configuration, int64 [C, V]."""
        return self.probabilities.argmax(axis=2)

    @cached_property
    def num_classes(self) -> int:
        """K."""
        return int(self.probabilities.shape[2])

    @cached_property
    def log_terms(self) -> np.ndarray:
        """Logs of That by counts alone, [C, V]; their mean and the entropy are information."""
        rows = []
        for predicted in self.predicted:
            table = np.zeros((self.num_classes, self.num_classes))
            np.add.at(table, (predicted, self.labels), 1)
            in_row = table.sum(axis=1)[predicted] - 1 + self.num_classes * PSEUDO_COUNT
            rows.append(np.log((table[predicted, self.labels] - 1 + PSEUDO_COUNT) / in_row))
        return np.array(rows)

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """Each criterion of single configurations, [C]; larger is better."""
        labels, column = self.labels, self.labels[:, None]
        every = np.arange(len(labels))
        share = 1.0 / np.bincount(labels, minlength=self.num_classes)[labels]
        agreement = self.predicted == labels
        nats = np.array([information(p, column, self.num_classes).nats for p in self.predicted])
        return {
            "information": nats,
            "information by counts alone": self.log_terms.mean(axis=1) + entropy(column),
            "noisy accuracy": agreement.mean(axis=1),
            "balanced information": np.array(
                [balanced_information(p, column, self.num_classes).nats for p in self.predicted]
            ),
            "balanced noisy accuracy": agreement @ share,
            "soft information": np.array([soft_information(p, column) for p in self.probabilities]),
            "noisy loss": np.log(self.probabilities[:, every, labels]).mean(axis=1),
            "information and accuracy, added": nats + agreement.mean(axis=1),
            "information x stability": nats * self.stability,
            TRUTH: (self.predicted == self.truth).mean(axis=1),
        }

    @cached_property
    def stability(self) -> np.ndarray:
        """How often a model that learnt an example predicts as one that did not, [C]."""
        learnt = np.arange(FOLDS)[:, None] != self.fold_of
        same = self.by_fold == self.predicted[:, None]
        return np.asarray((same & learnt).sum(axis=(1, 2)) / learnt.sum())

    def agreement_with(self, chosen: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return how often some configurations predict as the most of some others do."""
        votes = np.zeros((len(self.labels), self.num_classes))
        for row in self.predicted[others]:
            votes[np.arange(len(row)), row] += 1
        return np.asarray((self.predicted[chosen] == votes.argmax(axis=1)).mean(axis=1))

    def of_several(self, tried: np.ndarray) -> dict[str, np.ndarray]:
        """Each criterion that compares the configurations that were tried, [len(tried)]."""
        nats = self.scores["information"][tried]
        terms = self.log_terms[tried]
        behind = terms[nats.argmax()] - terms
        error = behind.std(axis=1) / np.sqrt(behind.shape[1])
        tied = behind.mean(axis=1) <= error + 1e-12
        better_half = tried[np.argsort(-nats)[: (len(tried) + 1) // 2]]
        consensus = self.agreement_with(tried, better_half)
        return {
            "consensus of all": self.agreement_with(tried, tried),
            "consensus of the better half": consensus,
            "information, ties by consensus": 10.0 * tied + consensus,
            "information, ties by stability": 10.0 * tied + self.stability[tried],
            "information, ties by agreement of the tied": 10.0 * tied
            + self.agreement_with(tried, tried[tied]),
        }


def shortfalls(
    population: Population, share: float, seed: int
) -> dict[str, tuple[np.ndarray, float]]:
    """Let every criterion choose in searches of a few configurations.

    Args:
        population: what was trained.
        share: of the labels that vote.
        seed: of the voters and the searches.

    Returns:
        For each criterion the points of test accuracy by which the chosen configuration falls short
        of the best that was tried, [SEARCHES], and the rank correlation with test accuracy over the
        population.
    """
    rng = np.random.default_rng(seed)
    number = len(population.labels)
    judged = Judged.of(population, np.sort(rng.permutation(number)[: round(share * number)]))
    accuracy, every = 100 * population.test_accuracy, np.arange(len(population.names))
    whole = judged.scores | judged.of_several(every)
    ranks = {
        name: float(np.corrcoef(rankdata(scores), rankdata(accuracy))[0, 1])
        for name, scores in whole.items()
    }
    points: dict[str, list[float]] = {name: [] for name in whole}
    for _ in range(SEARCHES):
        tried = np.sort(rng.permutation(every)[:SEARCH_SIZE])
        single = {name: scores[tried] for name, scores in judged.scores.items()}
        for name, scores in (single | judged.of_several(tried)).items():
            chosen = tried[scores >= scores.max() - 1e-12]
            points[name].append(accuracy[tried].max() - accuracy[chosen].mean())
    return {name: (np.array(values), ranks[name]) for name, values in points.items()}


def shared_errors(population: Population) -> dict[str, float]:
    """Say why: how often labels have the errors of predictions, and what the truth tells of them.

    Returns:
        `measured`, the share of wrong predictions, out of fold and of all configurations, that are
        the label; `expected` of it if labels depended on the true class alone; and the nats of
        information about the labels that the true classes, the configuration that tests best, and
        the one of most information have.
    """
    judged = Judged.of(population, np.arange(len(population.labels)))
    matrix = np.zeros((judged.num_classes, judged.num_classes))
    np.add.at(matrix, (judged.truth, judged.labels), 1)
    matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    wrong = judged.predicted != judged.truth
    nats = judged.scores["information"]
    return {
        "measured": float((judged.predicted == judged.labels)[wrong].mean()),
        "expected": float(matrix[judged.truth, judged.predicted][wrong].mean()),
        "truth": information(judged.truth, judged.labels[:, None], judged.num_classes).nats,
        "best": float(nats[population.test_accuracy.argmax()]),
        "most": float(nats.max()),
    }
