"""Which version of a registered model is its champion: a rule on what the versions say."""

from collections.abc import Sequence
from dataclasses import dataclass

from tune_noise.tracking.entry import Evidence
from tune_noise.verdict import Challenge, challenge

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Version:
    """One version of a registered model.

    Attributes:
        number: MLflow's, from 1.
        task: see `Entry.task`; None where the version is none of ours.
        evidence: None where the version is none of ours.
        standing: `champion` or `challenger`, as it was judged; None before that.
        reason: why; may be there before the standing is.
    """

    number: int
    task: str | None
    evidence: Evidence | None
    standing: str | None
    reason: str | None = None


@dataclass(frozen=True)
class Judgement:
    """What becomes of a new version.

    Attributes:
        is_champion: whether it takes the alias @champion; else it is a challenger.
        reason: half a sentence.
    """

    is_champion: bool
    reason: str


def judge(version: Version, champion: Version | None) -> Judgement:
    """Decide whether a version takes @champion from the one that has it.

    Args:
        version: with evidence.
        champion: the version that has the alias; None: nobody has.
    """
    evidence = version.evidence
    assert evidence is not None
    if champion is not None and champion.number == version.number:
        # Its judgement was cut off after it got the alias.
        return Judgement(True, version.reason or "it has the alias")
    if evidence.is_renamed:
        return Judgement(False, "a seed is flagged as renamed, so its score is not to be trusted")
    if champion is None:
        reason = "the first version" if version.number == 1 else "no other version has the alias"
        return Judgement(True, reason)
    if champion.evidence is None or champion.task != version.task:
        reason = f"version {champion.number} has no scores that it can be compared with"
        return Judgement(False, reason)
    result = challenge(
        evidence.by_seed,
        champion.evidence.by_seed,
        level=evidence.level,
        without=(evidence.without, champion.evidence.without),
    )
    verb = "beats" if result.is_won else "is not clearly better than"
    return Judgement(result.is_won, f"{verb} version {champion.number}: {_in_words(result)}")


def _in_words(result: Challenge) -> str:
    """Return `paired difference 0.02 [0.01, 0.03] (95 % interval, n = 5 seeds)`."""
    kind = "paired difference" if result.is_paired else "difference"
    if result.interval is None:
        return f"{kind} {result.mean:.3g}, and too few seeds for an interval"
    low, high = result.interval
    seeds = f"n = {result.num_challenger}"
    if not result.is_paired:
        seeds += f" and {result.num_champion}"
    shared = " on the same labels" if result.label_error > 0.0 else ""
    name = f"{100.0 * (1.0 - result.level):.4g} % interval"
    return f"{kind} {result.mean:.3g} [{low:.3g}, {high:.3g}] ({name}, {seeds} seeds{shared})"


def last_champion(versions: Sequence[Version]) -> int | None:
    """Return the newest version that was judged to be the champion; None if none was."""
    numbers = [version.number for version in versions if version.standing == CHAMPION]
    return max(numbers, default=None)
