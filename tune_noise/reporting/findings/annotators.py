"""The annotators of a condition's data, as the networks of its leader see them."""

from dataclasses import dataclass

import numpy as np

from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import share_interval


@dataclass(frozen=True)
class Annotator:
    """One annotator; shares are fractions.

    Attributes:
        annotator: the name.
        answers: how many examples they labelled.
        agreement: how often they agree with another annotator of the same example; None where no
            other has answered.
        accuracy: share of their answers that are the class which networks of the leader predict
            that did not learn the example; an error of these networks counts as one of theirs.
        low: of the 95 % interval of accuracy (Wilson's).
        high: of the same.
    """

    annotator: str
    answers: int
    agreement: float | None
    accuracy: float
    low: float
    high: float


def annotators_of(condition: ConditionSummary) -> list[Annotator]:
    """Return the annotators, the most answers first; none where each example has one label."""
    rows = (condition.suspects or {}).get("annotators", [])
    shares = np.array([row["as_predicted"] / row["answers"] for row in rows])
    lows, highs = share_interval(shares, np.array([float(row["answers"]) for row in rows]))
    annotators = [
        Annotator(
            row["name"],
            row["answers"],
            row["agreed"] / row["chances"] if row["chances"] else None,
            *map(float, ends),
        )
        for row, *ends in zip(rows, shares, lows, highs, strict=True)
    ]
    return sorted(annotators, key=lambda a: (-a.answers, a.annotator))
