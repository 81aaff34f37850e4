"""Which labels are corrected: what people have confirmed, and if wanted what a model holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tune_noise.audit.answers import MODES, Answer, current
from tune_noise.training.judgements import Judgements

# Why a label is kept although somebody looked at it.
Reason = Literal["several", "none", "cannot_tell", "disputed"]


@dataclass(frozen=True)
class Correction:
    """What becomes of one label.

    Attributes:
        example: position in the training set.
        label: the class.
        source: who says so.
        by: the persons; empty for a model.
        seconds: Unix time of the last answer; 0 for a model.
        probability: that a model gives to the class; None for people.
    """

    example: int
    label: int
    source: Literal["person", "model"]
    by: tuple[str, ...] = ()
    seconds: float = 0.0
    probability: float | None = None


@dataclass(frozen=True)
class Corrections:
    """What is known of the labels that were looked at.

    Attributes:
        confirmed: what people say of each label whose class they agree on, right or wrong.
        trusted: what a model holds of labels that no person has looked at; wrong ones alone.
        kept: example -> why its label stays as it is although people looked at it, and their names.
    """

    confirmed: tuple[Correction, ...]
    trusted: tuple[Correction, ...]
    kept: Mapping[int, tuple[Reason, tuple[str, ...]]]

    def changes(self, labels: np.ndarray) -> list[Correction]:
        """Return those that change a label, by example.

        Args:
            labels: int64 [N], of the training set.
        """
        every = [*self.confirmed, *self.trusted]
        changed = [one for one in every if labels[one.example] != one.label]
        return sorted(changed, key=lambda one: one.example)


def corrections_of(
    answers: Iterable[Answer], judgements: Judgements | None = None, trust: float = 1.0
) -> Corrections:
    """Return what the answers of all people say, and beyond them what a model holds.

    A class is confirmed where all who could tell name it alone. Of a person the last answer counts,
    whether the labels were hidden or not.

    Args:
        answers: in the order in which they came.
        judgements: of a model; None: people alone correct.
        trust: the probability from which on the model's class is taken.
    """
    confirmed, kept = [], {}
    for example, persons in _last(list(answers)).items():
        by = tuple(sorted(persons))
        told = [answer for answer in persons.values() if answer.verdict != "cannot_tell"]
        said = {(answer.verdict, answer.classes) for answer in told}
        if len(said) == 1 and told[0].verdict == "class":
            seconds = max(answer.seconds for answer in told)
            names = tuple(sorted(answer.person for answer in told))
            [label] = told[0].classes
            confirmed.append(Correction(example, label, "person", names, seconds))
        else:
            verdicts = {answer.verdict for answer in told}
            reason: Any = (
                verdicts.pop() if len(said) == 1 else "disputed" if said else "cannot_tell"
            )
            kept[example] = (reason, by)
    looked_at = {one.example for one in confirmed} | kept.keys()
    trusted = () if judgements is None else _trusted(judgements, trust, looked_at)
    return Corrections(tuple(confirmed), tuple(trusted), kept)


def _last(answers: list[Answer]) -> dict[int, dict[str, Answer]]:
    """Return the answers that count of both modes: example -> person -> the later one."""
    last: dict[int, dict[str, Answer]] = {}
    for mode in MODES:
        for example, persons in current(answers, mode).items():
            of_example = last.setdefault(example, {})
            for person, answer in persons.items():
                before = of_example.get(person)
                if before is None or answer.seconds >= before.seconds:
                    of_example[person] = answer
    return last


def _trusted(judgements: Judgements, trust: float, looked_at: set[int]) -> list[Correction]:
    likeliest, chances = judgements.classes[:, 0], judgements.chances[:, 0]
    rows = np.flatnonzero((likeliest != judgements.given) & (chances >= trust))
    return [
        Correction(example, int(likeliest[row]), "model", probability=float(chances[row]))
        for row in rows.tolist()
        if (example := int(judgements.examples[row])) not in looked_at
    ]
