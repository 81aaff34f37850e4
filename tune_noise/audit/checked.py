"""What people's answers say of the labels of a sample, as arrays."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from tune_noise.audit.answers import VERDICTS, Answer
from tune_noise.audit.population import Population


@dataclass(frozen=True)
class Checked:
    """The labels of a sample of which people have said what they are.

    Where several persons have answered, each counts alike. Those that nobody could tell are not
    among the rows.

    Attributes:
        rows: int64 [n], rows of the population.
        may_be: float64 [n, K + 1], the share of persons who say that a class is right; several
            classes may be. The last column is none of the classes.
        verdicts: kind of answer -> how many examples got it, of persons each for itself.
    """

    rows: np.ndarray
    may_be: np.ndarray
    verdicts: dict[str, int]

    @property
    def classes(self) -> np.ndarray:
        """The true class as shares that add up to 1, float64 [n, K + 1]."""
        return np.asarray(self.may_be / self.may_be.sum(axis=1, keepdims=True))

    def right(self, labels: np.ndarray) -> np.ndarray:
        """Return how right labels of the whole population are where it was checked, float64 [n]."""
        return np.asarray(self.may_be[np.arange(len(self.rows)), labels[self.rows]])


def checked_labels(
    population: Population,
    answers: Mapping[int, Mapping[str, Answer]],
    examples: Iterable[int],
    *,
    num_classes: int,
) -> Checked:
    """Return what was said of the examples of a sample.

    Args:
        population: what it was drawn from.
        answers: those that count, see `answers.current`.
        examples: of the sample, in any order.
        num_classes: K.
    """
    rows, shares = [], []
    verdicts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))
    for example in examples:
        of_persons = answers.get(example, {}).values()
        verdicts.update(answer.verdict for answer in of_persons)
        told = [vector for a in of_persons if (vector := _vector(a, num_classes)) is not None]
        if told:
            rows.append(population.row_of[example])
            shares.append(np.mean(told, axis=0))
    may_be = np.array(shares) if shares else np.zeros((0, num_classes + 1))
    return Checked(np.array(rows, dtype=np.int64), may_be, dict(verdicts))


def _vector(answer: Answer, num_classes: int) -> np.ndarray | None:
    """Return which classes an answer allows; None where it does not say."""
    classes = [num_classes] if answer.verdict == "none" else list(answer.classes)
    if not classes:
        return None
    vector = np.zeros(num_classes + 1)
    vector[classes] = 1.0
    return vector


def agreement(answers: Mapping[int, Mapping[str, Answer]]) -> list[dict[str, Any]]:
    """Return how often each two persons say the same of an example that both have answered.

    Returns:
        For each pair `persons`, the number of `examples`, the `share` of equal answers, and
        Cohen's `kappa`, which counts what they would share by chance; None where both always
        gave one and the same answer.
    """
    from sklearn.metrics import cohen_kappa_score

    persons = sorted({person for of_example in answers.values() for person in of_example})
    pairs = []
    for first, second in combinations(persons, 2):
        both = [of for of in answers.values() if first in of and second in of]
        if not both:
            continue
        words = [[_word(of[person]) for of in both] for person in (first, second)]
        is_one = len({*words[0], *words[1]}) == 1
        pairs.append(
            {
                "persons": [first, second],
                "examples": len(both),
                "share": float(np.mean([a == b for a, b in zip(*words, strict=True)])),
                "kappa": None if is_one else float(cohen_kappa_score(*words)),
            }
        )
    return pairs


def _word(answer: Answer) -> str:
    return f"{answer.verdict} {sorted(answer.classes)}"
