"""A trial whose training passes are timed, and its step on one constant batch."""

import time
from collections.abc import Callable
from typing import Any

import torch

from tune_noise.methods import Batch
from tune_noise.training import Trial


def synchronise(device: torch.device | str) -> None:
    """Wait until a device has done what it was told."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def training_pass(trial: Trial) -> None:
    """One epoch without its evaluation."""
    trial._train()


class PassClock:
    """Seconds of each training pass of a trial: order, batches, steps and tally; no evaluation.

    Args:
        trial: whose epochs are timed from now on.
        clock: of wall seconds, or of CPU seconds.
    """

    def __init__(self, trial: Trial, clock: Callable[[], float] = time.perf_counter) -> None:
        """Stand between the trial and its training pass."""
        self._clock = clock
        self.seconds: list[float] = []
        self._device = trial.device
        trial._train = self._timed(trial._train)  # type: ignore[method-assign]

    def _timed(self, train: Callable[[], Any]) -> Callable[[], Any]:
        def timed() -> Any:
            synchronise(self._device)
            started = self._clock()
            outcome = train()
            synchronise(self._device)
            self.seconds.append(self._clock() - started)
            return outcome

        return timed


class ConstantBatch:
    """The step of a trial on one batch that stays where it is: nothing is drawn, moved or counted.

    Args:
        trial: whose networks learn from it.
    """

    def __init__(self, trial: Trial) -> None:
        """Take the first batch."""
        config, data = trial.configs[0], trial.data
        first = torch.arange(config.batch_size, device=trial.device)
        self._indices = first.expand(len(trial.configs), -1)
        self._labels = data.noisy_labels.gather(1, self._indices)
        self.images = data.train_images.batch(data.image_of[self._indices])
        self._trial = trial

    def train(self, steps: int) -> None:
        """So many steps."""
        trial = self._trial
        shape = (len(trial.configs), trial.networks)
        trial.network.train()
        for _ in range(steps):
            logits = trial.network(self.images)
            logits = logits.view(*shape, *logits.shape[1:])
            batch = Batch(logits, self._labels, self._indices, trial.epoch)
            trial.optimizer.step(trial.method(batch).losses.sum())
        synchronise(trial.device)
