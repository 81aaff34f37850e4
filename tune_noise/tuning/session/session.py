"""The search's state machine: what is trained next, what a report means, when everything is done.

It knows no Ray: `driver.py` asks and reports. Everything that happens is appended to the record
before it takes effect, and a session is rebuilt from the record alone.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tune_noise.config.configurations import Values, budgets
from tune_noise.config.search import Condition, SearchConfig
from tune_noise.history.replay import History, TrialHistory
from tune_noise.record import Event, Record
from tune_noise.training.reference_models import Reference
from tune_noise.tuning.session.confirmation import confirmations_due
from tune_noise.tuning.session.event_log import EventLog
from tune_noise.tuning.session.rungs import RungLadder, rung_levels
from tune_noise.tuning.session.sampler import GroupSampler
from tune_noise.tuning.session.seeds import search_seeds
from tune_noise.tuning.session.stacks import Stack, stack_of

Group = tuple[str, Any]
# A stack that fails so often without a new epoch between is given up: its trials have failed.
MAX_FAILURES = 4


class Session:
    """One running search.

    Args:
        search: what to do.
        record: empty, or that of the search to continue.
        time_budget_seconds: of all drivers that worked on the search together; after it no search
            trial is asked for and those that run are stopped at their next report; finalists are
            confirmed all the same.

    Attributes:
        history: what the record says, always up to date.
        on_change: called with each event after it was recorded, e.g. to show progress.
        rung_levels: the epochs at which trials are judged.
        slots: says how many stacks may run side by side; a confirmation is dealt out to them.
    """

    def __init__(
        self,
        search: SearchConfig,
        record: Record,
        *,
        time_budget_seconds: float | None = None,
    ) -> None:
        """Rebuild sampler, rungs and open trials from the record."""
        self.search = search
        self.record = record
        self.history = History()
        self.on_change: Callable[[Event], None] = lambda event: None
        self.slots: Callable[[], int] = lambda: 1
        self._budget_seconds = time_budget_seconds
        self._conditions = {condition.name: condition for condition in search.all_conditions}
        stopping = search.early_stopping
        self.rung_levels = (
            rung_levels(stopping.grace_epochs, search.epochs, stopping.reduction_factor)
            if stopping
            else []
        )
        self._ladder = RungLadder(stopping.reduction_factor if stopping else 2)
        self._waiting: list[Stack] = []
        self._running: set[str] = set()
        # The conditions whose finalists are decided: nothing reopens them under this driver.
        self._decided: set[str] = set()
        # How often each stack has failed since its last new epoch.
        self._failures: Counter[str] = Counter()
        self._log = EventLog(record, self._take_effect, lambda event: self.on_change(event))
        self._rebuild(record.events())
        self._deadline = self.history.time.deadline(time_budget_seconds)

    def _rebuild(self, events: Iterable[Event]) -> None:
        for event in events:
            self.history.apply(event)
            if event.kind == "rung":
                trial = self.history.trials[str(event.trial_id)]
                self._ladder.arrive(self._group(trial), event.data["epoch"], event.data["score"])
        self._samplers = _group_samplers(self.search, self.history.search.get("start", {}))
        for trial in self.history.trials.values():
            if trial.stage == "search":
                self._samplers[self._group(trial)].replay(trial)
        self._running = {t.trial_id for t in self.history.trials.values() if t.status is None}
        for trial_id in sorted(self._running):
            self._judge_restored(self.history.trials[trial_id])
        self._waiting = self._open_stacks()

    def _judge_restored(self, trial: TrialHistory) -> None:
        """Judge a trial that had reached a rung when its driver ended.

        The trial itself may have been checkpointed at the rung and would not report it again.
        """
        if trial.stage == "search" and trial.num_epochs in self.rung_levels:
            self._judge_at_rung(trial)

    def _open_stacks(self) -> list[Stack]:
        """Return the stacks that were asked for and have not ended: they are trained first."""
        members: dict[str, list[TrialHistory]] = {}
        for trial in self.history.trials.values():
            members.setdefault(trial.stack_id, []).append(trial)
        return [stack_of(ts) for ts in members.values() if any(t.status is None for t in ts)]

    def _group(self, trial: TrialHistory) -> Group:
        return trial.condition, self.search.level_of(trial.config)

    def _take_effect(self, event: Event) -> None:
        self.history.apply(event)
        if event.kind == "ask":
            self._running.add(str(event.trial_id))
        elif event.kind == "end":
            self._running.discard(str(event.trial_id))

    def note(
        self, text: str, *, trial_id: str | None = None, is_warning: bool = False, **facts: Any
    ) -> None:
        """Record how the search went, in one sentence; a warning is also shown."""
        self._log.write(Event("note", trial_id, {"text": text, "is_warning": is_warning, **facts}))

    def note_restored(
        self, stack: Stack, *, epoch: int, seconds: float, damage: Sequence[str]
    ) -> None:
        """Record from where a stack goes on, and say which of its checkpoints are damaged.

        Args:
            stack: that was restored.
            epoch: that it has reached; 0: it starts again.
            seconds: of training that lie behind it.
            damage: a sentence for each checkpoint that was not usable.
        """
        start = f"goes on from epoch {epoch}" if epoch else "starts from the beginning"
        self.note(
            "; ".join([*damage, f"{stack.stack_id} {start}"]),
            trial_id=stack.trial_ids[0],
            is_warning=bool(damage),
            restored_epoch=epoch,
            restored_seconds=seconds,
        )

    # What is trained next.

    def stacks_left(self) -> int:
        """Return how many stacks are known to be left: under way, waiting or not yet proposed."""
        trials = self.history.trials.values()
        under_way = {trial.stack_id for trial in trials if trial.status is None}
        if self.out_of_time:
            return len(under_way)
        asked = sum(trial.stage == "search" for trial in trials)
        planned = sum(sampler.num_trials for sampler in self._samplers.values())
        return len(under_way) + max(0, planned - asked)

    @property
    def out_of_time(self) -> bool:
        """Whether the time budget is used up, which is recorded before it takes effect."""
        if time.time() < self._deadline:
            return False
        if self._deadline > -math.inf:
            self._deadline = -math.inf
            self.note(
                f"the time budget of {self._budget_seconds:g} s is used up: no further trial of "
                "the search is begun",
                # Where nothing has begun at all, the command ends with a sentence of its own.
                is_warning=bool(self.history.trials),
                used_up_seconds=self._budget_seconds,
            )
        return True

    def next_stack(self) -> Stack | None:
        """Return the next stack to train; None where results must come in first."""
        if self._waiting:
            return self._waiting.pop(0)
        if not self.out_of_time and (stack := self._ask()):
            return stack
        self._ask_finalists()
        return self._waiting.pop(0) if self._waiting else None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train and every finalist has been asked for."""
        return (
            not self._waiting
            and not self._running
            and (self.out_of_time or not any(s.has_proposals for s in self._samplers.values()))
            and not any(map(self._due, self._conditions))
        )

    def _ask(self) -> Stack | None:
        """Ask the group that is furthest behind, so that all conditions advance together."""
        while open_groups := [g for g, s in self._samplers.items() if s.has_proposals]:
            group = min(open_groups, key=lambda g: self._samplers[g].spent)
            if stack := self._ask_group(group):
                return stack
        return None

    def _ask_group(self, group: Group) -> Stack | None:
        condition = self._conditions[group[0]]
        number = 1 + sum(s.num_asked for g, s in self._samplers.items() if g[0] == group[0])
        trial_id = f"c{self._number(condition)}-t{number:04d}"
        values = self._samplers[group].ask(trial_id)
        if values is None:
            self.note(
                f"{condition.name}: no configuration was drawn that had not been tried: its "
                f"search ends with {number - 1} trials",
                is_warning=True,
            )
            return None
        config = self.search.trial_config(condition, values, **search_seeds(self.search))
        stack = Stack(trial_id, "search", condition.name, (trial_id,), (config,))
        self._log.write(*stack.asks(finalist=None))
        return stack

    def _number(self, condition: Condition) -> int:
        return 1 + list(self._conditions).index(condition.name)

    # Finalists.

    def _due(self, condition: str) -> list[tuple[str, Stack]]:
        """Return the confirmations to ask for; none while the condition waits for results."""
        proposing = any(s.has_proposals for g, s in self._samplers.items() if g[0] == condition)
        running = any(self.history.trials[t].condition == condition for t in self._running)
        if condition in self._decided or running or (proposing and not self.out_of_time):
            return []
        number = self._number(self._conditions[condition])
        # The other conditions that are still to be confirmed need their share.
        slots = max(1, self.slots() // (len(self._conditions) - len(self._decided)))
        due = confirmations_due(
            self.history, self.search, condition=condition, number=number, slots=slots
        )
        if not due:
            self._decided.add(condition)
        return due

    def _ask_finalists(self) -> None:
        for condition in self._conditions:
            due = self._due(condition)
            self._waiting += [stack for _, stack in due]
            # All or none: a driver killed in between would leave a finalist behind.
            self._log.write(*(e for finalist, stack in due for e in stack.asks(finalist=finalist)))

    # What a report means.

    def report(self, report: dict[str, Any]) -> bool:
        """Record what a stack did since its last report, and return whether it goes on.

        Args:
            report: trial_id -> {"facts", "epochs", "status", "stop_reason", "noise"}; epochs may
                overlap with earlier reports. A report never passes a rung: it ends at it.
        """
        trials = [self.history.trials[trial_id] for trial_id in report]
        with self._log.in_one_piece():
            for trial in trials:
                self._take_news(trial, report[trial.trial_id])
            # Every trial is judged before one of them may answer for the stack.
            verdicts = [self._judge(trial) for trial in trials if trial.status is None]
        return any(verdicts)

    def _take_news(self, trial: TrialHistory, news: dict[str, Any]) -> None:
        if trial.status is not None:
            return
        events = []
        if not trial.facts:
            events.append(Event("start", trial.trial_id, news["facts"]))
        fresh = [epoch for epoch in news["epochs"] if epoch["epoch"] > trial.num_epochs]
        events += [Event("epoch", trial.trial_id, epoch) for epoch in fresh]
        self._log.write(*events)
        if fresh:
            # On machines that come and go a long trial may fail any number of times.
            self._failures.pop(trial.stack_id, None)
        if news["status"] is not None:
            self._end(trial, news["status"], news["stop_reason"], noise=news.get("noise"))

    def _judge(self, trial: TrialHistory) -> bool:
        """Return whether a search trial that still runs goes on."""
        if trial.stage == "confirm":
            return True
        if self.out_of_time:
            self._end(trial, "stopped", "time budget used up")
            return False
        return trial.num_epochs not in self.rung_levels or self._judge_at_rung(trial)

    def _judge_at_rung(self, trial: TrialHistory) -> bool:
        level = trial.num_epochs
        if level not in trial.rungs:
            score = trial.score
            goes_on = self._ladder.arrive(self._group(trial), level, score)
            data = {"epoch": level, "score": score, "goes_on": goes_on}
            self._log.write(Event("rung", trial.trial_id, data), durable=True)
        if not trial.rungs[level]:
            self._end(trial, "stopped", f"rung {level}: not among the best")
        return trial.rungs[level]

    def has_ended(self, stack: Stack) -> bool:
        """Return whether all trials of a stack have ended."""
        return all(self.history.trials[t].status is not None for t in stack.trial_ids)

    def give_back(self, stack: Stack) -> None:
        """Have a stack that was not trained to its end be the next one."""
        self._waiting.insert(0, stack)

    def retry(self, stack: Stack, reason: str) -> None:
        """Give a stack that has failed to another process, or give it up: see MAX_FAILURES."""
        self._failures[stack.stack_id] += 1
        if self._failures[stack.stack_id] >= MAX_FAILURES:
            self.fail(stack, f"failed {MAX_FAILURES} times: {reason}")
        elif not self.has_ended(stack):
            self.note(
                f"{stack.stack_id} failed and is given to another process: {reason}",
                trial_id=stack.trial_ids[0],
                is_warning=True,
            )
            self.give_back(stack)

    def fail(self, stack: Stack, reason: str) -> None:
        """Record that a stack cannot be trained."""
        for trial_id in stack.trial_ids:
            trial = self.history.trials[trial_id]
            if trial.status is None:
                self._end(trial, "failed", reason)

    def _end(self, trial: TrialHistory, status: str, reason: str, noise: Any = None) -> None:
        data = {"status": status, "stop_reason": reason} | ({"noise": noise} if noise else {})
        self._log.write(Event("end", trial.trial_id, data), durable=True)
        if trial.stage == "search":
            self._samplers[self._group(trial)].tell(trial)

    def note_reference(self, reference: Reference, result: Mapping[str, Any] | str) -> None:
        """Record how a reference model did, or why it could not be trained."""
        about = {"condition": reference.condition, "name": reference.name}
        if isinstance(result, str):
            result = {"problem": result, "metrics": [], "settings": {}}
        self._log.write(Event("reference", data={**result, **about}), durable=True)

    def finish(self) -> None:
        """Record that the search is over."""
        if not self.history.finished:
            self._log.write(Event("finish"), durable=True)


def _group_samplers(
    search: SearchConfig, start: Mapping[str, Sequence[Values]]
) -> dict[Group, GroupSampler]:
    """Return a sampler per condition and level; the budget of a condition is dealt out evenly.

    Args:
        search: what is searched.
        start: name of a condition -> what is asked first, see `starting_points`.
    """
    samplers = {}
    for condition in search.all_conditions:
        points = start.get(condition.name, ())
        for level, budget in budgets(search, condition).items():
            of_level = _of_level(points, search, level)
            samplers[condition.name, level] = GroupSampler(
                search, condition, level, budget, of_level
            )
    return samplers


def _of_level(points: Sequence[Values], search: SearchConfig, level: Any) -> list[Values]:
    """Return those of a level of `compare`, without it: the group has it anyway."""
    if search.compare not in search.search:
        return list(points)
    return [
        {field: value for field, value in point.items() if field != search.compare}
        for point in points
        if point[search.compare] == level
    ]
