"""The Ray actor: a thin adapter around `training.Trial`."""

import json
import time
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune

from tune_noise.data import Dataset
from tune_noise.training import Trial
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.tuning.paths import checkpoint_file, weights_file
from tune_noise.tuning.stacks import Stack

STACK, REPORT = "stack", "report"
# A report costs the driver some milliseconds; one a second keeps the progress display alive.
REPORT_SECONDS = 1.0
CHECKPOINT_SECONDS = 5.0


class StackTrainable(tune.Trainable):  # type: ignore[misc]
    """Trains one stack after another in the same process.

    A step trains up to the next rung, or for REPORT_SECONDS, and reports all epochs between in
    one message. The state is checkpointed into the output folder; whoever trains the stack next,
    after a lost actor, node or driver, finds it there.
    """

    def setup(
        self,
        config: dict[str, Any],
        dataset: Dataset,
        output: str,
        rungs: list[int],
        cpus: float,
        gpus: float,
    ) -> None:
        """Called once per actor; the data comes from the node's shared memory, not by pickle."""
        torch.set_num_threads(max(1, int(cpus)))
        self._dataset, self._output, self._rungs = dataset, Path(output), set(rungs)
        self._device = choose_device(gpus)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take up another stack; True tells Ray that the actor can be reused."""
        self._stack = Stack.from_json(new_config[STACK])
        self._trial = Trial(self._stack.configs, self._dataset, device=self._device)
        self._checkpoint = checkpoint_file(self._output, self._stack.stack_id)
        self._checkpointed = time.monotonic()
        self._num_reported = 0
        if self._checkpoint.exists():
            self._trial.load_state(*read_checkpoint(self._checkpoint))
        return True

    def step(self) -> dict[str, Any]:
        """Train, checkpoint if it is time, and report what is new."""
        trial, started = self._trial, time.monotonic()
        # What a checkpoint holds is reported before training goes on: it may have reached a rung
        # whose report was lost with the driver.
        is_restored = trial.epoch > self._num_reported
        while not trial.finished and not is_restored:
            trial.train_epoch()
            if trial.epoch in self._rungs or time.monotonic() - started > REPORT_SECONDS:
                break
        if trial.finished:
            self._leave_weights()
        elif time.monotonic() - self._checkpointed > CHECKPOINT_SECONDS:
            write_checkpoint(self._checkpoint, *trial.state())
            self._checkpointed = time.monotonic()
        return {REPORT: json.dumps(self._news()), "done": trial.finished}

    def _news(self) -> dict[str, Any]:
        news = {
            trial_id: {
                "facts": facts,
                # After a restart everything is sent again: the record knows what it has.
                "epochs": progress.epochs[self._num_reported :],
                "status": progress.status,
                "stop_reason": progress.stop_reason,
            }
            for trial_id, facts, progress in zip(
                self._stack.trial_ids, self._trial.data.facts, self._trial.progress, strict=True
            )
        }
        self._num_reported = self._trial.epoch
        return news

    def _leave_weights(self) -> None:
        if self._stack.stage != "confirm":
            return
        tensors = {
            f"{r}.{name}": value
            for r in range(len(self._stack.configs))
            for name, value in self._trial.replicate_weights(r).items()
        }
        write_checkpoint(weights_file(self._output, self._stack.stack_id), tensors, {})

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Ray's own checkpoints are not used: the state lies in the output folder."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """See `save_checkpoint`."""


def choose_device(gpus: float) -> str:
    """The device that Ray assigned to this actor, with its share of the memory.

    Ray leaves CUDA_VISIBLE_DEVICES alone for a trial without a GPU, so `cuda.is_available()` alone
    would let a CPU trial take any GPU of the host. A GPU that Ray counts and torch cannot use
    falls back to the CPU.
    """
    if gpus <= 0 or not ray.get_gpu_ids() or not torch.cuda.is_available():
        return "cpu"
    # Ray shows the actor its own GPUs only, so the first of them is number 0.
    torch.cuda.set_per_process_memory_fraction(min(1.0, gpus), 0)
    return "cuda:0"
