"""The search before a repair beside the one after it: what the corrected labels have gained."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from tune_noise.reporting.findings.summary import ConditionSummary, Summary
from tune_noise.reporting.statistics import Estimate, estimate, paired_difference

_METRIC = "test_accuracy_clean"


@dataclass(frozen=True)
class Gain:
    """Test accuracy of two leaders over their fresh seeds, on the same test set.

    Attributes:
        before: of the search before.
        after: of this one.
        difference: after minus before, seed by seed; None where they share no seed.
    """

    before: Estimate
    after: Estimate
    difference: Estimate | None

    def to_json(self) -> dict[str, Any]:
        """Return what `summary.json` holds."""
        gained = None if self.difference is None else self.difference.to_json()
        return {
            "metric": _METRIC,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "difference": gained,
        }


def gain_of(condition: ConditionSummary, lineage: Mapping[str, Any] | None) -> Gain | None:
    """Return what a condition has gained; None where nothing before it can be compared."""
    found: Mapping[str, Any] = {} if lineage is None else lineage["conditions"]
    earlier = found.get(condition.name, next(iter(found.values())) if len(found) == 1 else None)
    if earlier is None or condition.leader is None:
        return None
    before: dict[Hashable, float] = dict(earlier[_METRIC])
    after = condition.leader.values(_METRIC)
    if not before or not after:
        return None
    difference = paired_difference(after, before)
    return Gain(estimate(list(before.values())), estimate(list(after.values())), difference)


def gain_sentences(summary: Summary) -> list[str]:
    """Return for each condition what the corrected labels have gained."""
    lineage = summary.search["lineage"]
    sentences = []
    for condition in summary.conditions:
        gain = gain_of(condition, lineage)
        if gain is None:
            continue
        place = f"{condition.name}: " if len(summary.conditions) > 1 else ""
        changes = lineage["changes"]
        corrected = "1 label was" if changes == 1 else f"{changes:,} labels were"
        text = (
            f"{place}test accuracy {100 * gain.after.mean:.1f} %, and {100 * gain.before.mean:.1f} "
            f"% before {corrected} corrected ({lineage['search']['name']})"
        )
        if gain.difference is not None and gain.difference.ci95 is not None:
            low, high = (100 * end for end in gain.difference.ci95)
            text += f": {100 * gain.difference.mean:+.1f} points [{low:.1f}, {high:.1f}]"
        sentences.append(text)
    return sentences
