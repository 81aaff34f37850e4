"""Three thin adapters: Ray Tune calls them, and the session answers."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.tune import Callback, PlacementGroupFactory
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tune_noise.errors import StorageError
from tune_noise.system.signals import Interrupt
from tune_noise.tuning.cluster.node_guard import unfit_node
from tune_noise.tuning.last_error import last_error
from tune_noise.tuning.places import Places
from tune_noise.tuning.ray_internals import forget_pickled_error, hand_over, release_idle_actors
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack
from tune_noise.tuning.trainable import EVERY, FALLBACK, FAULT, REPORT, RESTORED, STACK

# How long Ctrl-C waits for running epochs: those that take longer are checkpointed one by one.
STOP_SECONDS = 10.0


class SessionSearcher(Searcher):  # type: ignore[misc]
    """Ray asks for configurations, and gets the session's next stack while there is room.

    Args:
        session: which gives the stacks.
        places: where they are trained.
    """

    def __init__(self, session: Session, places: Places) -> None:
        super().__init__()
        self._session, self._places = session, places

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return a stack as one string; None to be asked again later; FINISHED at the end."""
        if not self._places.has_room_for_place():
            return None
        if (stack := self._places.begin(trial_id)) is not None:
            return {STACK: stack.to_json(), EVERY: self._places.report_seconds}
        return Searcher.FINISHED if self._session.finished else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Forget a place that Ray has ended; `SessionScheduler` has dealt with an error before."""
        self._places.end(trial_id)

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Ray pickles a tuner for a restore of its own, which is not used."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the record is what a search resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, see `save`."""


class SessionScheduler(FIFOScheduler):  # type: ignore[misc]
    """Ray reports results, and the session records them and decides.

    Args:
        session: which decides.
        places: where its stacks are trained.
        interrupt: once requested, what runs is paused.
        left_out: ids of nodes that cannot take part -> why; added to here.

    Attributes:
        fault: the error of the record or the folder that ends the search, where Ray would take it
            for one of the trial at hand; None while there is none.
    """

    def __init__(
        self, session: Session, places: Places, interrupt: Interrupt, left_out: dict[str, str]
    ) -> None:
        super().__init__()
        self.fault: StorageError | None = None
        self._session, self._places = session, places
        self._interrupt, self._left_out = interrupt, left_out
        # Sentences that are said once.
        self._said: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """See `SessionSearcher`."""
        return {}

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        """Have a new trial of Ray's avoid the nodes that cannot take part."""
        super().on_trial_add(controller, trial)
        if self._left_out:
            others = f"!in({','.join(sorted(self._left_out))})"
            trial.update_resources(
                PlacementGroupFactory(
                    trial.placement_group_factory.bundles,
                    bundle_label_selector=[{"ray.io/node-id": others}],
                )
            )

    def choose_trial_to_run(self, controller: Any) -> Any:
        """Return the next trial of Ray's; None once the search is to stop."""
        if self._interrupt.requested:
            return None
        trial = super().choose_trial_to_run(controller)
        if trial is None and not self._places.has_room():
            release_idle_actors(controller)
        return trial

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Record a report, and return how this trial of Ray's goes on."""
        with self._keeping_faults():
            if (stack := self._places.stacks.get(trial.trial_id)) is not None:
                goes_on = self._record(stack, result)
                if FAULT in result:
                    raise StorageError(result[FAULT])
                if goes_on:
                    # An actor that is paused writes its checkpoint.
                    pauses = self._interrupt.requested
                    return str(TrialScheduler.PAUSE if pauses else TrialScheduler.CONTINUE)
                self._places.end(trial.trial_id)
            return self._begin_another(trial)
        return str(TrialScheduler.CONTINUE)

    def _begin_another(self, trial: Any) -> str:
        stack = self._places.begin(trial.trial_id) if self._places.has_room() else None
        if stack is None and not self._places.may_wait(trial.trial_id):
            return str(TrialScheduler.STOP)
        text = None if stack is None else stack.to_json()
        hand_over(trial, text, self._places.report_seconds)
        return str(TrialScheduler.CONTINUE)

    def _record(self, stack: Stack, result: dict[str, Any]) -> bool:
        """Record a report and return whether its stack goes on."""
        if RESTORED in result:
            self._session.note_restored(stack, **json.loads(result[RESTORED]))
        if FALLBACK in result and result[FALLBACK] not in self._said:
            self._said.add(result[FALLBACK])
            self._session.note(result[FALLBACK], is_warning=True)
        return self._session.report(json.loads(result[REPORT]))

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        """Give a stack that has failed to another process, unless it did too often."""
        forget_pickled_error(trial)
        if (stack := self._places.stacks.get(trial.trial_id)) is None:
            return  # it waits for one
        reason = last_error(trial)
        with self._keeping_faults():
            if (unfit := unfit_node(reason)) is not None:
                self._leave_out(*unfit)
                self._session.give_back(stack)
            elif self._interrupt.requested:
                # What stops the driver, e.g. Slurm, may have sent its signal to all processes.
                self._session.give_back(stack)
            else:
                self._session.retry(stack, reason)

    def _leave_out(self, node_id: str, problem: str) -> None:
        """Send no further stack to a node; those that are on their way there come back, too."""
        if node_id not in self._left_out:
            self._session.note(
                f"a node has joined that cannot take part, and is left out: {problem}",
                is_warning=True,
            )
        self._left_out[node_id] = problem

    @contextmanager
    def _keeping_faults(self) -> Iterator[None]:
        """Leave a fault of the record for the end of Ray's step, where it can leave Ray's loop."""
        try:
            yield
        except StorageError as error:
            self.fault = error


class SessionWatch(Callback):  # type: ignore[misc]
    """Leaves Ray's loop where Ray itself would go on.

    Args:
        scheduler: which may have met a fault.
        interrupt: what the user has asked for.
    """

    def __init__(self, scheduler: SessionScheduler, interrupt: Interrupt) -> None:
        self._scheduler, self._interrupt = scheduler, interrupt
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
        if self._scheduler.fault is not None:
            raise self._scheduler.fault
        if not self._interrupt.requested:
            return
        now = time.monotonic()
        self._stop_by = self._stop_by or now + STOP_SECONDS
        if now > self._stop_by or not any(trial.status == "RUNNING" for trial in trials):
            raise KeyboardInterrupt
