"""The trials of a search as far as a progress table needs them, read quickly."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tune_noise.config.metric_names import sign
from tune_noise.config.search import SearchConfig
from tune_noise.history.time_left import Paced
from tune_noise.record import Record


@dataclass
class TrialState:
    """One trial as far as it has gone; see `history.TrialHistory` for the whole of it.

    Attributes:
        trial_id: unique in the search.
        stack_id: trials trained together share it.
        stage: `search` or `confirm`.
        condition: name of its condition.
        finalist: in stage confirm, the search trial that is confirmed.
        asked: number of the event that asked for it.
        ended: number of the event that ended it; None while it runs.
        num_epochs: finished ones.
        seconds: of training, up to the last of them.
        score: the objective, with the sign that makes larger better; None before the first epoch
            that has one.
        status: None while it runs.
        stop_reason: why it ended early, in words.
    """

    trial_id: str
    stack_id: str
    stage: str
    condition: str
    finalist: str | None
    asked: int
    ended: int | None = None
    num_epochs: int = 0
    seconds: float = 0.0
    score: float | None = None
    status: str | None = None
    stop_reason: str = ""
    _measured: list[float] = field(default_factory=list)

    def paced(self) -> Paced:
        """What it tells of the time that trials take."""
        return Paced(self.stage, self.stack_id, self.seconds, self.status)

    def note_epoch(self, score: float | None, seconds: float, *, last_epochs: int | None) -> None:
        """One more finished epoch; `last_epochs` as in `TrialConfig`."""
        self.num_epochs, self.seconds = self.num_epochs + 1, seconds
        if score is None:
            return
        if last_epochs is None:
            self.score = score if self.score is None else max(self.score, score)
            return
        self._measured = [*self._measured, score][-last_epochs:]
        self.score = sum(self._measured) / len(self._measured)


def read_trials(record: Record, config: SearchConfig) -> dict[str, TrialState]:
    """All trials of a record, in the order of asking.

    Args:
        record: of the search.
        config: what is searched.
    """
    trials: dict[str, TrialState] = {}
    asks = record.pick("ask", "stack_id", "stage", "condition", "finalist")
    for number, _, trial_id, stack_id, stage, condition, finalist in asks:
        trials[trial_id] = TrialState(trial_id, stack_id, stage, condition, finalist, number)
    factor = sign(config.objective)
    for _, _, trial_id, epoch, seconds, value in record.pick(
        "epoch", "epoch", "seconds", config.objective
    ):
        trial = trials.get(trial_id)
        # An epoch reported twice counts once.
        if trial is not None and epoch == trial.num_epochs + 1:
            score = None if value is None else factor * value
            trial.note_epoch(score, seconds or 0.0, last_epochs=config.last_epochs)
    for number, _, trial_id, status, reason in record.pick("end", "status", "stop_reason"):
        if trial_id in trials:
            trial = trials[trial_id]
            trial.ended, trial.status, trial.stop_reason = number, status, reason
    return trials


def most_at_once(trials: Iterable[TrialState], *, since: int = 0) -> int:
    """How many trials of the search stage were open side by side at most.

    Args:
        trials: any.
        since: number of the event to begin with.
    """
    changes = []
    for trial in trials:
        if trial.stage == "search" and (trial.ended is None or trial.ended > since):
            changes.append((max(trial.asked, since), 1))
            if trial.ended is not None:
                changes.append((trial.ended, -1))
    most = running = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most
