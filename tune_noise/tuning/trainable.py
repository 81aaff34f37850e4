"""The Ray actor: a thin adapter around `training.Trial`."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import tune

from tune_noise.data import Dataset
from tune_noise.record.folder import checkpoints_dir, judgements_file, weights_file
from tune_noise.training import Trial
from tune_noise.training.checkpoint import Tensors, write_checkpoint
from tune_noise.training.cross_fit import held_out_examples, make_folds, save_fold
from tune_noise.training.noise_findings import noise_findings
from tune_noise.training.suspects import MAX_PREDICTIONS, suspects_problem
from tune_noise.tuning.checkpoints import StackCheckpoints
from tune_noise.tuning.cluster.devices import choose_device, fallback, set_threads
from tune_noise.tuning.cluster.node_guard import NodeGuard
from tune_noise.tuning.ray_internals import no_checkpoint
from tune_noise.tuning.session.stacks import Stack

STACK, EVERY = "stack", "report_seconds"
REPORT, RESTORED, FAULT, FALLBACK = "report", "restored", "fault", "fallback"
# How long an actor that waits sleeps before it asks again, as a share of the time between reports.
WAIT_SHARE = 0.2
# So much training is redone at most after a crash, or an epoch where that is longer.
CHECKPOINT_SECONDS = 5.0


class StackTrainable(tune.Trainable):  # type: ignore[misc]
    """Trains one stack after another in the same process.

    A trial of Ray's is a place to train at: it begins with a stack and is handed the next one each
    time that one ends, so that Ray makes, follows and keeps a few trials, not thousands.

    A step trains up to the next rung, or for as long as the driver says, and reports all epochs
    between in one message. The state is checkpointed into the output folder; whoever trains the
    stack next, after a lost actor, node or driver, finds it there.

    A result holds, as strings: REPORT, the news of `Session.report`; RESTORED, once after a
    restore, {"epoch", "seconds", "damage"}, where damage has a sentence for each checkpoint that
    was not usable; FALLBACK, why the CPU serves in place of a GPU; FAULT,
    why the output folder cannot be used. After a fault no trial is reported as ended: what could
    not be written must be made again.
    """

    def setup(
        self,
        config: dict[str, Any],
        dataset: Dataset,
        output: str,
        rungs: list[int],
        cpus: float,
        gpus: float,
        suspect_folds: int = 0,
        guard: NodeGuard | None = None,
    ) -> None:
        """Set up an actor once; the data comes from the node's shared memory, not by pickle."""
        if guard is not None:
            guard.check()
        set_threads(cpus)
        self._dataset, self._output, self._rungs = dataset, Path(output), set(rungs)
        self._suspect_folds = suspect_folds
        self._device = choose_device(gpus)
        self._fallback = fallback(gpus, self._device)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Serve another trial of Ray's; True tells Ray that the actor can be reused."""
        self._report_seconds = new_config[EVERY]
        self._begin(new_config[STACK])
        return True

    def take(self, stack: str | None, report_seconds: float) -> None:
        """Receive the stack of the next step, which is begun there: its failure is that step's.

        Ray runs it before the step, as the driver asked for it before.

        Args:
            stack: as JSON; None to wait, and to report nothing.
            report_seconds: from here on between two reports.
        """
        self._report_seconds = report_seconds
        self._next: str | None = stack
        self._waits = stack is None

    def _begin(self, stack: str) -> None:
        self._next, self._waits = None, False
        self._stack = Stack.from_json(stack)
        self._trial = self._fresh_trial()
        self._checkpoints = StackCheckpoints(self._output, self._stack)
        self._is_restored = False
        self._saved_epoch, self._saved_seconds = 0, 0.0
        self._num_reported = 0
        self._noise: dict[int, dict[str, Any]] = {}

    def _fresh_trial(self) -> Trial:
        return Trial(
            self._stack.configs,
            self._dataset,
            device=self._device,
            keeps_judgements=self._keeps_judgements(),
        )

    def _keeps_judgements(self) -> bool:
        """Return whether predictions of all examples are kept, which find wrong labels."""
        configs, dataset = self._stack.configs, self._dataset
        predictions = len(configs) * len(dataset.train_labels) * dataset.num_classes
        return (
            self._stack.stage == "confirm"
            and (self._suspect_folds == 1 or configs[0].val_folds is not None)
            and suspects_problem(configs[0], dataset) is None
            # What is not kept here is predicted later, by one more training of the leader alone.
            and (configs[0].val_folds is not None or predictions <= MAX_PREDICTIONS)
        )

    def step(self) -> dict[str, Any]:
        """Restore at first, then train; report what is new."""
        if self._waits:
            time.sleep(WAIT_SHARE * self._report_seconds)
            return {REPORT: "{}"}
        if self._next is not None:
            self._begin(self._next)
        self._fault: str | None = None
        result: dict[str, Any] = {}
        if self._fallback is not None:
            result[FALLBACK], self._fallback = self._fallback, None
        if not self._is_restored and (restored := self._restore()):
            result[RESTORED] = json.dumps(restored)
        # What a checkpoint holds is reported before training goes on: it may have reached a rung
        # whose report was lost with the driver.
        if self._is_restored and self._trial.epoch == self._num_reported:
            self._train()
        if self._trial.finished:
            self._leave_weights()
        if self._fault is not None:
            result[FAULT] = self._fault
        return result | {REPORT: json.dumps(self._news())}

    def _train(self) -> None:
        trial, started = self._trial, time.monotonic()
        while not trial.finished and self._fault is None:
            before = trial.seconds
            trial.train_epoch()
            self._checkpoint_if_due(epoch_seconds=trial.seconds - before)
            if trial.epoch in self._rungs or time.monotonic() - started > self._report_seconds:
                break

    def _news(self) -> dict[str, Any]:
        news = {trial_id: self._news_of(r) for r, trial_id in enumerate(self._stack.trial_ids)}
        self._num_reported = self._trial.epoch
        return news

    def _news_of(self, r: int) -> dict[str, Any]:
        progress = self._trial.progress[r]
        return {
            "facts": self._trial.facts(r),
            # After a restart everything is sent again: the record knows what it has.
            "epochs": progress.epochs[self._num_reported :],
            "status": progress.status if self._fault is None else None,
            "stop_reason": progress.stop_reason,
            "noise": self._noise_of(r),
        }

    def _noise_of(self, r: int) -> dict[str, Any] | None:
        """Return what a replicate that confirms says of noise and classes, once it has ended."""
        if self._stack.stage != "confirm" or self._trial.progress[r].status != "completed":
            return None
        if r not in self._noise:
            self._noise[r] = noise_findings(self._trial, r, self._dataset)
        return self._noise[r]

    # The output folder. Its faults are reported to the driver: to fail would only have Ray
    # start the stack again, and at last give it up, for something that is not the stack's fault.

    @contextmanager
    def _noting_faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            folder = checkpoints_dir(self._output)
            self._fault = f"{folder} cannot be {what}: {error.strerror or error}"

    def _restore(self) -> dict[str, Any] | None:
        """Restore the newest usable checkpoint; None where there is none, damaged or not."""
        damage: list[str] = []
        with self._noting_faults("read"):
            damage = self._checkpoints.restore(self._load)
            self._is_restored = True
        if not damage and self._trial.epoch == 0:
            return None
        return {"epoch": self._trial.epoch, "seconds": self._trial.seconds, "damage": damage}

    def _load(self, tensors: Tensors, values: dict[str, Any]) -> None:
        # A state that does not fit may have been loaded in part: the trial at hand stays fresh.
        trial = self._fresh_trial()
        trial.load_state(tensors, values)
        self._trial = trial
        self._saved_epoch, self._saved_seconds = trial.epoch, trial.seconds

    def _checkpoint_if_due(self, *, epoch_seconds: float) -> None:
        """Checkpoint where another epoch like the last would make more than the interval."""
        unsaved_seconds = self._trial.seconds - self._saved_seconds
        if unsaved_seconds + epoch_seconds > CHECKPOINT_SECONDS:
            self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        """Write what was not written yet; a finished stack needs no checkpoint."""
        if self._trial.finished or self._trial.epoch == self._saved_epoch:
            return
        with self._noting_faults("written"):
            self._checkpoints.write(*self._trial.state())
            self._saved_epoch, self._saved_seconds = self._trial.epoch, self._trial.seconds

    def _leave_weights(self) -> None:
        if self._stack.stage != "confirm":
            return
        tensors = {
            f"{r}.{name}": value
            for r in range(len(self._stack.configs))
            for name, value in self._trial.replicate_weights(r).items()
        }
        with self._noting_faults("written"):
            write_checkpoint(weights_file(self._output, self._stack.stack_id), tensors, {})
            if self._keeps_judgements():
                self._leave_judgements()

    def _leave_judgements(self) -> None:
        for r, (trial_id, config) in enumerate(
            zip(self._stack.trial_ids, self._stack.configs, strict=True)
        ):
            if self._trial.progress[r].best_epoch > 0:
                [fold] = make_folds(config, self._dataset, count=1)
                path = judgements_file(self._output, trial_id)
                judgements = self._trial.replicate_judgements(r, self._dataset)
                save_fold(path, fold, judgements[held_out_examples(fold, self._dataset)])

    def save(self, checkpoint_dir: str | None = None) -> Any:
        """Checkpoint at once: Ray calls this before it pauses a trial.

        Ray gets no checkpoint of its own, which it would copy into its storage and restore from:
        the state lies in the output folder. Where that cannot be written the state before stays.
        """
        self._write_checkpoint()
        return no_checkpoint()
