"""The importance of the searched fields on the page: bars, and what cannot be told."""

from dataclasses import dataclass

from tune_noise.reporting.findings.importance import MIN_TRIALS, Importance, Share
from tune_noise.reporting.findings.searched_fields import full_length
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.wording import interval, number


@dataclass(frozen=True)
class Bar:
    """One field.

    Attributes:
        field: its name.
        value: its share of the variance, in percent, as text.
        interval: its 95 % interval, as text.
        width: of its bar, in percent of the widest there can be.
        num_trials: full-length trials to which it applies.
    """

    field: str
    value: str
    interval: str
    width: int
    num_trials: int


@dataclass(frozen=True)
class ImportanceSection:
    """The content of the section.

    Attributes:
        sentence: how many trials count, and how much their fields explain.
        bars: the most important first.
        untold: what the trials cannot tell, a sentence each.
    """

    sentence: str
    bars: list[Bar]
    untold: list[str]


def importance_section(condition: ConditionSummary) -> ImportanceSection | None:
    """Return the section; None where no searched field varies among the full-length trials."""
    importances = condition.importances
    if not importances:
        return None
    sentence = (
        f"{len(full_length(condition.search_trials)):,} of {len(condition.search_trials):,} search "
        "trials are full-length: no rung, divergence or failure cut them short."
    )
    measured = [importance for importance in importances if importance.share is not None]
    widest = max(measured, key=lambda importance: importance.num_trials, default=None)
    if widest is not None and widest.explained is not None:
        sentence += (
            f" Together the searched fields predict {' '.join(_percent(widest.explained))} of the "
            "variance of the objective in trials that the forest has not seen."
        )
    bars = [
        _bar(importance, importance.share)
        for importance in measured
        if importance.share is not None
    ]
    return ImportanceSection(sentence, bars, _untold(importances))


def _bar(importance: Importance, share: Share) -> Bar:
    width = round(min(max(100.0 * share.value, 0.0), 100.0))
    return Bar(importance.field, *_percent(share), width, importance.num_trials)


def _untold(importances: list[Importance]) -> list[str]:
    few = [importance for importance in importances if importance.explained is None]
    weak = [
        importance
        for importance in importances
        if importance.explained is not None and importance.share is None
    ]
    sentences = []
    if few:
        names = ", ".join(f"{importance.field} ({importance.num_trials})" for importance in few)
        sentences.append(
            f"Too few trials to tell: {names}; in brackets the full-length trials to which each "
            f"applies. It takes at least {MIN_TRIALS} whose objective differs."
        )
    if weak:
        names = ", ".join(
            f"{importance.field} ({importance.num_trials} trials)" for importance in weak
        )
        sentences.append(
            f"Cannot be told: {names}. The forest predicts trials that it has not seen no better "
            "than their mean does, or not clearly so: more trials may tell, or no field matters."
        )
    return sentences


def _percent(share: Share) -> tuple[str, str]:
    ends = interval((share.low, share.high), factor=100.0, places=0)
    return f"{number(100.0 * share.value, 0)} %", ends
