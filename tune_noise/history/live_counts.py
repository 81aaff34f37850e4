"""What a progress display tells of a search, kept up to date trial by trial.

To look through all trials for each display takes longer the further the search is.
"""

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from tune_noise.history.replay import History, Stage, TrialHistory
from tune_noise.history.time_left import Pace, Paced


@dataclass(frozen=True)
class _Seen:
    """A trial as it was counted last, and its place in the order of asking."""

    number: int
    status: str | None
    paced: Paced | None


class Tally:
    """Counts, best trials and pace of a history, of which it is told what changes.

    It may be told from another thread than the one that asks it.

    Args:
        history: that of the session; what it holds already is counted.

    Attributes:
        pace: of all trials that have an epoch.
    """

    def __init__(self, history: History) -> None:
        """Nothing is counted before the first `update`."""
        self._history = history
        self._seen: dict[str, _Seen] = {}
        self._counts: Counter[tuple[str, Stage, str | None]] = Counter()
        # Condition -> trial of its search -> score; condition -> the best of them.
        self._scores: dict[str, dict[str, float]] = {}
        self._best: dict[str, str] = {}
        self.pace = Pace()
        # Added to by the thread of the driver, and taken away by that of the display.
        self._changed: dict[str, None] = dict.fromkeys(history.trials)
        self._lock = Lock()

    def note(self, trial_id: str) -> None:
        """A trial has changed: it is looked at again by the next `update`."""
        with self._lock:
            self._changed[trial_id] = None

    def update(self) -> None:
        """Count anew what has changed since the last time."""
        with self._lock:
            changed, self._changed = self._changed, {}
        for trial_id in changed:
            if (trial := self._history.trials.get(trial_id)) is not None:
                self._count(trial)

    def count(self, stage: Stage, *statuses: str | None, condition: str | None = None) -> int:
        """Trials of a stage with one of some statuses, None for one that runs.

        Args:
            stage: of the trials.
            statuses: none for all.
            condition: its name; None for all.
        """
        return sum(
            number
            for (its_condition, its_stage, status), number in self._counts.items()
            if its_stage == stage
            and (not statuses or status in statuses)
            and condition in (None, its_condition)
        )

    def ended(self, stage: Stage, *, condition: str | None = None) -> int:
        """Trials of a stage that run no more."""
        running = self.count(stage, None, condition=condition)
        return self.count(stage, condition=condition) - running

    def best(self, condition: str) -> TrialHistory | None:
        """The search trial of a condition with the best score, of equals the first asked."""
        found = self._best.get(condition)
        return None if found is None else self._history.trials[found]

    def _count(self, trial: TrialHistory) -> None:
        seen = self._seen.get(trial.trial_id)
        if seen is not None:
            self._counts[trial.condition, trial.stage, seen.status] -= 1
            if seen.paced is not None:
                self.pace.remove(seen.paced)
        paced = paced_of(trial)
        # Asks come first, and in order: whoever is new is the next.
        number = len(self._seen) if seen is None else seen.number
        self._seen[trial.trial_id] = _Seen(number, trial.status, paced)
        self._counts[trial.condition, trial.stage, trial.status] += 1
        if paced is not None:
            self.pace.add(paced)
        if trial.stage == "search" and (score := trial.score) is not None:
            self._note_score(trial, score)

    def _note_score(self, trial: TrialHistory, score: float) -> None:
        scores = self._scores.setdefault(trial.condition, {})
        before = scores.get(trial.trial_id)
        scores[trial.trial_id] = score
        best = self._best.get(trial.condition)
        if best is None or self._rank(scores, trial.trial_id) > self._rank(scores, best):
            self._best[trial.condition] = trial.trial_id
        elif best == trial.trial_id and before is not None and score < before:
            # A mean of last epochs may fall.
            self._best[trial.condition] = max(scores, key=lambda each: self._rank(scores, each))

    def _rank(self, scores: dict[str, float], trial_id: str) -> tuple[float, int]:
        return scores[trial_id], -self._seen[trial_id].number


def paced_of(trial: TrialHistory) -> Paced | None:
    """What a trial tells of the time that trials take; None before its first epoch."""
    if not trial.epochs:
        return None
    return Paced(trial.stage, trial.stack_id, trial.epochs[-1]["seconds"], trial.status)
