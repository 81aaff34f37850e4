"""How much training a death cost: what was trained twice, at most.

Measured from the record: what a trial had trained at the death is known up to its last report,
plus at most the time since then; where it went on from is what its checkpoint held, which the
record notes (`restored_epoch`, `restored_seconds`); nothing noted means from the beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tune_noise.record import Event

from .facts import Life

# A trial may lose what it trained since its last checkpoint: an epoch, or so much where epochs
# are shorter.
INTERVAL_SECONDS = 5.0


@dataclass(frozen=True)
class Redone:
    """What one trial that ran at a death trained twice, at most.

    Attributes:
        stack_id: of the trial, or of the fresh seeds that are trained together.
        epochs: finished ones.
        seconds: of training, the epoch under way included.
        epoch_seconds: of its longest epoch.
        went_on: it was restored from a checkpoint.
    """

    stack_id: str
    epochs: int
    seconds: float
    epoch_seconds: float
    went_on: bool

    @property
    def intervals(self) -> float:
        """In intervals of its checkpoints; the goal is at most one."""
        return self.seconds / max(INTERVAL_SECONDS, self.epoch_seconds)


def redone(lives: Sequence[Life], events: Sequence[Event]) -> list[Redone]:
    """For every death, each stack that ran at it.

    Args:
        lives: in order; the last one came to its end.
        events: of the finished search.
    """
    found = []
    for number, life in enumerate(lives[:-1], 1):
        if life.killed is None:
            continue
        stacks = lost_stacks(life, lives[number]) if life.is_node else running(life.events)
        for stack_id, members in stacks.items():
            later = _next_news(members[0], lives[number:])
            if any(_tells_of_training(event) for event in later):
                found.append(_of_stack(stack_id, members[0], life, later, events))
    return found


def _next_news(trial_id: str, lives: Sequence[Life]) -> list[Event]:
    """What the next driver that came to a trial says of it; others died before they did."""
    news = ([e for e in life.news if e.trial_id == trial_id] for life in lives)
    return next(filter(None, news), [])


def _tells_of_training(event: Event) -> bool:
    """A trial that a rung's verdict waited for is ended by the resume without any training."""
    return event.kind in ("epoch", "note") or event.data.get("status") == "completed"


def lost_stacks(life: Life, following: Life) -> dict[str, list[str]]:
    """The stacks that a node took with it: the driver notes each."""
    noted = {e.trial_id for e in following.news if notes_a_loss(e)}
    return {s: ids for s, ids in running(life.events).items() if ids[0] in noted}


def notes_a_loss(event: Event) -> bool:
    """Whether the driver says that a trial lost its process; what is restored later says so."""
    data = event.data
    return event.kind == "note" and bool(data.get("is_warning")) and "restored_epoch" not in data


def running(events: Sequence[Event]) -> dict[str, list[str]]:
    """The stacks that were asked for and have not ended, with their first trial's id first."""
    ended = {e.trial_id for e in events if e.kind == "end"}
    stacks: dict[str, list[str]] = {}
    open_stacks = set()
    for event in events:
        if event.kind == "ask":
            stacks.setdefault(event.data["stack_id"], []).append(str(event.trial_id))
            if event.trial_id not in ended:
                open_stacks.add(event.data["stack_id"])
    return {stack_id: ids for stack_id, ids in stacks.items() if stack_id in open_stacks}


def _of_stack(
    stack_id: str, trial_id: str, life: Life, later: Sequence[Event], events: Sequence[Event]
) -> Redone:
    restored = next(
        (e.data for e in later if e.kind == "note" and "restored_epoch" in e.data),
        {"restored_epoch": 0, "restored_seconds": 0.0},
    )
    all_epochs = [e.data for e in events if e.kind == "epoch" and e.trial_id == trial_id]
    durations = _durations(all_epochs)
    trained = _trained_seconds(trial_id, life, events)
    seconds = max(0.0, trained - restored["restored_seconds"])
    recorded = sum(e.kind == "epoch" and e.trial_id == trial_id for e in life.events)
    # Unreported epochs are counted from their times in the record after all.
    finished = sum(epoch["seconds"] <= trained for epoch in all_epochs)
    return Redone(
        stack_id,
        epochs=max(0, max(recorded, finished) - restored["restored_epoch"]),
        seconds=seconds,
        epoch_seconds=max(durations, default=0.0),
        went_on=restored["restored_epoch"] > 0,
    )


def _durations(epochs: Sequence[dict[str, Any]]) -> list[float]:
    # Where a trial was restored its clock goes on from the checkpoint, so a difference may be
    # negative.
    clock = [0.0, *(epoch["seconds"] for epoch in epochs)]
    return [max(0.0, b - a) for a, b in pairwise(clock)]


def _trained_seconds(trial_id: str, life: Life, events: Sequence[Event]) -> float:
    """The most that a trial can have trained when its life ended, on its own clock."""
    assert life.killed is not None
    begun, at_begin = life.started, 0.0
    reports: list[tuple[float, float]] = []
    for event in life.news:
        if event.trial_id != trial_id:
            continue
        if event.kind == "ask":
            begun = event.seconds
        elif event.kind == "note" and "restored_seconds" in event.data:
            begun, at_begin = event.seconds, event.data["restored_seconds"]
        elif event.kind == "epoch":
            reports.append((event.seconds, event.data["seconds"]))
    if reports:
        at, seconds = reports[-1]
        return seconds + life.killed - at
    # Without a new epoch in this life it was not further than the last one that is known, plus
    # what it trains before it reports; the time since the ask also holds the start of its process.
    known = [e.data["seconds"] for e in life.known if e.kind == "epoch" and e.trial_id == trial_id]
    unreported = _longest_first_report(events)
    return min(at_begin + life.killed - begun, max(known, default=0.0) + unreported)


def _longest_first_report(events: Sequence[Event]) -> float:
    """Training before the first report of a trial, the most among all trials of the search."""
    first: dict[str, tuple[float, float]] = {}
    for event in events:
        if event.kind == "epoch" and event.trial_id is not None:
            at, _ = first.setdefault(event.trial_id, (event.seconds, 0.0))
            if event.seconds == at:
                first[event.trial_id] = (at, event.data["seconds"])
    return max((seconds for _, seconds in first.values()), default=float("inf"))
