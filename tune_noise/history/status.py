"""How a search stands, from its folder and its record alone, running or not.

Reads a few values of each event instead of all, so that ten thousand trials take about a second.
"""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tune_noise.config.metric_names import sign
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.errors import UserError
from tune_noise.history.light_trials import TrialState, most_at_once, read_trials
from tune_noise.history.replay import History, TrialHistory
from tune_noise.history.time_left import seconds_left
from tune_noise.record import Event, EventKind, Record, RecordPlace
from tune_noise.system.garbage import all_is_kept
from tune_noise.system.lock import is_owned

SearchStatus = Literal["running", "interrupted", "finished"]
STATUSES = ("running", "completed", "stopped", "diverged", "failed")
_SEARCH_EVENTS: tuple[EventKind, ...] = ("search", "run", "extend", "note", "finish")
# Where `cross_fitting` keeps the folds of a condition until its table is written.
_FOLDS = "winners/{}/folds"


@dataclass(frozen=True)
class FinalistState:
    """A finalist as far as it is confirmed.

    Attributes:
        trial_id: of the search trial that is confirmed.
        seeds_done: fresh seeds that have ended, however they did.
        seeds_asked: those asked for so far.
        objective: mean over the seeds that were trained to their end; None where none was.
    """

    trial_id: str
    seeds_done: int
    seeds_asked: int
    objective: float | None


@dataclass(frozen=True)
class ConditionState:
    """How one condition stands.

    Attributes:
        condition: what it is.
        planned: trials of its search.
        statuses: status -> number of its search trials; `running` where one has not ended.
        best: the best search trial so far, whole; None where none has a score.
        finalists: in the order of asking.
        confirmations_planned: fresh seeds of all finalists together, as far as is known.
        suspect_folds: trainings that look for wrong labels.
        suspect_folds_done: those that are done.
    """

    condition: Condition
    planned: int
    statuses: dict[str, int]
    best: TrialHistory | None
    finalists: tuple[FinalistState, ...]
    confirmations_planned: int
    suspect_folds: int
    suspect_folds_done: int

    @property
    def ended(self) -> int:
        """Search trials that have ended."""
        return sum(self.statuses.values()) - self.statuses["running"]

    @property
    def confirmations_done(self) -> int:
        """Fresh seeds of all finalists that have ended."""
        return sum(finalist.seeds_done for finalist in self.finalists)


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
        failures: a sentence per trial that diverged or failed, oldest first.
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
    """How the search in a folder stands; a driver at work in it is not disturbed.

    Args:
        folder: of the search.
        url: of the database that holds its record; None for what the folder says.

    Raises:
        UserError: there is no search, or its record cannot be read.
        StorageError: its database failed.
    """
    place = RecordPlace.of_folder(folder, url)
    if not folder.is_dir() or not place.exists():
        raise UserError(f"{folder} holds no search: nothing is recorded in {place.shown}")
    # First: a search that ends meanwhile must not look interrupted.
    is_driven = is_owned(folder) or place.holder() is not None
    with Record(place) as record, all_is_kept():
        events = list(record.find(kinds=_SEARCH_EVENTS))
        history = History.replay(events)
        if not history.search:
            raise UserError(f"{folder} holds a search that has not begun: run its command again")
        trials = read_trials(record, history.config)
        return _state(folder, record, history, events, trials, is_driven=is_driven)


def _state(
    folder: Path,
    record: Record,
    history: History,
    events: list[Event],
    trials: dict[str, TrialState],
    *,
    is_driven: bool,
) -> SearchState:
    runs = [event for event in events if event.kind == "run"]
    last = _seconds_of(record, record.last_number())
    is_running = is_driven and not history.finished
    last_run = runs[-1].data if runs else {}
    conditions = tuple(
        _condition(folder, record, history, each, trials) for each in history.config.all_conditions
    )
    return SearchState(
        folder=folder,
        config=history.config,
        status="finished" if history.finished else "running" if is_running else "interrupted",
        started=next(event.seconds for event in events if event.kind == "search"),
        last_event=last,
        seconds=_worked(record, runs, time.time() if is_running else last),
        runs=len(runs),
        host=last_run.get("host"),
        pid=last_run.get("pid"),
        conditions=conditions,
        seconds_left=0.0 if history.finished else _left(conditions, trials, runs),
        warnings=history.warnings,
        failures=[
            f"{trial.trial_id} {trial.status}: {trial.stop_reason}"
            for trial in trials.values()
            if trial.status in ("diverged", "failed")
        ],
    )


