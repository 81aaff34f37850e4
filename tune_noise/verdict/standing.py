"""How the finalists of one condition stand: a fold over their scores, look by look."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np
from scipy.special import stdtrit

from tune_noise.verdict.comparisons import (
    Bools,
    Comparisons,
    Floats,
    compare,
    standard_error,
    still_in_race,
)
from tune_noise.verdict.looks import Look, is_over, more_seeds

Scores = Mapping[Hashable, float | None]


@dataclass(frozen=True)
class Comparison:
    """A finalist against the leader of the look that judged it.

    Attributes:
        against: the leader of that look.
        n: seeds that both have.
        mean: leader minus finalist.
        sd: between seeds; None below two.
        label_error: standard error of the mean by the chance of the validation labels; 0 where each
            seed draws its labels afresh.
        freedom: degrees of freedom of Student's t.
        level: the error at which it was judged: the interval holds with 1 - level.
        is_separated: whether the finalist is worse than the leader: the interval excludes 0.
    """

    against: str
    n: int
    mean: float
    sd: float | None
    label_error: float
    freedom: float
    level: float
    is_separated: bool

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the t interval at this comparison's own level; None below two seeds."""
        if self.sd is None:
            return None
        error = float(standard_error(self.n, self.sd, self.label_error))
        half_width = float(stdtrit(self.freedom, 1.0 - self.level / 2.0)) * error
        return self.mean - half_width, self.mean + half_width

    @property
    def more_seeds(self) -> float | None:
        """See `looks.more_seeds`; None where it is separated, or its spread is not known."""
        if self.is_separated or self.sd is None:
            return None
        return more_seeds(self.mean, self.sd, self.n, self.label_error)

    def to_json(self) -> dict[str, Any]:
        """Return what `summary.json` holds; an infinite number of seeds is None."""
        more = self.more_seeds
        return {
            "against": self.against,
            "n": self.n,
            "mean": self.mean,
            "sd": self.sd,
            "label_error": self.label_error,
            "level": self.level,
            "interval": None if self.interval is None else list(self.interval),
            "is_separated": self.is_separated,
            "more_seeds": None if more == inf else more,
        }


@dataclass(frozen=True)
class Standing:
    """What the scores so far say.

    Attributes:
        leader: best mean score of those in question; None before the first look, and where no
            finalist has a score.
        tied: the finalists that are not separated from the leader, in the order given.
        comparisons: finalist -> how it was judged last; empty before the first look. One without a
            score is in no race, and not here.
        missing: finalist -> the seeds whose results the next look waits for.
        is_over: whether no further seeds are spent.
    """

    leader: str | None
    tied: tuple[str, ...]
    comparisons: dict[str, Comparison]
    missing: dict[str, list[Hashable]]
    is_over: bool


def decide(
    scores: Mapping[str, Scores],
    seeds: Sequence[Hashable],
    looks: Sequence[Look],
    *,
    without: Mapping[str, Mapping[Hashable, Sequence[float]]] | None = None,
    no_more: bool = False,
) -> Standing:
    """Fold the scores of all finalists, look by look, as far as they go.

    It depends on the scores alone: called again after a crash it decides the same. Seeds of a
    finalist beyond the look that decided it are not used.

    Args:
        scores: finalist -> seed -> score, larger is better; None for a seed that gave no result.
        seeds: in the order in which they are spent, the same for all finalists.
        looks: see `looks_of`.
        without: finalist -> seed -> its score without each group of validation labels, where all
            seeds share these; see `compare`.
        no_more: no further results will come: judge by those that are there.
    """
    names = list(scores)
    table = np.array([[_number(scores[name].get(s)) for s in seeds] for name in names])
    table = table.reshape(1, len(names), len(seeds))
    groups = None if without is None else group_table(without, names, seeds)
    in_race = np.ones((1, len(names)), dtype=bool)
    leader, seen = None, 0
    judged: dict[str, Comparison] = {}
    for look in looks:
        missing = _missing(scores, _racing(names, in_race), seeds[: look.num_seeds])
        is_whole = not missing and len(seeds) >= look.num_seeds
        if not is_whole and not no_more:
            return Standing(leader, _tied(names, in_race, leader), judged, missing, is_over=False)
        if not (np.isfinite(table[:, :, seen : look.num_seeds]).any(axis=2) & in_race).any():
            break  # nothing new, or nothing at all
        seen = look.num_seeds
        comparisons = compare(
            table[:, :, :seen],
            in_race,
            error=look.error,
            without=None if groups is None else groups[:, :, :seen],
        )
        leader = names[int(comparisons.leader[0])]
        judged |= _comparisons(names, comparisons, leader)
        judged.pop(leader, None)  # a rival of an earlier look
        in_race = still_in_race(comparisons)
        if not is_whole or is_over(comparisons, look, looks[-1])[0]:
            break
    return Standing(leader, _tied(names, in_race, leader), judged, {}, is_over=True)


def _number(score: float | None) -> float:
    return nan if score is None or not isfinite(score) else score


def group_table(
    without: Mapping[str, Mapping[Hashable, Sequence[float]]],
    names: Sequence[str],
    seeds: Sequence[Hashable],
) -> Floats | None:
    """Return the scores without each group, [1, k, n, G]; nan where there are none."""
    size = max((len(row) for rows in without.values() for row in rows.values()), default=0)
    if size < 2:
        return None
    empty = [nan] * size
    table = [[without.get(name, {}).get(seed, empty) for seed in seeds] for name in names]
    return np.array(table, dtype=np.float64).reshape(1, len(names), len(seeds), size)


def _missing(
    scores: Mapping[str, Scores], names: Sequence[str], seeds: Sequence[Hashable]
) -> dict[str, list[Hashable]]:
    missing = {name: [seed for seed in seeds if seed not in scores[name]] for name in names}
    return {name: absent for name, absent in missing.items() if absent}


def _racing(names: Sequence[str], in_race: Bools) -> list[str]:
    return [name for name, runs in zip(names, in_race[0], strict=True) if runs]


def _tied(names: Sequence[str], in_race: Bools, leader: str | None) -> tuple[str, ...]:
    if leader is None:
        return ()
    return tuple(name for name in _racing(names, in_race) if name != leader)


def _comparisons(
    names: Sequence[str], comparisons: Comparisons, leader: str
) -> dict[str, Comparison]:
    return {
        name: Comparison(
            against=leader,
            n=int(comparisons.n[0, i]),
            mean=float(comparisons.mean[0, i]),
            sd=float(comparisons.sd[0, i]) if comparisons.n[0, i] > 1 else None,
            label_error=float(comparisons.label_error[0, i]),
            freedom=float(comparisons.freedom[0, i]),
            level=float(comparisons.level[0, i]),
            is_separated=bool(comparisons.is_separated[0, i]),
        )
        for i, name in enumerate(names)
        if comparisons.is_rival[0, i]
    }
