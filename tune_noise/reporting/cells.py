"""One figure of a table, as the page and the terminal show it: mean ± sd, interval, notes."""

from dataclasses import dataclass

from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.references import LEAST_SPREAD, Reference
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Estimate, judged
from tune_noise.reporting.wording import (
    NO_VALUE,
    difference,
    interval_name,
    interval_of,
    standard_error,
    with_sd,
)
from tune_noise.verdict import ERROR, Comparison


@dataclass(frozen=True)
class Cell:
    """A figure and what stands below it.

    Attributes:
        value: mean ± sample standard deviation, or any other text.
        lines: the 95 % interval, where there is one, then the notes.
    """

    value: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((self.value, *self.lines))


EMPTY = Cell(NO_VALUE)


def cell(estimate: Estimate | None, metric: str, *notes: str) -> Cell:
    """Return a mean over seeds as a cell; an empty note is left out."""
    if estimate is None:
        return EMPTY
    return Cell(with_sd(estimate, metric), _without_empty(interval_of(estimate, metric), *notes))


def difference_cell(estimate: Estimate, metric: str, *notes: str) -> Cell:
    """Return a difference as a cell, with as many decimals as keep its interval from 0."""
    mean, ends = difference(estimate, metric)
    return Cell(mean, _without_empty(ends, *notes))


def finalist_cell(finalist: Finalist | Reference, metric: str) -> Cell:
    """Return a figure of a finalist or reference model, with the error of one measurement."""
    error = finalist.metrics.get(f"{metric}_se")
    note = "" if error is None or error.mean < LEAST_SPREAD else standard_error(error.mean, metric)
    return cell(finalist.metrics.get(metric), metric, note)


def judgement_cell(finalist: Finalist, condition: ConditionSummary) -> Cell:
    """Return the leader minus this finalist, paired by seed, and how it was judged."""
    judgement = condition.comparison(finalist)
    if judgement is None or judgement.n == 0 or condition.leader is None:
        return EMPTY
    notes = [*_how(judgement), "separated" if judgement.is_separated else "tied"]
    if judgement.against != condition.leader.trial_id:
        notes.append(f"against {judgement.against}, then leading")
    return difference_cell(judged(judgement), condition.config.objective, ", ".join(notes))


def reference_judgement_cell(reference: Reference) -> Cell:
    """Return the leader minus a reference model, paired by seed, and who is ahead."""
    comparison = reference.leader_minus_this
    if comparison is None or comparison.n == 0:
        return EMPTY
    notes = [*_how(comparison), reference.standing]
    return difference_cell(judged(comparison), reference.objective, ", ".join(notes))


def _how(comparison: Comparison) -> list[str]:
    """Return the number of seeds, and the level where it is not the usual one."""
    level = [] if comparison.level == ERROR else [interval_name(comparison.level)]
    return [f"n = {comparison.n}", *level]


def _without_empty(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)
