"""Who won, who is tied, and which finalists need more seeds: decided from scores alone.

The methods, their sources and how they were checked: docs/statistics.md.
"""

from tune_noise.verdict.challenges import Challenge, challenge, challenge_level
from tune_noise.verdict.comparisons import ERROR, stepwise
from tune_noise.verdict.confirmation import (
    mean_without_groups,
    share_labels,
    standing_of,
    without_groups,
)
from tune_noise.verdict.looks import Look, looks_of
from tune_noise.verdict.references import ReferenceComparison, compare_references
from tune_noise.verdict.standing import Comparison, Standing, decide

__all__ = [
    "ERROR",
    "Challenge",
    "Comparison",
    "Look",
    "ReferenceComparison",
    "Standing",
    "challenge",
    "challenge_level",
    "compare_references",
    "decide",
    "looks_of",
    "mean_without_groups",
    "share_labels",
    "standing_of",
    "stepwise",
    "without_groups",
]
