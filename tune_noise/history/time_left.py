"""Time: how it is written, and how much of it a search will still take."""

from collections.abc import Iterable
from datetime import UTC, datetime

from tune_noise.history.replay import TrialHistory


def clock(seconds: float) -> str:
    """Return seconds as `1:05` or `2:01:05`.

    Example:
        >>> clock(65), clock(7265)
        ('1:05', '2:01:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def left_in_words(seconds: float | None, *, is_trained: bool) -> str:
    """Return the time left, as far as it is known: that of trials, not of what follows them."""
    if is_trained:
        return "all trials have ended"
    return "time left unknown yet" if seconds is None else f"about {clock(seconds)} left"


class Pace:
    """How long the trials of a search took that have ended."""

    def __init__(self) -> None:
        self._searches, self._search_seconds = 0, 0.0
        # Of these, the trials that were not stopped early.
        self._whole, self._whole_seconds = 0, 0.0
        self._confirmations = 0

    def add(self, trial: TrialHistory) -> None:
        """Count a trial that has ended; one without an epoch says nothing about the pace."""
        if not trial.epochs:
            return
        if trial.stage != "search":
            self._confirmations += 1
            return
        self._searches += 1
        self._search_seconds += trial.seconds
        if trial.status == "completed":
            self._whole += 1
            self._whole_seconds += trial.seconds

    def seconds_left(
        self,
        running: Iterable[TrialHistory],
        *,
        searches: int,
        confirmations: int,
        concurrent: int,
    ) -> float | None:
        """Return the time left at this pace.

        Args:
            running: the trials that have not ended.
            searches: number of trials of the search stage, in all.
            confirmations: number of trials on fresh seeds, in all.
            concurrent: number of trials that run side by side, at least 1.

        Returns:
            Seconds; None where too few trials have ended to tell.
        """
        if self._searches < max(1, min(concurrent, searches)):
            return None
        mean = self._search_seconds / self._searches
        full = self._whole_seconds / self._whole if self._whole else mean
        left = (searches - self._searches) * mean
        left += (confirmations - self._confirmations) * (full or mean)
        # The trials of a stack are trained together: the time of a stack counts once.
        gone: dict[str, float] = {}
        for trial in running:
            gone[trial.stack_id] = max(trial.seconds, gone.get(trial.stack_id, 0.0))
        return max(0.0, left - sum(gone.values())) / concurrent


def most_at_once(trials: Iterable[TrialHistory], *, since: float = 0.0) -> int:
    """Return the largest number of trials of the search stage that ran side by side.

    Args:
        trials: any trials of one search.
        since: Unix time to begin with.
    """
    changes = []
    for trial in trials:
        ended = trial.ended_seconds
        if trial.stage == "search" and (ended is None or ended > since):
            changes.append((max(trial.asked_seconds, since), 1))
            if ended is not None:
                changes.append((ended, -1))
    most = running = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def utc(seconds: float) -> str:
    """Return a time since the epoch as ISO 8601 in UTC, to the second.

    Example:
        >>> utc(0.0)
        '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")
