"""A new search's leader against the champion of an older one, by the rules of a verdict."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from tune_noise.verdict.looks import Look
from tune_noise.verdict.two_samples import difference_of


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
        label_error: see `two_samples.Difference`.
        is_won: whether the challenger is better: the interval is above 0.
    """

    is_paired: bool
    num_challenger: int
    num_champion: int
    mean: float
    interval: tuple[float, float] | None
    level: float
    label_error: float
    is_won: bool


def challenge(
    challenger: Mapping[Hashable, float],
    champion: Mapping[Hashable, float],
    *,
    level: float,
    without: tuple[Sequence[float] | None, Sequence[float] | None] = (None, None),
) -> Challenge:
    """Judge by paired differences where two seeds or more are shared, else by Welch's interval.

    Args:
        challenger: seed -> score, larger is better; not empty.
        champion: the same of the champion, on the same task; not empty.
        level: see `challenge_level`.
        without: of both, see `two_samples.difference_of`.

    Raises:
        ValueError: one of them has no score.
    """
    difference = difference_of(challenger, champion, without=without)
    if difference is None:
        raise ValueError("a challenger and a champion need a score each")
    interval = difference.interval(level)
    return Challenge(
        is_paired=difference.is_paired,
        num_challenger=difference.n[0],
        num_champion=difference.n[1],
        mean=difference.mean,
        interval=interval,
        level=level,
        label_error=difference.label_error,
        is_won=interval is not None and interval[0] > 0.0,
    )


def challenge_level(num_tied: int, num_seeds: int, looks: Sequence[Look]) -> float:
    """Return the error at which a search's leader may challenge a champion.

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
