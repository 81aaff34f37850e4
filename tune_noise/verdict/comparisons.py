"""The leader against every other finalist, paired by seed, with a correction for their number.

Works on many searches at once, so that the simulation in benchmarks/verdicts.py judges by the very
code that judges a search.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.intp]

# Of wrong winners among ties, and of a truly best finalist that is called worse.
ERROR = 0.05


@dataclass(frozen=True)
class Comparisons:
    """The leader of B searches against each of their k finalists.

    Attributes:
        leader: position of the best mean score, int [B]; without meaning where nobody has one.
        n: seeds that leader and finalist share, int [B, k].
        mean: mean of leader minus finalist over them, float64 [B, k]; 0 where none is shared.
        sd: sample standard deviation of that difference, float64 [B, k]; nan below two seeds.
        label_error: standard error of the mean by the chance of the validation labels, float64
            [B, k]; 0 where each seed draws its labels afresh, so that `sd` has it.
        freedom: degrees of freedom of Student's t, float64 [B, k].
        level: error at which the finalist is judged, float64 [B, k].
        is_rival: whether it is in the race, has a score, and is not the leader, bool [B, k].
        is_separated: whether it is a rival and worse than the leader, bool [B, k].
    """

    leader: Integers
    n: Integers
    mean: Floats
    sd: Floats
    label_error: Floats
    freedom: Floats
    level: Floats
    is_rival: Bools
    is_separated: Bools


def compare(
    scores: Floats, in_race: Bools, *, error: float, without: Floats | None = None
) -> Comparisons:
    """Judge each finalist against the leader by a paired t test.

    Args:
        scores: the objective, larger is better, float64 [B, k, n]; nan where a seed gave none.
        in_race: the finalists that are still in question, bool [B, k].
        error: probability in (0, 1) of naming one of two equals the winner.
        without: the objective without each of G groups of validation labels, float64 [B, k, n, G];
            None where each seed draws its labels afresh. Labels that all seeds share are a sample
            as well, and what one finalist gains by their chance no seed shows.

    Reference:
        A leader ahead of every other one at the plain level wins: all comparisons must succeed,
        which needs no correction though the leader is chosen by the same scores (Gutmann and
        Maymin 1987; Hung and Fithian 2019). Else Holm (1979) says who is worse than it. The chance
        of shared labels is a jackknife over groups (Efron and Stein 1981), added to that of the
        seeds.
    """
    rows = np.arange(len(scores))
    count = np.isfinite(scores).sum(axis=2)
    runs = in_race & (count > 0)
    mean_score = np.nansum(scores, axis=2) / np.maximum(count, 1)
    leader = np.where(runs, mean_score, -np.inf).argmax(axis=1)
    n, mean, sd, label_error, freedom = paired(
        scores[rows, leader][:, None] - scores,
        None if without is None else without[rows, leader][:, None] - without,
    )
    is_rival = runs.copy()
    is_rival[rows, leader] = False
    p = p_values(n, mean, standard_error(n, sd, label_error), freedom)
    is_separated, level = stepwise(p, is_rival, error)
    return Comparisons(leader, n, mean, sd, label_error, freedom, level, is_rival, is_separated)


def paired(
    differences: Floats, without: Floats | None
) -> tuple[Integers, Floats, Floats, Floats, Floats]:
    """Return what a paired t test needs: n, mean, sd, label_error and freedom of `Comparisons`.

    Args:
        differences: of two scores, float64 [B, k, n]; nan where one is missing.
        without: of the scores without each of G groups of labels, float64 [B, k, n, G], or None.
    """
    n, mean, sd = _moments(differences)
    label_error, groups = np.zeros(mean.shape), 2
    if without is not None:
        label_error, groups = jackknife(without), without.shape[3]
    seed_error = sd / np.sqrt(np.maximum(n, 1))
    freedom = combined_freedom(seed_error, np.maximum(n - 1, 1), label_error, groups)
    return n, mean, sd, label_error, freedom


def still_in_race(comparisons: Comparisons) -> Bools:
    """Return which finalists are the leader or not separated from it, bool [B, k]."""
    stays = comparisons.is_rival & ~comparisons.is_separated
    stays[np.arange(len(stays)), comparisons.leader] = True
    return stays


def _moments(differences: Floats) -> tuple[Integers, Floats, Floats]:
    is_finite = np.isfinite(differences)
    n = is_finite.sum(axis=2)
    mean = np.where(is_finite, differences, 0.0).sum(axis=2) / np.maximum(n, 1)
    squares = np.where(is_finite, differences - mean[..., None], 0.0) ** 2
    variance = squares.sum(axis=2) / np.maximum(n - 1, 1)
    return n, mean, np.where(n > 1, np.sqrt(variance), np.nan)


def jackknife(differences: Floats) -> Floats:
    """Return the error of a mean difference by the labels, from it without each of G groups.

    Args:
        differences: float64 [B, k, n, G]; nan where a seed is not shared.
    """
    is_finite = np.isfinite(differences)
    groups = differences.shape[3]
    count = np.maximum(is_finite.sum(axis=2), 1)
    means = np.where(is_finite, differences, 0.0).sum(axis=2) / count
    squares = (means - means.mean(axis=2, keepdims=True)) ** 2
    return np.asarray(np.sqrt((groups - 1) / groups * squares.sum(axis=2)))


def standard_error(n: Any, sd: Any, label_error: Any) -> Floats:
    """Return the standard error of a mean difference; nan below two seeds."""
    return np.asarray(np.sqrt(np.square(sd) / np.maximum(n, 1) + np.square(label_error)))


def combined_freedom(seed_error: Any, of_seeds: Any, label_error: Any, groups: int) -> Floats:
    """Return the degrees of freedom of an error by seeds and an error by labels together.

    It is the harmonic mean of those of the seeds and of G - 1, each weighed by its share of the
    variance. Satterthwaite weighs them by the squares of the shares, and errs in 7 % where three
    seeds and the labels both count (benchmarks/verdicts.py).
    """
    by_seeds, by_labels = np.square(seed_error), np.square(label_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (by_seeds + by_labels) / (by_seeds / of_seeds + by_labels / (groups - 1))
    # Without any spread it does not matter.
    return np.asarray(np.where(np.isfinite(freedom), freedom, of_seeds))


def p_values(n: Integers, mean: Floats, error: Floats, freedom: Floats) -> Floats:
    """Return two-sided p values.

    A value is 1 where the finalist is not behind the leader, or too few seeds are shared.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / error
    p: Any = 2.0 * stdtr(freedom, -t)
    return np.where((mean > 0.0) & (n > 1), p, 1.0)


