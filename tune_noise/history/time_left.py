"""Time: how it is written, and how much of it a search will still take."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


def clock(seconds: float) -> str:
    """Seconds as `1:05` or `2:01:05`.

    Example:
        >>> clock(65), clock(7265)
        ('1:05', '2:01:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True)
class Paced:
    """What a trial that has begun tells of the time it takes.

    Attributes:
        stage: `search` or `confirm`.
        stack_id: trials trained together share it, and their time.
        seconds: of training, up to its last epoch.
        status: None while it runs.
    """

    stage: str
    stack_id: str
    seconds: float
    status: str | None


class Pace:
    """The pace of trials, of which some are taken out and put in again as they go on."""

    def __init__(self) -> None:
        """No trial yet."""
        # Trials and their seconds: of the search that have ended, and of these those never stopped.
        self._search, self._whole = [0, 0.0], [0, 0.0]
        self._confirmed = 0
        # Of the trials that run: stack and seconds so far.
        self._under_way: Counter[tuple[str, float]] = Counter()

    def add(self, trial: Paced) -> None:
        """Put one in that has an epoch."""
        self._change(trial, 1)

    def remove(self, trial: Paced) -> None:
        """Take one out, as it was put in."""
        self._change(trial, -1)

    def _change(self, trial: Paced, by: int) -> None:
        if trial.status is None:
            key = (trial.stack_id, trial.seconds)
            self._under_way[key] += by
            if not self._under_way[key]:
                del self._under_way[key]
        elif trial.stage != "search":
            self._confirmed += by
        else:
            for group in (self._search, *([self._whole] if trial.status == "completed" else [])):
                group[0] += by
                group[1] += by * trial.seconds

    def seconds_left(self, *, searches: int, confirmations: int, concurrent: int) -> float | None:
        """See the function of this name."""
        (ended, seconds), (whole, whole_seconds) = self._search, self._whole
        if ended < max(1, min(concurrent, searches)):
            return None
        mean = seconds / ended
        full = whole_seconds / whole if whole else mean
        left = (searches - ended) * mean + (confirmations - self._confirmed) * (full or mean)
        # The trials of a stack share their time: in this order its longest counts.
        gone = dict(sorted(self._under_way))
        return max(0.0, left - sum(gone.values())) / concurrent


def seconds_left(
    trials: Iterable[Paced], *, searches: int, confirmations: int, concurrent: int
) -> float | None:
    """Time left at the pace of the trials that have ended; a stack that runs counts once.

    Args:
        trials: those with an epoch.
        searches: trials of the search stage, in all.
        confirmations: trials on fresh seeds, in all.
        concurrent: trials that run side by side, at least 1.

    Returns:
        Seconds; None where too few trials have ended to tell.

    Example:
        >>> ended = [Paced("search", f"t{i}", 10.0, "completed") for i in range(4)]
        >>> seconds_left(ended, searches=8, confirmations=2, concurrent=2)
        30.0
    """
    pace = Pace()
    for trial in trials:
        pace.add(trial)
    return pace.seconds_left(searches=searches, confirmations=confirmations, concurrent=concurrent)
