"""Ray Tune runs what the session asks for: thin adapters and the call of the tuner."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import Callback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tune_noise.config.search import Resources
from tune_noise.data import Dataset
from tune_noise.errors import StorageError
from tune_noise.interrupt import Interrupt
from tune_noise.tuning.checkpoints import remove_checkpoints
from tune_noise.tuning.cluster import max_concurrent
from tune_noise.tuning.session import Session
from tune_noise.tuning.stacks import Stack
from tune_noise.tuning.trainable import FAULT, REPORT, RESTORED, STACK, StackTrainable

# A stack whose process is lost is given to another one. After this many losses in a row without
# a new epoch its trials count as failed.
MAX_FAILURES = 3
MAX_REASON_CHARACTERS = 300
# How long Ctrl-C waits for running epochs: those that take longer are checkpointed one by one.
STOP_SECONDS = 10.0
# How often the driver asks Ray whether nodes have come or gone.
CAPACITY_SECONDS = 1.0


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
        # The stacks under way, by Ray's trial ids.
        self.stacks: dict[str, Stack] = {}
        # The last error of each of Ray's trials.
        self.errors: dict[str, str] = {}
        # What went wrong where Ray would take it for a failure of the trial at hand.
        self.fault: StorageError | None = None

    def suggest(self, trial_id: str) -> dict[str, str] | str | None:
        """A stack as one string; None to be asked again later; FINISHED at the end."""
        if self._interrupt.requested or len(self.stacks) >= self._capacity():
            return None
        stack = self._session.next_stack()
        if stack is not None:
            self.stacks[trial_id] = stack
            return {STACK: stack.to_json()}
        return Searcher.FINISHED if self._session.finished else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Forget a stack; one that Ray gave up counts as failed."""
        stack = self.stacks.pop(trial_id)
        if error:
            last = self.errors.get(trial_id) or "see the Ray logs"
            with self.keeping_faults():
                self._session.fail(stack, f"failed {MAX_FAILURES + 1} times: {last}")
        if self._session.has_ended(stack):
            remove_checkpoints(self._output, stack.stack_id)

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
        # The report that was taken last, by Ray's trial ids.
        self._taken: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        """See `SessionSearcher`."""
        return {}

    def choose_trial_to_run(self, controller: Any) -> Any:
        """The next one; none once the search is to stop."""
        return None if self._interrupt.requested else super().choose_trial_to_run(controller)

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Called for every report but a stack's last.

        Raises:
            StorageError: the actor cannot write into the output folder.
        """
        goes_on = self._take(trial, result)
        if FAULT in result:
            raise StorageError(result[FAULT])
        if not goes_on:
            return str(TrialScheduler.STOP)
        # On PAUSE the actor writes its checkpoint.
        return str(TrialScheduler.PAUSE if self._interrupt.requested else TrialScheduler.CONTINUE)

    def _take(self, trial: Any, result: dict[str, Any]) -> bool:
        """Record a report; whether its stack goes on."""
        stack = self._searcher.stacks[trial.trial_id]
        if RESTORED in result:
            self._note_restored(stack, json.loads(result[RESTORED]))
        before = self._session.num_epochs(stack)
        goes_on = self._session.report(json.loads(result[REPORT]))
        self._taken[trial.trial_id] = result[REPORT]
        if self._session.num_epochs(stack) > before:
            # Ray counts failures over a trial's whole life: on machines that come and go a long
            # one would use them up. Only those without progress between them count.
            trial.run_metadata.num_failures = 0
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
        """Called when Ray gives a stack up."""
        self._searcher.errors[trial.trial_id] = last_error(trial)

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Called with a stack's last report, which may have been taken already."""
        taken = self._taken.pop(trial.trial_id, None)
        if REPORT in result and result[REPORT] != taken:
            with self._searcher.keeping_faults():
                self._take(trial, result)


class SessionWatch(Callback):  # type: ignore[misc]
    """What Ray tells beside results: a process that was lost, and each turn of its loop."""

    def __init__(self, session: Session, searcher: SessionSearcher, interrupt: Interrupt) -> None:
        """Serve one session."""
        self._session = session
        self._searcher = searcher
        self._interrupt = interrupt
        self._stop_by: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        """See `SessionSearcher`."""
        return {}

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called when a stack's process failed and another one takes it over."""
        stack = self._searcher.stacks[trial.trial_id]
        self._session.note(
            f"{stack.stack_id} failed and is given to another process: {last_error(trial)}",
            trial_id=stack.trial_ids[0],
            is_warning=True,
        )

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Leave Ray's loop once the search is to stop and what runs is checkpointed.

        Raises:
            KeyboardInterrupt: it is.
            StorageError: the record cannot be written.
        """
        if self._searcher.fault is not None:
            raise self._searcher.fault
        if not self._interrupt.requested:
            return
        now = time.monotonic()
        self._stop_by = self._stop_by or now + STOP_SECONDS
        if now > self._stop_by or not any(trial.status == "RUNNING" for trial in trials):
            raise KeyboardInterrupt


def last_error(trial: Any) -> str:
    """The last line of what Ray wrote of a trial's errors: of a traceback it is the error."""
    text = Path(trial.error_file).read_text("utf-8") if trial.error_file else ""
    return text.strip().rpartition("\n")[2].strip()[:MAX_REASON_CHARACTERS]


class Capacity:
    """How many stacks may be under way: it follows nodes that join or leave."""

    def __init__(self, resources: Resources) -> None:
        """Of trials that take these resources."""
        self._resources = resources
        self._value, self._asked = 0, -CAPACITY_SECONDS

    def __call__(self) -> int:
        """What the connected cluster holds now, or fewer where the user said so."""
        if time.monotonic() - self._asked >= CAPACITY_SECONDS:
            self._value = max_concurrent(ray.cluster_resources(), self._resources)
            self._asked = time.monotonic()
        return self._value


def run_session(
    session: Session,
    dataset: Dataset,
    *,
    output: Path,
    resources: Resources,
    interrupt: Interrupt,
) -> None:
    """Run a session to its end on the connected cluster.

    Args:
        session: what to run; possibly the rest of an interrupted search.
        dataset: put once into Ray's object store, whence each node fetches it once.
        output: folder of the search, on storage that all nodes share.
        resources: of one trial.
        interrupt: once requested, what runs is checkpointed.

    Raises:
        StorageError: record or output folder cannot be written.
        KeyboardInterrupt: as requested; all that was trained is recorded and checkpointed.
    """
    # With a searcher Ray would otherwise keep only one trial waiting for resources; how many may
    # be under way is the searcher's affair.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "1000000"
    # What fails stands in the record, with its traceback in .ray/tune/*/error.txt.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    trainable = tune.with_parameters(
        StackTrainable,
        dataset=dataset,
        output=str(output),
        rungs=session.rung_levels,
        cpus=resources.cpus_per_trial,
        gpus=resources.gpus_per_trial,
    )
    per_trial = {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}
    searcher = SessionSearcher(session, output, interrupt, Capacity(resources))
    tuner = tune.Tuner(
        tune.with_resources(trainable, per_trial),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=SessionScheduler(session, searcher, interrupt),
            num_samples=-1,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(output / ".ray"),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
            # Else Ray would have each stack that has ended save itself once more.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=[SessionWatch(session, searcher, interrupt)],
        ),
    )
    tuner.fit()
