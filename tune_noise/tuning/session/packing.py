"""The division of finalists' fresh seeds into stacks, so that all are trained soonest.

Replicates do not depend on their stack, so where a seed is trained changes its time alone.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from tune_noise.config.declared import network
from tune_noise.config.search import Resources
from tune_noise.history.replay import TrialHistory

# Members are nearly free on a GPU, and slots share it.
_ADDED_ON_GPU = 0.0
# A stack has costs of its own: another one must save more than this share of the time.
_LEAST_GAIN = 0.05


@dataclass(frozen=True)
class Load:
    """The seeds of one finalist that are to be trained.

    Attributes:
        seeds: how many, at least 1.
        seconds: of one of them alone, in any unit that all loads share.
        added: what one more member adds to a stack, as a share of `seconds`, in [0, 1].
    """

    seeds: int
    seconds: float
    added: float

    def stacks(self, number: int) -> list[float]:
        """Return the seconds of so many stacks that share the seeds evenly, largest first."""
        return [self.seconds * (1.0 + self.added * (n - 1)) for n in shares(self.seeds, number)]


def load_of(trial: TrialHistory, resources: Resources, *, seeds: int) -> Load:
    """Return the load of confirming a search trial, by the time that it took itself."""
    per_epoch = trial.epochs[-1].get("seconds", 0.0) / trial.num_epochs if trial.epochs else 0.0
    is_on_gpu = resources.gpus_per_trial > 0.0
    added = _ADDED_ON_GPU if is_on_gpu else network(trial.config.model).added_on_cpu
    return Load(seeds, per_epoch * trial.config.epochs, added)


def shares(seeds: int, stacks: int) -> list[int]:
    """Return how many seeds each of some stacks trains.

    Example:
        >>> shares(5, 2)
        [3, 2]
    """
    least, more = divmod(seeds, stacks)
    return [least + (place < more) for place in range(stacks)]


def num_stacks(loads: Sequence[Load], *, slots: int) -> list[int]:
    """Return in how many stacks each load is best trained: the fewest that end soonest.

    The load with the longest stack is split again and again, as long as it can be; of all these
    ways the first counts that ends within 5 % of the soonest.

    Args:
        loads: in the order in which they are begun.
        slots: stacks that run side by side, at least 1.

    Example:
        >>> num_stacks([Load(5, 1.0, 0.6), Load(5, 1.0, 0.6)], slots=4)
        [2, 2]
        >>> num_stacks([Load(5, 1.0, 0.0), Load(5, 1.0, 0.0)], slots=4)
        [1, 1]
    """
    ways = [[1] * len(loads)]
    while (longest := _longest_to_split(loads, ways[-1])) is not None:
        ways.append([n + (place == longest) for place, n in enumerate(ways[-1])])
    ends = [_end(loads, way, slots=slots) for way in ways]
    soonest = min(ends, default=0.0)
    return next(w for w, e in zip(ways, ends, strict=True) if e <= (1.0 + _LEAST_GAIN) * soonest)


def _longest_to_split(loads: Sequence[Load], stacks: Sequence[int]) -> int | None:
    """Return the place of the load whose stacks last longest; None where none can be split."""
    can = [place for place, load in enumerate(loads) if stacks[place] < load.seeds]
    return max(can, key=lambda place: loads[place].stacks(stacks[place])[0], default=None)


def _end(loads: Sequence[Load], stacks: Sequence[int], *, slots: int) -> float:
    """Return when the last stack ends, if each is begun as soon as a slot is free."""
    busy_until = [0.0] * slots
    for load, number in zip(loads, stacks, strict=True):
        for seconds in load.stacks(number):
            heapq.heapreplace(busy_until, busy_until[0] + seconds)
    return max(busy_until)
