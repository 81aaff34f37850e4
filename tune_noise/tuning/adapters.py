"""What Ray Tune calls, and what the session answers: three thin adapters."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray.tune import Callback, PlacementGroupFactory
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tune_noise.errors import StorageError
from tune_noise.system.signals import Interrupt
from tune_noise.tuning.checkpoints import remove_checkpoints
from tune_noise.tuning.cluster.node_guard import unfit_node
from tune_noise.tuning.last_error import last_error
from tune_noise.tuning.round_trips import report_seconds
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack
from tune_noise.tuning.trainable import EVERY, FALLBACK, FAULT, REPORT, RESTORED, STACK

# A stack that fails, or whose process is lost, is given to another process. So often without a new
# epoch between, and its trials count as failed.
MAX_FAILURES = 4
# How long a process waits for something to train: some times what it took to start.
MAX_WAIT_SECONDS = 10.0
# How long Ctrl-C waits for running epochs: those that take longer are checkpointed one by one.
STOP_SECONDS = 10.0


class SessionSearcher(Searcher):  # type: ignore[misc]
    """Ray asks for configurations: it gets the session's next stack, while there is room."""

    def __init__(
        self, session: Session, output: Path, interrupt: Interrupt, capacity: Callable[[], int]
    ) -> None:
        """Serve one session; `capacity` says how many stacks may be under way now."""
        super().__init__()
        self._session = session
        self._output = output
        self._interrupt = interrupt
        self._capacity = capacity
        # The stacks under way, by the trials of Ray's that they are trained in.
        self.stacks: dict[str, Stack] = {}
        # Those that wait for a stack -> since when, by the monotonic clock.
        self.waiting: dict[str, float] = {}
        # The last error of each of Ray's trials.
        self.errors: dict[str, str] = {}
        # How often a stack has failed since its last new epoch.
        self.failures: Counter[str] = Counter()
        # Nodes that joined and cannot take part: id -> why.
        self.left_out: dict[str, str] = {}
        # What went wrong where Ray would take it for a failure of the trial at hand.
        self.fault: StorageError | None = None

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A stack as one string; None to be asked again later; FINISHED at the end."""
        if not self.has_room(len(self.stacks) + len(self.waiting)):
            return None
        if (stack := self._begin_next(trial_id)) is not None:
            return {STACK: stack.to_json(), EVERY: self.report_seconds}
        return Searcher.FINISHED if self._session.finished else None

    def after(self, trial_id: str) -> Stack | None:
        """What a trial of Ray's goes on with, when its stack has ended or it has waited."""
        if (ended := self.stacks.pop(trial_id, None)) is not None:
            self._leave(ended)
        return self._begin_next(trial_id) if self.has_room(len(self.stacks)) else None

    def waits(self, trial_id: str) -> bool:
        """Whether a trial of Ray's for which there is no stack now waits for one; else it ends.

        Its process is ready to train, another would take seconds to start, and the trials that
        still run may decide what comes next at any moment, e.g. whose finalists are confirmed.
        """
        since = self.waiting.setdefault(trial_id, time.monotonic())
        may_come = bool(self.stacks) and self.has_room(len(self.stacks) + len(self.waiting) - 1)
        if may_come and time.monotonic() - since < MAX_WAIT_SECONDS:
            return True
        del self.waiting[trial_id]
        return False

    @property
    def report_seconds(self) -> float:
        """How long an actor is to train between two reports."""
        return report_seconds(len(self.stacks) + len(self.waiting))

    def has_room(self, taken: int) -> bool:
        """Whether one more may be under way now where some are."""
        return not self._interrupt.requested and taken < self._capacity()

    def _begin_next(self, trial_id: str) -> Stack | None:
        if (stack := self._session.next_stack()) is not None:
            self.stacks[trial_id] = stack
            self.waiting.pop(trial_id, None)
        return stack

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Forget a stack; one that failed is given to another process, unless it did too often."""
        self.waiting.pop(trial_id, None)
        if (stack := self.stacks.pop(trial_id, None)) is None:
            return  # it had ended, and there was no other for this trial of Ray's
        if error:
            reason = self.errors.pop(trial_id, "see the Ray logs")
            with self.keeping_faults():
                if (unfit := unfit_node(reason)) is not None:
                    self._leave_out(*unfit)
                    self._session.again(stack)
                else:
                    self._try_again(stack, reason)
        self._leave(stack)

    def _leave(self, stack: Stack) -> None:
        if self._session.has_ended(stack):
            remove_checkpoints(self._output, stack.stack_id)

    def _leave_out(self, node_id: str, problem: str) -> None:
        """No further stack goes to this node; those that are on their way there come back, too."""
        if node_id not in self.left_out:
            self._session.note(
                f"a node has joined that cannot take part, and is left out: {problem}",
                is_warning=True,
            )
        self.left_out[node_id] = problem

    def _try_again(self, stack: Stack, reason: str) -> None:
        self.failures[stack.stack_id] += 1
        if self.failures[stack.stack_id] >= MAX_FAILURES:
            self._session.fail(stack, f"failed {MAX_FAILURES} times: {reason}")
        elif not self._session.has_ended(stack):
            self._session.note(
                f"{stack.stack_id} failed and is given to another process: {reason}",
                trial_id=stack.trial_ids[0],
                is_warning=True,
            )
            self._session.again(stack)

    @contextmanager
    def keeping_faults(self) -> Iterator[None]:
        """Leave a fault of the record for the end of Ray's step, where it can leave Ray's loop."""
        try:
            yield
        except StorageError as error:
            self.fault = error

    def __getstate__(self) -> dict[str, Any]:
        """Ray pickles a tuner for its own restore, which is not used: the record is ours."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record is what a search resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""