def stepwise(p: Floats, is_rival: Bools, error: float) -> tuple[Bools, Floats]:
    """Return which finalists are separated, and the level at which each was judged.

    Args:
        p: two-sided p value of leader against each, 1 where it is not ahead, float64 [B, k].
        is_rival: who is compared with the leader, bool [B, k].
        error: see `compare`.

    A finalist is separated exactly if its interval at its level excludes 0. From Holm's first
    failure on the level stays where it failed.
    """
    m = is_rival.sum(axis=1, keepdims=True)
    all_behind = np.where(is_rival, p <= error, True).all(axis=1, keepdims=True)
    order = np.where(is_rival, p, np.inf).argsort(axis=1, kind="stable")
    place = np.arange(p.shape[1])[None, :]
    step = error / np.maximum(m - place, 1)
    passes = (np.take_along_axis(p, order, axis=1) <= step) & (place < m)
    passes = np.logical_and.accumulate(passes, axis=1)
    held = error / np.maximum(m - np.minimum(place, passes.sum(axis=1, keepdims=True)), 1)
    separated, level = np.zeros_like(is_rival), np.full_like(p, error)
    np.put_along_axis(separated, order, passes, axis=1)
    np.put_along_axis(level, order, held, axis=1)
    return np.where(all_behind, is_rival, separated), np.where(all_behind, error, level)
