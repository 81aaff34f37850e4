"""What the checked labels tell of a condition, each figure with a 95 % interval, as plain values.

Noise rate and transition matrix from given against checked labels, accuracy of the finalists from
predicted against checked ones, precision and recall of the suspects.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tune_noise.audit.checked import Checked
from tune_noise.audit.estimator import (
    CONFIDENCE,
    OF_RATIO,
    Estimated,
    Estimator,
    Guess,
    share_estimate,
)
from tune_noise.audit.population import Population
from tune_noise.audit.sample import LEAST_CHANCE, expected_variance

# Of the list of suspects, how many of the first ones are judged.
FIRST_SUSPECTS = (25, 50, 100, 200, 400, 800, 1600)
# Of more classes a matrix has no cell that a few hundred labels tell of.
MAX_CLASSES = 20


class AuditEstimates:
    """The estimates of one sample.

    Args:
        population: what the sample was drawn from.
        strata: int64 [N], of each of its labels.
        checked: what people have said; at least one label.
        confidence: of all intervals.
    """

    def __init__(
        self,
        population: Population,
        strata: np.ndarray,
        checked: Checked,
        *,
        confidence: float = CONFIDENCE,
    ) -> None:
        self._population, self._checked = population, checked
        self._classes, self._confidence = population.num_classes, confidence
        self._estimator = Estimator(strata, checked.rows)

    def noise_rate(self, among: np.ndarray | None = None) -> Estimated | None:
        """Return the share of given labels that are wrong, of all or of a part; None if unknown."""
        wrong = 1.0 - self._checked.right(self._population.given)
        return self._share(wrong, self._wrong_guess(), among)

    def accuracy(self, predicted: np.ndarray) -> Estimated:
        """Return the share of predictions that are right.

        Args:
            predicted: int64 [N], a class for each label of the population.
        """
        chances = self._population.right(predicted)
        guess = Guess(chances, expected_variance(chances))
        accuracy = self._share(self._checked.right(predicted), guess)
        assert accuracy is not None
        return accuracy

    def difference(self, first: np.ndarray, second: np.ndarray) -> Estimated | None:
        """Return the accuracy of the first predictions minus that of the second ones.

        Only where they differ can one be right alone: the share of these labels is known, and of
        them is estimated how much oftener the first is right. None where none was checked.
        """
        differ = first != second
        if not differ.any():
            return Estimated(0.0, 0.0, 0.0, len(self._checked.rows))
        one, other = self._population.right(first), self._population.right(second)
        # From 0, the second is right, to 1, the first is.
        values = (1.0 + self._checked.right(first) - self._checked.right(second)) / 2.0
        sure = np.clip(one + other, LEAST_CHANCE, 1.0)
        variance = np.maximum(sure - (one - other) ** 2, LEAST_CHANCE) / 4.0
        lead = self._share(values, Guess((1.0 + one - other) / 2.0, variance), differ)
        if lead is None:
            return None
        share = float(differ.mean())
        value, low, high = (share * (2 * end - 1) for end in (lead.value, lead.low, lead.high))
        return Estimated(value, low, high, lead.n)

    def scales(self) -> dict[str, float]:
        """Return how often the networks miss beside how often they expect to, by figure."""
        population, checked, scales = self._population, self._checked, {}
        right = population.right(population.predicted)
        for name, values, guess in (
            ("accuracy", checked.right(population.predicted), right),
            ("noise_rate", 1.0 - checked.right(population.given), population.judgements.suspicion),
        ):
            misses = values - guess[checked.rows]
            scales[name] = self._estimator.scale(misses, expected_variance(guess))
        return scales

    def recall_of_class(self, predicted: np.ndarray, label: int) -> Estimated | None:
        """Return the share of a true class that is predicted, or given, as it; None if unknown."""
        return self._ratio_of_class(label, predicted == label)

    def balanced_accuracy(self, predicted: np.ndarray) -> Estimated | None:
        """Return the mean recall of the classes; None where a class was not seen."""
        checked, judged, size = self._checked, self._population.judgements, self._classes
        guesses = [self._class_guess(k).mean for k in range(size)]
        totals = np.array(
            [self._estimator.total(checked.classes[:, k], guess) for k, guess in enumerate(guesses)]
        )
        if not checked.classes[:, :size].any(axis=0).all() or (totals <= 0.0).any():
            return None
        predictions = np.eye(size)[predicted]
        hits = predictions[checked.rows]
        # Above 1 by chance as often as below: cut there, their mean would be too low.
        values = [
            self._estimator.total(checked.classes[:, k] * hits[:, k], guess * predictions[:, k])
            for k, guess in enumerate(guesses)
        ] / totals
        # What one label adds to the mean recall if its true class is k.
        worth = 1.0 / (size * totals)
        is_hit = predicted[:, None] == judged.classes
        adds = (is_hit - values[judged.classes]) * worth[judged.classes]
        guess = (adds * judged.chances).sum(axis=1)
        variance = np.maximum((adds**2 * judged.chances).sum(axis=1) - guess**2, 0.0)
        sampled = ((hits - values) * worth * checked.classes[:, :size]).sum(axis=1)
        error, degrees = self._estimator.variance(
            sampled - guess[checked.rows], variance, OF_RATIO * float((worth**2).mean())
        )
        return share_estimate(
            float(values.mean()),
            float(np.sqrt(error)),
            degrees,
            n=len(checked.rows),
            confidence=self._confidence,
        )

    def transition(self) -> list[list[Estimated | None]]:
        """Return P(given label j | true class i), by row; None where the class was not seen."""
        given, labels = self._population.given, range(self._classes)
        return [[self._ratio_of_class(i, given == j) for j in labels] for i in labels]

    def precision(self, first: int) -> Estimated | None:
        """Return the share of the first suspects whose label is wrong; None if none was checked."""
        return self.noise_rate(np.arange(len(self._population)) < first)

    def recall(self, first: int) -> Estimated | None:
        """Return the share of wrong labels among the first suspects; None if none was seen."""
        wrong = 1.0 - self._checked.right(self._population.given)
        is_first = np.arange(len(self._population)) < first
        return self._estimator.ratio(
            wrong, self._wrong_guess(), among=is_first, confidence=self._confidence
        )

    def _wrong_guess(self) -> Guess:
        suspicion = self._population.judgements.suspicion
        return Guess(suspicion, expected_variance(suspicion))

    def _class_guess(self, label: int) -> Guess:
        chances = self._population.right(np.full(len(self._population), label))
        return Guess(chances, expected_variance(chances, least=LEAST_CHANCE / self._classes))

    def _ratio_of_class(self, label: int, among: np.ndarray) -> Estimated | None:
        return self._estimator.ratio(
            self._checked.classes[:, label],
            self._class_guess(label),
            among=among,
            confidence=self._confidence,
        )

    def _share(
        self, values: np.ndarray, guess: Guess, among: np.ndarray | None = None
    ) -> Estimated | None:
        if among is None:
            return self._estimator.mean(values, guess, confidence=self._confidence)
        part = self._estimator.among(among)
        if part is None:
            return None
        inside = Guess(guess.mean[among], guess.variance[among], guess.miss)
        values = values[among[self._checked.rows]]
        return part.mean(values, inside, confidence=self._confidence)


def audit_findings(
    estimates: AuditEstimates, population: Population, finalists: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Return all figures as `summary.json` holds them.

    Args:
        estimates: of the sample.
        population: what it was drawn from.
        finalists: trial_id of each other finalist -> its predictions, int64 [N].
    """
    given, leader = population.given, population.predicted
    labels, is_small = range(population.num_classes), population.num_classes <= MAX_CLASSES
    rows: dict[str, Any] = {}
    for name, predicted in {population.trial_id: leader, **finalists}.items():
        balanced = estimates.balanced_accuracy(predicted) if is_small else None
        rows[name] = {
            "accuracy": _json(estimates.accuracy(predicted)),
            "balanced_accuracy": _json(balanced),
        }
        if name != population.trial_id:
            rows[name]["behind_leader"] = _json(estimates.difference(leader, predicted))
    return {
        "noise_rate": _json(estimates.noise_rate()),
        "noise_rate_by_given_class": [_json(estimates.noise_rate(given == k)) for k in labels],
        "transition": [[_json(cell) for cell in row] for row in estimates.transition()]
        if is_small
        else None,
        "finalists": rows,
        "suspects": [
            {
                "first": m,
                "precision": _json(estimates.precision(m)),
                "recall": _json(estimates.recall(m)),
            }
            for m in FIRST_SUSPECTS
            if m < len(population)
        ],
    }


def _json(estimated: Estimated | None) -> dict[str, Any] | None:
    return None if estimated is None else estimated.to_json()
