"""Time: how it is written, and how much of it a search will still take."""

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
    known = list(trials)
    ended = [trial for trial in known if trial.status is not None]
    search = [trial for trial in ended if trial.stage == "search"]
    if len(search) < min(concurrent, searches) or not search:
        return None
    mean = _mean(search)
    full = _mean([trial for trial in search if trial.status == "completed"]) or mean
    left = (searches - len(search)) * mean
    left += (confirmations - (len(ended) - len(search))) * full
    under_way = {trial.stack_id: trial.seconds for trial in known if trial.status is None}
    return max(0.0, left - sum(under_way.values())) / concurrent


def _mean(trials: list[Paced]) -> float:
    return sum(trial.seconds for trial in trials) / len(trials) if trials else 0.0
