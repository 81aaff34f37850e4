"""How a search stands, from its folder and its record alone, running or not.

It reads a few values of each epoch instead of all, so that ten thousand trials take about a second.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tune_noise.config.search import Condition, SearchConfig
from tune_noise.errors import UserError
from tune_noise.history.counts import ConditionCounts, Counts
from tune_noise.history.open import find_record
from tune_noise.history.replay import History
from tune_noise.history.time_left import most_at_once
from tune_noise.record import Event, EventKind, Record
from tune_noise.record.folder import folds_dir
from tune_noise.record.reach import holder
from tune_noise.system.garbage import pause_collection
from tune_noise.system.lock import is_owned

SearchStatus = Literal["running", "interrupted", "finished"]
# All but `start`, `epoch` and `rung`, which are by far the most.
_KINDS: tuple[EventKind, ...] = (
    *("search", "run", "extend", "ask", "end", "note", "reference", "finish"),
)


@dataclass(frozen=True)
class ConditionState:
    """How one condition stands.

    Attributes:
        condition: of the search.
        counts: of its trials.
        suspect_folds: number of trainings that look for wrong labels.
        suspect_folds_done: number of those that are done.
    """

    condition: Condition
    counts: ConditionCounts
    suspect_folds: int
    suspect_folds_done: int


@dataclass(frozen=True)
class SearchState:
    """How a search stands.

    Attributes:
        folder: of the search.
        config: what is searched.
        status: `running` while a process owns the folder; a search is `finished` once all is
            trained, also while its outputs are still written.
        started: Unix time at which it began.
        last_event: Unix time of the last thing recorded.
        seconds: how long its drivers have worked, together.
        runs: how many drivers there were.
        host: of the last driver; None where none has begun to train.
        pid: of the last driver.
        conditions: in the order of the space.
        seconds_left: at the pace so far; None where too little has ended to tell.
        warnings: what the record warns of, oldest first.
        failures: a sentence per trial that diverged or failed, in the order of asking.
    """

    folder: Path
    config: SearchConfig
    status: SearchStatus
    started: float
    last_event: float
    seconds: float
    runs: int
    host: str | None
    pid: int | None
    conditions: tuple[ConditionState, ...]
    seconds_left: float | None
    warnings: list[str]
    failures: list[str]


def read_state(folder: Path, url: str | None = None) -> SearchState:
    """Return how the search in a folder stands; a driver at work in it is not disturbed.

    Args:
        folder: of the search.
        url: of the database that holds its record; None for what the folder says.

    Raises:
        UserError: there is no search, or its record cannot be read.
        StorageError: its database failed.
    """
    place = find_record(folder, url)
    # First: a search that ends meanwhile must not look interrupted.
    is_driven = is_owned(folder) or holder(place) is not None
    with Record(place) as record, pause_collection():
        history = read_light_history(record)
        if not history.search:
            raise UserError(f"{folder} holds a search that has not begun: run its command again")
        return _state(folder, record, history, is_driven=is_driven)


def read_light_history(record: Record) -> History:
    """Return the history whose epochs have of all metrics those that tell the best trial."""
    history = History.replay(record.find(kinds=_KINDS))
    if history.search:
        objective = history.config.objective
        names = ("epoch", "seconds", objective, f"{objective}_se", "val_renamed")
        for _, _, trial_id, *values in record.pick("epoch", *names):
            if trial_id in history.trials:
                history.trials[trial_id].add_epoch(dict(zip(names, values, strict=True)))
    return history


def _state(folder: Path, record: Record, history: History, *, is_driven: bool) -> SearchState:
    config = history.config
    runs = list(record.find(kinds=("run",)))
    last = _seconds_of(record, record.last_number())
    is_running = is_driven and not history.finished
    last_run: dict[str, Any] = runs[-1].data if runs else {}
    counts = Counts(history, config)
    conditions = counts.conditions()
    trials = history.trials.values()
    concurrent = most_at_once(trials, since=runs[-1].seconds if runs else 0.0)
    concurrent = concurrent or most_at_once(trials) or 1
    return SearchState(
        folder=folder,
        config=config,
        status="finished" if history.finished else "running" if is_running else "interrupted",
        started=next(record.find(kinds=("search",))).seconds,
        last_event=last,
        seconds=_worked(record, runs, time.time() if is_running else last),
        runs=len(runs),
        host=last_run.get("host"),
        pid=last_run.get("pid"),
        conditions=tuple(
            _condition(folder, history, condition, conditions[condition.name])
            for condition in config.all_conditions
        ),
        seconds_left=0.0
        if history.finished
        else counts.seconds_left(conditions, concurrent=concurrent),
        warnings=history.warnings,
        failures=[
            f"{trial.trial_id} {trial.status}: {trial.stop_reason}"
            for trial in trials
            if trial.is_lost
        ],
    )


def _seconds_of(record: Record, number: int) -> float:
    return next(record.events(after=number - 1, chunk=1)).seconds


def _worked(record: Record, runs: list[Event], end: float) -> float:
    """Return how long the drivers lived: each up to the last event before the next one."""
    ends = [_seconds_of(record, run.number - 1) for run in runs[1:]] + [end]
    return sum(max(0.0, e - run.seconds) for run, e in zip(runs, ends, strict=False))


def _condition(
    folder: Path, history: History, condition: Condition, counts: ConditionCounts
) -> ConditionState:
    folds = history.config.suspect_folds(condition)
    is_found = condition.name in history.suspects
    return ConditionState(
        condition=condition,
        counts=counts,
        suspect_folds=folds,
        suspect_folds_done=folds if is_found else _folds_done(folder, condition.name),
    )


def _folds_done(folder: Path, condition: str) -> int:
    return sum(1 for _ in folds_dir(folder, condition).glob("*.safetensors"))
