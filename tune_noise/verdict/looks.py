"""When finalists are judged, what error each look may make, and when more seeds are in vain."""

from dataclasses import dataclass
from math import ceil, inf

import numpy as np
from scipy.special import ndtri

from tune_noise.verdict.comparisons import ERROR, Bools, Comparisons, Floats

POWER = 0.8
_Z_TEST, _Z_POWER = float(ndtri(1.0 - ERROR / 2.0)), float(ndtri(POWER))
# A difference that would take so many times the budget is not sought any further ...
HOPELESS_FACTOR = 10
# ... once so many seeds tell the spread: three or four hardly do.
LEAST_SEEDS_TO_GIVE_UP = 5


@dataclass(frozen=True)
class Look:
    """One judgement of the finalists that are still in question.

    Attributes:
        num_seeds: fresh seeds that each of them has by then.
        error: probability of a wrong winner that this look may add.
    """

    num_seeds: int
    error: float


def looks_of(seeds: int, max_seeds: int | None) -> list[Look]:
    """Return the looks of a confirmation: one or, with a budget, one at each doubling of seeds.

    The error that may be made by t = seeds / max_seeds of the budget is ERROR * t**2, and each
    look gets what comes in addition. The sum bounds the error of all looks together, whatever
    their dependence.

    Args:
        seeds: of the first look, at least 1.
        max_seeds: of the last look, above `seeds`; None for one look.

    Reference:
        Spending: Lan and DeMets 1983; the power family: Kim and DeMets 1987.

    Example:
        >>> [(look.num_seeds, round(look.error, 4)) for look in looks_of(3, 10)]
        [(3, 0.0045), (6, 0.0135), (10, 0.032)]
        >>> looks_of(5, None)
        [Look(num_seeds=5, error=0.05)]
    """
    last = seeds if max_seeds is None else max_seeds
    sizes = [seeds]
    while sizes[-1] < last:
        # A step that would leave less than another doubling goes to the end at once.
        sizes.append(2 * sizes[-1] if 3 * sizes[-1] <= last else last)
    spent = [ERROR * (size / last) ** 2 for size in [0, *sizes]]
    return [Look(n, spent[i + 1] - spent[i]) for i, n in enumerate(sizes)]


def seeds_to_settle(
    mean: Floats | float, sd: Floats | float, label_error: Floats | float = 0.0
) -> Floats:
    """Return with how many seeds a paired t test at 5 % sees a difference with 80 % power.

    Args:
        mean: of the paired difference, in any unit.
        sd: standard deviation of that difference between seeds, in the same unit.
        label_error: standard error of the mean that seeds do not lessen, in the same unit.

    Returns:
        float64, not rounded; infinity where the mean is 0 or not above what the labels may do by
        chance, nan where the spread is not known.

    Reference:
        Guenther 1981: the normal approximation and half a squared quantile for Student's t.

    Example:
        >>> float(seeds_to_settle(1.0, 1.0).round(1))
        9.8
    """
    z2 = (_Z_TEST + _Z_POWER) ** 2
    left = np.square(np.asarray(mean, dtype=np.float64)) - z2 * np.square(label_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = z2 * np.square(sd) / left + _Z_TEST**2 / 2.0
    # Two that are always equal: no spread, and nothing to find.
    return np.where(left <= 0.0, inf, needed)


def more_seeds(mean: float, sd: float, n: int, label_error: float = 0.0) -> float:
    """Return how many seeds beyond n settle a comparison: at least 1, infinity for never.

    Example:
        >>> more_seeds(0.5, 1.0, n=5)
        29
    """
    needed = float(seeds_to_settle(mean, sd, label_error))
    return needed if needed == inf else max(1, ceil(needed) - n)


def is_over(comparisons: Comparisons, look: Look, last: Look) -> Bools:
    """Return whether no further seeds are spent on a search, bool [B].

    It is where somebody has won, where the budget is spent, and where what stands between the
    leader and victory is so small that HOPELESS_FACTOR budgets would not suffice for it.
    """
    undecided = comparisons.is_rival & ~comparisons.is_separated
    needed = seeds_to_settle(comparisons.mean, comparisons.sd, comparisons.label_error)
    far = needed > HOPELESS_FACTOR * last.num_seeds
    hopeless = undecided & far & (comparisons.n >= LEAST_SEEDS_TO_GIVE_UP)
    ends = ~undecided.any(axis=1) | hopeless.any(axis=1) | (look == last)
    return np.asarray(ends)
