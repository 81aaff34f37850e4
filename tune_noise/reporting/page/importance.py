"""What the page says of the importance of searched fields: bars, and what cannot be told."""

from dataclasses import dataclass

from tune_noise.reporting.findings.importance import MIN_TRIALS, Importance, Share
from tune_noise.reporting.findings.searched_fields import full_length
from tune_noise.reporting.findings.summary import ConditionSummary
from tune_noise.reporting.statistics import Estimate
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
    """What the template shows.

    Attributes:
        sentence: of how many trials, and how much their fields explain.
        bars: the most important first.
        untold: what the trials cannot tell, a sentence each.
    """

    sentence: str
    bars: list[Bar]
    untold: list[str]


def importance_section(condition: ConditionSummary) -> ImportanceSection | None:
    """Of a condition; None where no searched field varies among its full-length trials."""
    found = condition.importances
    if not found:
        return None
    number_full = len(full_length(condition.search_trials))
    sentence = (
        f"{number_full:,} of {len(condition.search_trials):,} search trials are full-length: no "
        "rung, divergence or failure cut them short."
    )
    told = [each for each in found if each.share is not None]
    if told:
        sentence += f" {_explained(max(told, key=lambda each: each.num_trials))}"
    return ImportanceSection(sentence, [_bar(each) for each in told], _untold(found))


def _explained(widest: Importance) -> str:
    assert widest.explained is not None
    return (
        "Together the searched fields predict "
        f"{_percent(widest.explained)} of the variance of the objective in trials that the "
        "forest has not seen."
    )


def _bar(each: Importance) -> Bar:
    assert each.share is not None
    shown = 100.0 * each.share.value
    return Bar(
        field=each.field,
        value=f"{number(shown, 0)} %",
        interval=_ends(each.share),
        width=round(min(max(shown, 0.0), 100.0)),
        num_trials=each.num_trials,
    )


def _untold(found: list[Importance]) -> list[str]:
    few = [each for each in found if each.explained is None]
    weak = [each for each in found if each.explained is not None and each.share is None]
    sentences = []
    if few:
        names = ", ".join(f"{each.field} ({each.num_trials})" for each in few)
        sentences.append(
            f"Too few trials to tell: {names}; in brackets the full-length trials to which each "
            f"applies. It takes at least {MIN_TRIALS} whose objective differs."
        )
    if weak:
        names = ", ".join(f"{each.field} ({each.num_trials} trials)" for each in weak)
        sentences.append(
            f"Cannot be told: {names}. The forest predicts trials that it has not seen no better "
            "than their mean does, or not clearly so: more trials may tell, or no field matters."
        )
    return sentences


def _percent(share: Share) -> str:
    return f"{number(100.0 * share.value, 0)} % {_ends(share)}"


def _ends(share: Share) -> str:
    found = Estimate(1, share.value, None, (share.low, share.high))
    return interval(found, factor=100.0, places=0)