class SessionScheduler(FIFOScheduler):  # type: ignore[misc]
    """Ray reports results: the session records them and decides."""

    def __init__(self, session: Session, searcher: SessionSearcher, interrupt: Interrupt) -> None:
        """Serve one session."""
        super().__init__()
        self._session = session
        self._searcher = searcher
        self._interrupt = interrupt
        # Sentences that are said once.
        self._said: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """See `SessionSearcher`."""
        return {}

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """Called for each new trial of Ray's: it is to avoid nodes that cannot take part."""
        super().on_trial_add(controller, trial)
        if self._searcher.left_out:
            others = f"!in({','.join(sorted(self._searcher.left_out))})"
            trial.update_resources(
                PlacementGroupFactory(
                    trial.placement_group_factory.bundles,
                    bundle_label_selector=[{"ray.io/node-id": others}],
                )
            )

    def choose_trial_to_run(self, controller: Any) -> Any:
        """The next one; none once the search is to stop."""
        if self._interrupt.requested:
            return None
        trial = super().choose_trial_to_run(controller)
        if trial is None and not self._searcher.has_room(len(self._searcher.stacks)):
            # Ray keeps one idle actor for a trial to come: here its place is another search's.
            controller._cleanup_cached_actors(force_all=True)
        return trial

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Called for every report: record it, and say how this trial of Ray's goes on."""
        with self._searcher.keeping_faults():
            if trial.trial_id in self._searcher.waiting:
                return self._go_on_with_another(trial)
            goes_on = self._take(trial, result)
            if FAULT in result:
                raise StorageError(result[FAULT])
            if not goes_on:
                return self._go_on_with_another(trial)
            if self._interrupt.requested:
                # The actor writes its checkpoint.
                return str(TrialScheduler.PAUSE)
        return str(TrialScheduler.CONTINUE)

    def _go_on_with_another(self, trial: Any) -> str:
        stack = self._searcher.after(trial.trial_id)
        if stack is None and not self._searcher.waits(trial.trial_id):
            return str(TrialScheduler.STOP)
        # An actor serves its driver in order: this before the step that Ray asks for now.
        take = trial.temporary_state.ray_actor.take
        text = None if stack is None else stack.to_json()
        take.options(num_returns=0).remote(text, self._searcher.report_seconds)
        return str(TrialScheduler.CONTINUE)

    def _take(self, trial: Any, result: dict[str, Any]) -> bool:
        """Record a report; whether its stack goes on."""
        stack = self._searcher.stacks[trial.trial_id]
        if RESTORED in result:
            self._note_restored(stack, json.loads(result[RESTORED]))
        if FALLBACK in result and result[FALLBACK] not in self._said:
            self._said.add(result[FALLBACK])
            self._session.note(result[FALLBACK], is_warning=True)
        before = self._session.num_epochs(stack)
        goes_on = self._session.report(json.loads(result[REPORT]))
        if self._session.num_epochs(stack) > before:
            # On machines that come and go a long trial may fail any number of times.
            del self._searcher.failures[stack.stack_id]
        return goes_on

    def _note_restored(self, stack: Stack, restored: dict[str, Any]) -> None:
        epoch = restored["epoch"]
        where = f"goes on from epoch {epoch}" if epoch else "starts from the beginning"
        self._session.note(
            "; ".join([*restored["damage"], f"{stack.stack_id} {where}"]),
            trial_id=stack.trial_ids[0],
            is_warning=bool(restored["damage"]),
            restored_epoch=epoch,
            restored_seconds=restored["seconds"],
        )

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """Called each time that a stack fails."""
        self._searcher.errors[trial.trial_id] = last_error(trial)
        # Ray would unpickle it at the end of the search, whatever the disk has made of it.
        trial.run_metadata.pickled_error_filename = None


class SessionWatch(Callback):  # type: ignore[misc]
    """Leaves Ray's loop where Ray itself would go on."""

    def __init__(self, searcher: SessionSearcher, interrupt: Interrupt) -> None:
        """Watch what the searcher has met and what the user has asked for."""
        self._searcher = searcher
        self._interrupt = interrupt
        self._stop_by: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        """See `SessionSearcher`."""
        return {}

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Leave Ray's loop once the search is to stop and what runs is checkpointed.

        Raises:
            KeyboardInterrupt: it is.
            StorageError: the record or the folder cannot be written.
        """
        if self._searcher.fault is not None:
            raise self._searcher.fault
        if not self._interrupt.requested:
            return
        now = time.monotonic()
        self._stop_by = self._stop_by or now + STOP_SECONDS
        if now > self._stop_by or not any(trial.status == "RUNNING" for trial in trials):
            raise KeyboardInterrupt
