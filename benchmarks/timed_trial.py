"""A trial whose training passes are timed, and its step on one constant batch."""

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch

from tune_noise.training import Trial
from tune_noise.training.step import Examples


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
        indices = first.expand(len(trial.configs), -1)
        labels, numbers = data.noisy_labels.gather(1, indices), data.input_of.gather(1, indices)
        self.images = data.train_inputs.batch(numbers)
        self._examples = Examples(indices, labels, numbers, epoch=0, number=0)
        self._trial, self._step = trial, copy(trial.step)
        self._step.images = ConstantImages(self.images)  # type: ignore[assignment]

    def train(self, steps: int) -> None:
        """So many steps."""
        self._trial.network.train()
        for _ in range(steps):
            self._step(self._examples)
        synchronise(self._trial.device)


@dataclass
class ConstantImages:
    """Images that are the same whatever is looked up."""

    images: torch.Tensor

    def __len__(self) -> int:
        """How many."""
        return self.images.shape[1]

    def batch(self, _: torch.Tensor) -> torch.Tensor:
        """What was given."""
        return self.images
