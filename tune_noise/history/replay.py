"""What a record says, as objects: the search and its trials, rebuilt by replaying events."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from tune_noise.config import declared
from tune_noise.config.metric_names import sign
from tune_noise.config.search import SearchConfig
from tune_noise.config.selected_epoch import EpochMetrics, selected_epoch
from tune_noise.config.trial import TrialConfig
from tune_noise.declaration import DeclarationError
from tune_noise.errors import UserError
from tune_noise.history.references import ReferenceHistory
from tune_noise.record import Event

# Another release of these may draw, propose or train something else; of the others it may not.
DECISIVE_PACKAGES = ("tune-noise", "torch", "optuna", "numpy")

Stage = Literal["search", "confirm"]
Status = Literal["completed", "stopped", "diverged", "failed"]
# How a trial may end, how a lost one ends, and the word for one that has not ended.
STATUSES: tuple[Status, ...] = get_args(Status)
LOST: tuple[Status, ...] = ("diverged", "failed")
RUNNING = "running"

# The papers report the mean of the last ten epochs.
LAST_EPOCHS = 10


def num_last_epochs(epochs: int) -> int:
    """Return how many epochs "the last epochs" are: ten, but at most a third of those trained.

    Example:
        >>> [num_last_epochs(epochs) for epochs in (200, 30, 12, 1)]
        [10, 10, 4, 1]
    """
    return max(1, min(LAST_EPOCHS, epochs // 3))


@dataclass
class TrialHistory:
    """One trial as far as it has gone.

    Attributes:
        trial_id: unique in the search.
        stack_id: trials trained together in one process share it.
        stage: `search`, or `confirm` for a finalist on a fresh seed.
        condition: name of its condition.
        config: what was trained.
        facts: what the trial found at its start, e.g. `realised_noise_rate`.
        epochs: one dict per finished epoch, in order: `epoch` from 1, `seconds` since the start of
            training, and the metrics of `metrics.names`; absent where they cannot be measured.
        rungs: epoch -> whether the scheduler let the trial go on.
        status: None while it runs.
        stop_reason: why it did not train all its epochs, in words; empty where it did.
        finalist: in stage confirm, the trial_id of the search trial that is confirmed.
        noise: in stage confirm, what it tells of noise and classes (`training.noise_findings`);
            None where it did not complete. An earlier version wrote less of it, or nothing.
    """

    trial_id: str
    stack_id: str
    stage: Stage
    condition: str
    config: TrialConfig
    finalist: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    epochs: list[EpochMetrics] = field(default_factory=list)
    rungs: dict[int, bool] = field(default_factory=dict)
    status: Status | None = None
    stop_reason: str = ""
    asked_seconds: float = 0.0
    ended_seconds: float | None = None
    noise: dict[str, Any] | None = None
    # What `selected` was after how many epochs.
    _selected: tuple[int, EpochMetrics | None] = field(default=(0, None), repr=False, compare=False)

    @property
    def state(self) -> str:
        """The status, or `running` where there is none yet."""
        return self.status or RUNNING

    @property
    def is_lost(self) -> bool:
        """True if it diverged or failed. Then it counts for nothing, however good it was before."""
        return self.status in LOST

    @property
    def is_sound(self) -> bool:
        """True if it has a score that counts, so that it may be the best trial or be confirmed."""
        return not self.is_lost and self.score is not None

    @property
    def ended_well(self) -> bool:
        """True if it was trained to its end, or was stopped before because that was enough."""
        return self.status is not None and not self.is_lost

    @property
    def is_renamed(self) -> bool:
        """True if the selected epoch seems to name the classes in another order than the labels."""
        return bool((self.selected or {}).get("val_renamed"))

    @property
    def num_epochs(self) -> int:
        """Number of epochs finished so far."""
        return len(self.epochs)

    @property
    def seconds(self) -> float:
        """Seconds of training up to the end of the last finished epoch."""
        return self.epochs[-1].get("seconds", 0.0) if self.epochs else 0.0

    @property
    def selected(self) -> EpochMetrics | None:
        """The epoch that counts so far, see `selected_epoch`; None before there is one."""
        number, selected = self._selected
        if number != self.num_epochs:
            number = self.num_epochs
            selected = selected_epoch(self.config, self.epochs[:number])
            self._selected = (number, selected)
        return selected

    @property
    def score(self) -> float | None:
        """The objective at the selected epoch, with the sign that makes larger better."""
        name, selected = self.config.objective, self.selected
        return None if selected is None else sign(name) * selected[name]

    def last_mean(self, metric: str) -> float | None:
        """Return the mean of a metric over the last epochs (`num_last_epochs`)."""
        last = self.epochs[-num_last_epochs(len(self.epochs)) :] if self.epochs else []
        values = [epoch[metric] for epoch in last if epoch.get(metric) is not None]
        return sum(values) / len(values) if values else None

    def apply(self, event: Event) -> None:
        """Take one more event of this trial into account."""
        if event.kind == "start":
            self.facts = event.data
        elif event.kind == "epoch":
            self.add_epoch(event.data)
        elif event.kind == "rung":
            self.rungs[event.data["epoch"]] = event.data["goes_on"]
        elif event.kind == "end":
            self.status, self.stop_reason = event.data["status"], event.data["stop_reason"]
            self.ended_seconds = event.seconds
            self.noise = event.data.get("noise")

    def add_epoch(self, data: EpochMetrics) -> None:
        """Add a finished epoch; one that is reported again counts once."""
        if data["epoch"] == self.num_epochs + 1:
            self.epochs.append({k: v for k, v in data.items() if v is not None})


@dataclass
class SearchTime:
    """How long a search has searched: the time that its drivers lived, and nothing between them.

    Attributes:
        budget_seconds: of the search stage, as the last driver was told; None for no limit.
        used_up_seconds: the largest budget that was used up; 0 where none was.
    """

    budget_seconds: float | None = None
    used_up_seconds: float = 0.0
    _before: float = 0.0
    _run_started: float | None = None
    _last_search_event: float = 0.0

    @property
    def used_seconds(self) -> float:
        """The time of all drivers, up to the last event of a trial of the search stage."""
        if self._run_started is None:
            return self._before
        return self._before + max(0.0, self._last_search_event - self._run_started)

    @property
    def is_used_up(self) -> bool:
        """True if the budget of the last driver is used up. Then no further trial is asked for."""
        return self.budget_seconds is not None and self.used_up_seconds >= self.budget_seconds

    def deadline(self, budget_seconds: float | None) -> float:
        """Return the Unix time at which a budget is used up; minus infinity where it is already."""
        if budget_seconds is None:
            return math.inf
        if self.used_up_seconds >= budget_seconds:
            return -math.inf
        return time.time() + budget_seconds - self.used_seconds

    def start_run(self, event: Event) -> None:
        """Note that a driver starts; the one before has ended, however it did."""
        self._before, self._run_started = self.used_seconds, event.seconds
        self.budget_seconds = event.data["time_budget_seconds"]

    def note_search_event(self, event: Event) -> None:
        """Note that something happened to a trial of the search stage."""
        self._last_search_event = event.seconds


@dataclass
class History:
    """A search as its record tells it.

    Attributes:
        search: the payload of the `search` event: `config` (a SearchConfig as plain values),
            `versions`, `commit`, `dataset` (facts of the data), `machine`; empty before it.
        trials: trial_id -> trial, in the order of asking.
        warnings: what a person should know of how the search went, a sentence each, in order.
        suspects: condition -> facts of the table of its suspects: of which trial, how many, and
            how well they were found where the truth is known.
        audits: condition -> what labels checked by hand tell of it.
        references: condition -> name of a reference model -> how it did.
        time: how long it has searched.
        finished: whether the search came to its end.
        last_number: number of the last event applied.
    """

    search: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, TrialHistory] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    suspects: dict[str, dict[str, Any]] = field(default_factory=dict)
    audits: dict[str, dict[str, Any]] = field(default_factory=dict)
    references: dict[str, dict[str, ReferenceHistory]] = field(default_factory=dict)
    time: SearchTime = field(default_factory=SearchTime)
    finished: bool = False
    last_number: int = 0

    @classmethod
    def replay(cls, events: Iterable[Event]) -> "History":
        """Rebuild a history from the events of a record."""
        history = cls()
        for event in events:
            history.apply(event)
        return history

    @cached_property
    def config(self) -> SearchConfig:
        """The search's configuration; only after its `search` event."""
        return SearchConfig.model_validate(self.search["config"])

    def apply(self, event: Event) -> None:
        """Take one more event into account; an epoch reported twice counts once."""
        self.last_number = max(self.last_number, event.number)
        if event.kind == "ask":
            self._ask(event)
        elif event.kind == "note":
            self.warnings += [event.data["text"]] if event.data["is_warning"] else []
            self.suspects |= event.data.get("suspects", {})
            self.audits |= event.data.get("audits", {})
            self.time.used_up_seconds = event.data.get("used_up_seconds", self.time.used_up_seconds)
        elif event.trial_id is None:
            self._advance_search(event)
        elif event.trial_id in self.trials:
            self.trials[event.trial_id].apply(event)
        trial = self.trials.get(event.trial_id or "")
        if trial is not None and trial.stage == "search":
            self.time.note_search_event(event)

    def _advance_search(self, event: Event) -> None:
        if event.kind == "search":
            self.search = event.data
            _load_own(self.config)
        elif event.kind == "reference":
            models = self.references.setdefault(event.data["condition"], {})
            name = event.data["name"]
            models[name] = ReferenceHistory.of_event(event.data, models.get(name))
        elif event.kind == "run":
            self.time.start_run(event)
        elif event.kind == "extend":
            self.search = {**self.search, "config": {**self.search["config"], **event.data}}
            self.__dict__.pop("config", None)  # the cached one
            self.finished = False
        elif event.kind == "finish":
            self.finished = True

    def _ask(self, event: Event) -> None:
        data, trial_id = event.data, str(event.trial_id)
        self.trials[trial_id] = TrialHistory(
            trial_id=trial_id,
            stack_id=data["stack_id"],
            stage=data["stage"],
            condition=data["condition"],
            config=TrialConfig.model_validate(data["config"]),
            finalist=data.get("finalist"),
            asked_seconds=event.seconds,
        )

    def of(self, *, condition: str, stage: Stage) -> list[TrialHistory]:
        """Return the trials of one condition in one stage, in the order of asking."""
        return [
            trial
            for trial in self.trials.values()
            if trial.condition == condition and trial.stage == stage
        ]


def _load_own(search: SearchConfig) -> None:
    """Load what a search uses of a user's own, so that its trials have the fields of all of it.

    Raises:
        UserError: a method or a kind of noise cannot be used here. A network is not needed to read.
    """
    for part, name in search.own_parts:
        try:
            declared.declaration_of(part, name)
        except DeclarationError as error:
            if part != "model":
                raise UserError(f"this search uses a {part} of your own: {error}") from None
