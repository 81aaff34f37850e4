"""What labels checked by hand tell of a condition, in words and rows, for page, card and terminal.

The figures are those of `ConditionSummary.audit`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tune_noise.config.words import class_name, configuration
from tune_noise.reporting.cells import Cell
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.wording import NO_VALUE, number

Facts = Mapping[str, Any]
# Classes of a matrix that a page shows, and those named in a sentence.
_MOST_CLASSES = 12
_NAMED = 3
# What an answer that is no class says.
_UNSURE = {
    "several": "several classes could be right",
    "none": "none of the classes",
    "cannot_tell": "cannot be told",
}


@dataclass(frozen=True)
class CheckedSection:
    """The part of the page about the labels of one condition that were checked by hand.

    Attributes:
        name: of the condition.
        sentences: what was checked, and what it says.
        tables: of the finalists, of the suspects, and, of few classes, the transition matrix.
    """

    name: str
    sentences: list[str]
    tables: list["CheckedTable"]


@dataclass(frozen=True)
class CheckedTable:
    """A table of it.

    Attributes:
        caption: what it holds.
        headings: of all columns.
        rows: each with `name` and `cells`.
    """

    caption: str
    headings: list[str]
    rows: list[dict[str, Any]]


def checked_section(condition: ConditionSummary) -> CheckedSection | None:
    """Return the part of the page about a condition; None where nothing was checked."""
    facts = condition.audit
    if facts is None or "noise_rate" not in facts:
        return None
    return CheckedSection(
        name=condition.name,
        sentences=list(audit_sentences(condition)),
        tables=list(_tables(condition, facts)),
    )


def _tables(condition: ConditionSummary, facts: Facts) -> Iterator[CheckedTable]:
    yield CheckedTable(
        "Finalists by the checked labels, in percent; 95 % interval below.",
        ["finalist", "accuracy", "balanced accuracy", "leader minus this, points"],
        [
            {
                "name": _finalist_name(condition, trial_id),
                "cells": [
                    share_cell(row["accuracy"]),
                    share_cell(row["balanced_accuracy"]),
                    share_cell(row.get("behind_leader")),
                ],
            }
            for trial_id, row in facts["finalists"].items()
        ],
    )
    yield CheckedTable(
        "The list of suspects by the checked labels, in percent; 95 % interval below.",
        ["suspects", "wrong labels among them", "of all wrong labels"],
        [
            {
                "name": f"first {row['first']:,}",
                "cells": [share_cell(row["precision"]), share_cell(row["recall"])],
            }
            for row in facts["suspects"]
        ],
    )
    if facts.get("curve"):
        yield CheckedTable(
            "What it would buy to correct the first suspects: accuracy of the leader and the gain, "
            "in percent and points; 95 % interval below.",
            ["corrected", "accuracy", "gain"],
            [
                {
                    "name": f"first {row['first']:,}",
                    "cells": [share_cell(row["accuracy"]), share_cell(row["gain"])],
                }
                for row in facts["curve"]
            ],
        )
    names = [class_name(k, condition.class_names) for k in range(_num_classes(facts))]
    if facts["transition"] is not None and len(names) <= _MOST_CLASSES:
        yield CheckedTable(
            "Share of each given label in a true class by the checked labels, in percent; 95 % "
            "interval below.",
            ["true class", *(f"label {name}" for name in names)],
            [
                {"name": name, "cells": [share_cell(cell) for cell in row]}
                for name, row in zip(names, facts["transition"], strict=True)
            ],
        )


def audit_sentences(condition: ConditionSummary) -> Iterator[str]:
    """Yield what the checked labels of a condition say; nothing where none was checked."""
    facts = condition.audit
    if facts is None or "noise_rate" not in facts:
        return
    persons = ", ".join(f"{name} {count:,}" for name, count in facts["persons"].items())
    yield (
        f"{facts['answered']:,} of {facts['labels']:,} labels, drawn at random with known "
        f"probabilities from {facts['population']:,}, were checked by hand ({persons})."
    )
    if facts["until"] is not None:
        yield (
            f"Drawn until both half-widths are ± {100 * facts['until']:g} points; intervals of "
            f"{100 * facts['confidence']:g} % at each look make up for looking."
        )
    yield f"Of the given labels {share_in_words(facts['noise_rate'])} are wrong."
    yield (
        f"The leader is right on {share_in_words(accuracy_of_leader(facts))} of inputs that its "
        "networks did not learn."
    )
    yield from _verdict_sentences(condition, facts)
    for row in facts.get("curve", []):
        yield (
            f"If the first {row['first']:,} suspects were corrected: "
            f"{share_in_words(row['accuracy'])} right, a gain of {points_in_words(row['gain'])}."
        )
    if unsure := {kind: facts["verdicts"].get(kind, 0) for kind in _UNSURE}:
        words = [f"{count:,} {_UNSURE[kind]}" for kind, count in unsure.items() if count]
        if words:
            yield f"Of the answers: {', '.join(words)}. What cannot be told is in no figure."
    for pair in facts["agreement"]:
        first, second = pair["persons"]
        kappa = "" if pair["kappa"] is None else f", Cohen's kappa {pair['kappa']:.2f}"
        yield (
            f"{first} and {second} agree on {100 * pair['share']:.0f} % of the "
            f"{pair['examples']:,} examples that both have checked{kappa}."
        )


def accuracy_of_leader(facts: Facts) -> Facts:
    """Return the accuracy of the finalist that was cross-fitted as the leader."""
    accuracy: Facts = facts["finalists"][facts["trial_id"]]["accuracy"]
    return accuracy


def _verdict_sentences(condition: ConditionSummary, facts: Facts) -> Iterator[str]:
    """Say whether the checked labels bear out the verdict by the noisy objective."""
    ahead: list[str] = []
    behind: list[str] = []
    unsettled: list[str] = []
    for trial_id, row in facts["finalists"].items():
        difference = row.get("behind_leader")
        if difference is None:
            continue
        low, high = difference["ci95"]
        words = f"{_finalist_name(condition, trial_id)} ({points_in_words(difference)})"
        (ahead if low > 0 else behind if high < 0 else unsettled).append(words)
    if behind:
        yield (
            "The verdict does not hold by the checked labels: the leader is less often right than "
            f"{_listed(behind)}."
        )
    if ahead:
        yield f"By the checked labels, too, the leader is more often right than {_listed(ahead)}."
    if unsettled:
        yield f"The checked labels do not tell the leader from {_listed(unsettled)}."


def _listed(words: list[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def share_in_words(share: Facts | None) -> str:
    """Return `12.3 % [10.1, 14.9]`."""
    if share is None:
        return NO_VALUE
    low, high = share["ci95"]
    return f"{_percent(share['value'])} % [{_percent(low)}, {_percent(high)}]"


def points_in_words(difference: Facts | None) -> str:
    """Return `+2.1 points [0.4, 3.8]`."""
    if difference is None:
        return NO_VALUE
    low, high = difference["ci95"]
    sign = "+" if difference["value"] > 0 else ""
    return f"{sign}{_percent(difference['value'])} points [{_percent(low)}, {_percent(high)}]"


def share_cell(share: Facts | None) -> Cell:
    """Return a figure in percent with its interval below."""
    if share is None:
        return Cell(NO_VALUE)
    low, high = share["ci95"]
    return Cell(_percent(share["value"]), (f"[{_percent(low)}, {_percent(high)}]",))


def _percent(value: float) -> str:
    return number(100.0 * value, 1)


def _num_classes(facts: Facts) -> int:
    return len(facts["noise_rate_by_given_class"])


def _finalist_name(condition: ConditionSummary, trial_id: str) -> str:
    """Return a finalist in words; the one that was cross-fitted is named by its confirmation."""
    for finalist in condition.finalists:
        if trial_id in (finalist.trial_id, *(trial.trial_id for trial in finalist.trials)):
            return configuration(finalist.config, condition.config)
    return trial_id
