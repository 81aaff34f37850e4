"""A new search's leader against the champion of an older one, by the rules of a verdict."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy.special import stdtrit

from tune_noise.verdict.comparisons import compare
from tune_noise.verdict.looks import Look

# Pairs that a paired interval needs.
LEAST_PAIRS = 2


@dataclass(frozen=True)
class Challenge:
    """How a challenger stands against a champion.

    Attributes:
        is_paired: whether by the seeds that both have; else as independent samples.
        num_challenger: values of the challenger that were used.
        num_champion: of the champion.
        mean: challenger minus champion; larger is better.
        interval: of that difference, with 1 - level; None where there are too few values.
        level: the error at which it is judged.
        is_won: whether the challenger is better: the interval is above 0.
    """

    is_paired: bool
    num_challenger: int
    num_champion: int
    mean: float
    interval: tuple[float, float] | None
    level: float
    is_won: bool


def challenge(
    challenger: Mapping[Hashable, float], champion: Mapping[Hashable, float], *, level: float
) -> Challenge:
    """Judge by paired differences where two seeds or more are shared, else by Welch's interval.

    Args:
        challenger: seed -> score, larger is better; not empty.
        champion: the same of the champion, on the same task; not empty.
        level: see `challenge_level`.

    Reference:
        Welch 1947, for unequal variances, with Satterthwaite's degrees of freedom.
    """
    shared = [seed for seed in challenger if seed in champion]
    if len(shared) >= LEAST_PAIRS:
        pairs = np.array([[scores[seed] for seed in shared] for scores in (challenger, champion)])
        return _paired(pairs, level)
    return _unpaired(np.array([*challenger.values()]), np.array([*champion.values()]), level)


def challenge_level(num_tied: int, num_seeds: int, looks: Sequence[Look]) -> float:
    """The error at which a search's leader may challenge a champion.

    That of the look that decided its search. The leader of a tie is the best of several that
    nobody can tell apart, partly by luck, and any of them would have been sent: Bonferroni's share.

    Args:
        num_tied: finalists that are not separated from the leader.
        num_seeds: of the leader.
        looks: of its confirmation, see `looks_of`.

    Example:
        >>> from tune_noise.verdict.looks import looks_of
        >>> challenge_level(0, 5, looks_of(5, None)), challenge_level(1, 5, looks_of(5, None))
        (0.05, 0.025)
    """
    error = next((look.error for look in looks if look.num_seeds >= num_seeds), looks[-1].error)
    return error / (1 + num_tied)


def _paired(pairs: np.ndarray, level: float) -> Challenge:
    """By the code that judges finalists; float64 [2, n], the challenger first."""
    found = compare(pairs[np.newaxis], np.ones((1, 2), dtype=np.bool_), error=level)
    differences = pairs[0] - pairs[1]
    n, mean = len(differences), float(differences.mean())
    half_width = _quantile(n - 1, level) * float(differences.std(ddof=1)) / sqrt(n)
    return Challenge(
        is_paired=True,
        num_challenger=n,
        num_champion=n,
        mean=mean,
        interval=(mean - half_width, mean + half_width),
        level=level,
        is_won=bool(found.is_separated[0, 1]),
    )


def _unpaired(challenger: np.ndarray, champion: np.ndarray, level: float) -> Challenge:
    sizes = len(challenger), len(champion)
    mean, interval = float(challenger.mean() - champion.mean()), None
    if min(sizes) > 1:
        squares = [float(each.var(ddof=1)) / len(each) for each in (challenger, champion)]
        total = sum(squares)
        weights = sum(square**2 / (n - 1) for square, n in zip(squares, sizes, strict=True))
        freedom = total**2 / weights if weights > 0.0 else inf
        half_width = _quantile(freedom, level) * sqrt(total)
        interval = (mean - half_width, mean + half_width)
    is_won = interval is not None and interval[0] > 0.0
    return Challenge(False, *sizes, mean=mean, interval=interval, level=level, is_won=is_won)


def _quantile(freedom: float, level: float) -> float:
    # Of very many degrees of freedom SciPy's t is the normal one, but infinity it does not take.
    return float(stdtrit(min(freedom, 1e9), 1.0 - level / 2.0))