def _seconds_of(record: Record, number: int) -> float:
    return next(record.events(after=number - 1, chunk=1)).seconds


def _worked(record: Record, runs: list[Event], end: float) -> float:
    """How long the drivers lived: each up to the last event before the next one."""
    ends = [_seconds_of(record, run.number - 1) for run in runs[1:]] + [end]
    return sum(max(0.0, e - run.seconds) for run, e in zip(runs, ends, strict=False))


def _condition(
    folder: Path,
    record: Record,
    history: History,
    condition: Condition,
    trials: dict[str, TrialState],
) -> ConditionState:
    config, name = history.config, condition.name
    own = [trial for trial in trials.values() if trial.condition == name]
    searched = [trial for trial in own if trial.stage == "search"]
    finalists = _finalists([trial for trial in own if trial.stage == "confirm"], config)
    asked = sum(finalist.seeds_asked for finalist in finalists)
    is_all = history.finished or _is_out_of_time(history)
    counts = Counter(trial.status or "running" for trial in searched)
    folds = config.suspect_folds
    found = name in history.suspects
    return ConditionState(
        condition=condition,
        planned=len(searched) if is_all else config.trials,
        statuses={status: counts[status] for status in STATUSES},
        best=_best(record, searched),
        finalists=finalists,
        confirmations_planned=asked
        if history.finished
        else max(config.num_finalists * config.confirm.seeds, asked),
        suspect_folds=folds,
        suspect_folds_done=folds if found else _folds_done(folder, name),
    )


def _is_out_of_time(history: History) -> bool:
    budget = history.time.budget_seconds
    return budget is not None and history.time.used_up_seconds >= budget


def _best(record: Record, searched: list[TrialState]) -> TrialHistory | None:
    """The best of those that did not diverge or fail, with all that is recorded of it."""
    sound = [t for t in searched if t.score is not None and t.status not in ("diverged", "failed")]
    best = max(sound, key=lambda trial: trial.score or 0.0, default=None)
    if best is None:
        return None
    own = record.find(trial_id=best.trial_id, first=best.asked, last=best.ended)
    return History.replay(own).trials[best.trial_id]


def _finalists(confirming: list[TrialState], config: SearchConfig) -> tuple[FinalistState, ...]:
    groups: dict[str, list[TrialState]] = {}
    for trial in confirming:
        groups.setdefault(trial.finalist or trial.trial_id, []).append(trial)
    return tuple(_finalist(name, trials, config) for name, trials in groups.items())


def _finalist(name: str, trials: list[TrialState], config: SearchConfig) -> FinalistState:
    scores = [t.score for t in trials if t.score is not None and t.status == "completed"]
    mean = sign(config.objective) * sum(scores) / len(scores) if scores else None
    done = sum(trial.status is not None for trial in trials)
    return FinalistState(name, seeds_done=done, seeds_asked=len(trials), objective=mean)


def _folds_done(folder: Path, condition: str) -> int:
    return sum(1 for _ in (folder / _FOLDS.format(condition)).glob("*.safetensors"))


def _left(
    conditions: tuple[ConditionState, ...], trials: dict[str, TrialState], runs: list[Event]
) -> float | None:
    since = runs[-1].number if runs else 0
    return seconds_left(
        (trial.paced() for trial in trials.values() if trial.num_epochs),
        searches=sum(each.planned for each in conditions),
        confirmations=sum(each.confirmations_planned for each in conditions),
        concurrent=most_at_once(trials.values(), since=since) or most_at_once(trials.values()) or 1,
    )
