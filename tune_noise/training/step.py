"""One training step: look a batch up, forward pass, the method's losses, backward pass, update."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from tune_noise.data.input_views import Inputs
from tune_noise.methods.protocol import Batch, GuessesFirst, Method, MixesInputs, Outcome
from tune_noise.training.optimizer import StackOptimizer
from tune_noise.training.rare_classes import RareClasses
from tune_noise.training.views import Views
from tune_noise.training.weight_average import WeightAverage


@dataclass(frozen=True)
class Examples:
    """Which examples make a batch.

    Attributes:
        indices: int64 [R, batch], position of each example in its training set.
        noisy_labels: int64 [R, batch].
        images: int64 [R, batch], which image each example shows.
        epoch: counted from 0.
        number: of the batch in its pass, from 0.
    """

    indices: Tensor
    noisy_labels: Tensor
    images: Tensor
    epoch: int
    number: int


class TrainingStep:
    """Look a batch up, run the forward pass, take the losses, and update the networks.

    Args:
        network: a stack of R * P members.
        method: of the R replicates.
        images: that the examples show.
        views: what becomes of them.
        optimizer: of the network.
        noisy_labels: int64 [R, N], of the whole training set.
        rare_classes: what the method is given in place of the logits.
        precision: `float32` or `bfloat16`, of the products of the forward and backward pass.
        averages: of the network's weights, to be updated; the method is shown the predictions of
            the one that is named `teacher`.
    """

    def __init__(
        self,
        network: nn.Module,
        method: Method,
        images: Inputs,
        views: Views,
        optimizer: StackOptimizer,
        noisy_labels: Tensor,
        rare_classes: RareClasses,
        precision: str = "float32",
        averages: Mapping[str, WeightAverage] | None = None,
    ) -> None:
        self.network, self.method, self.optimizer = network, method, optimizer
        self.images, self.views = images, views
        self._rare_classes = rare_classes
        self._is_mixed = precision == "bfloat16"
        self.num_replicates, self.num_examples = noisy_labels.shape
        self._mixes = method if isinstance(method, MixesInputs) else None
        self._averages = averages or {}
        self._guesses_first = isinstance(method, GuessesFirst) and method.guesses_first

    def __call__(self, examples: Examples) -> tuple[Batch, Outcome]:
        """Learn from a batch; return it as it is measured, and what the method made of it."""
        batch = self.forward(examples)
        logits = self._rare_classes(batch.logits, batch.noisy_labels)
        outcome = self.method(replace(batch, logits=logits))
        self.optimizer.step(outcome.losses.sum())
        for average in self._averages.values():
            average.update()
        if batch.guesses is not None:
            # They are of one example each, and a mixture's prediction is of two.
            batch = replace(batch, logits=batch.guesses, mixing=None)
        return batch, outcome

    def forward(self, examples: Examples) -> Batch:
        """Run the forward pass alone."""
        inputs = self.images.batch(examples.images)
        images = self.views(inputs, examples.indices)
        indices, labels = examples.indices, examples.noisy_labels
        if self.views.number > 1:
            indices, labels = (rows.repeat(1, self.views.number) for rows in (indices, labels))
        mixing = guesses = None
        averaged = self._averaged_logits(images)
        if self._guesses_first:
            guesses = self._guesses(self.views.plain(inputs, examples.indices))
            guesses = guesses.repeat(1, 1, indices.shape[1] // guesses.shape[2], 1)
        if self._mixes is not None:
            mixing = self._mixes.mixing(examples.epoch, examples.number, indices.shape[1])
            images = mixing.applied_to(images)
        logits = self._logits(images)
        return Batch(
            logits,
            labels,
            indices,
            examples.epoch,
            mixing,
            averaged,
            self.views.number,
            guesses,
        )

    @torch.no_grad()
    def _guesses(self, images: Tensor) -> Tensor:
        """Return logits in evaluation mode, which leaves running averages and draws alone."""
        self.network.eval()
        guesses = self._logits(images)
        self.network.train()
        return guesses

    @torch.no_grad()
    def _averaged_logits(self, images: Tensor) -> Tensor | None:
        """Return what the networks with averaged weights say, in evaluation mode."""
        if (teacher := self._averages.get("teacher")) is None:
            return None
        logits: Tensor = teacher.network(images)
        return logits.view(len(images), -1, *logits.shape[1:])

    def _logits(self, images: Tensor) -> Tensor:
        """Return logits of images [R, batch, ...], float [R, P, batch, K]."""
        if self._is_mixed:
            # Weights stay float32, and bfloat16 has its range: no loss needs to be scaled.
            with torch.autocast(images.device.type, dtype=torch.bfloat16):
                logits: Tensor = self.network(images).float()
        else:
            logits = self.network(images)
        return logits.view(len(images), -1, *logits.shape[1:])
