"""Asynchronous successive halving, stopping variant: who goes on at a rung.

Trials compete only inside their group (one condition, one level of `compare`): across noise levels
the noisy ones would be stopped for being noisy, and a level that must reach the final would be
stopped by its rivals. A trial is never paused or promoted later.
"""

import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Hashable


def rung_levels(grace_epochs: int, max_epochs: int, reduction_factor: int) -> list[int]:
    """Return the epochs at which trials are judged: grace * eta**k below max_epochs.

    Example:
        >>> rung_levels(1, 243, 3), rung_levels(10, 30, 3), rung_levels(5, 5, 2)
        ([1, 3, 9, 27, 81], [10], [])
    """
    # Integer arithmetic on purpose: floor(log(243) / log(3)) is 4 in floating point, not 5.
    levels = []
    level = grace_epochs
    while level < max_epochs:
        levels.append(level)
        level *= reduction_factor
    return levels


class RungLadder:
    """The scores of all arrivals at every rung of every group.

    Args:
        reduction_factor: eta; of n arrivals the best max(1, n // eta) go on.

    Reference:
        Li et al. 2018, arXiv:1810.05934, algorithm 2, without promotion.
    """

    def __init__(self, reduction_factor: int) -> None:
        self._reduction_factor = reduction_factor
        # Ascending.
        self._scores: dict[tuple[Hashable, int], list[float]] = defaultdict(list)

    def arrive(self, group: Hashable, level: int, score: float | None) -> bool:
        """Take a score into account and return whether its trial goes on.

        The first arrival always does. Equal scores are treated alike: a trial stops only if at
        least max(1, n // eta) others are strictly better. A score that is missing or NaN stops.

        Args:
            group: trials of other groups are never compared with it.
            level: the rung's epoch.
            score: larger is better.
        """
        if score is None or math.isnan(score):
            return False
        scores = self._scores[group, level]
        insort(scores, score)
        num_better = len(scores) - bisect_right(scores, score)
        return num_better < max(1, len(scores) // self._reduction_factor)
