"""DivideMix: two networks divide the labels for each other, and guess those that look wrong.

Li et al. 2020, arXiv:2002.07394. After a warm-up, at the start of each epoch the mixture of one
network's losses (`gmm`) divides the examples of the other. A label of the clean part is blended
with the network's own prediction by its probability to be clean (co-refinement); of the others it
is the mean prediction of both networks (co-guessing); both over two views. Then MixMatch:
sharpened, mixed, cross-entropy on the clean part, square error on the rest, whose weight grows, and
a penalty where the mean prediction is not uniform.

Deviations from the official code: the parts of one common batch (`guessed_labels`), so an epoch
goes through all examples once, instead of once through the clean part; both networks see the same
batches, views and partners, and learn from them at the same time; all guesses are made in
evaluation mode, there only those of the other network; the weight of the unlabelled part grows by
epochs instead of batches; losses are not averaged over five epochs, which the code does at a noise
rate of 0.9 that it is told; after the guesses views are distorted by `view_strength`, as pictures
need not be augmented here; the warm-up also learns from two views.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from tune_noise.methods.gmm import CoDivision
from tune_noise.methods.guessed_labels import GuessedLabels, mean_of_views
from tune_noise.methods.losses import cross_entropy, log_softmax
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import column


class Division(Protocol):
    """Divides the examples in a clean part and a rest, at the start of each epoch."""

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """See `protocol.PreparesEpochs`."""

    def of_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the weight of each label in its target, and whether it is clean, [R, P, batch]."""
        ...


class CoGuessing(GuessedLabels):
    """Two networks that guess the labels of what is not clean together.

    Args:
        facts: of the stack.
        division: of the examples.
        confidence_penalty: weight of the negative entropy in the warm-up.
        **fields: see `GuessedLabels`.
    """

    def __init__(
        self,
        facts: TrainingFacts,
        division: Division,
        *,
        confidence_penalty: Sequence[float],
        **fields: Sequence[Any],
    ) -> None:
        super().__init__(facts, **fields)
        self._division = division
        self._confidence_penalty = column(confidence_penalty, facts.device)[..., 0]

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """See `CoDivision`."""
        self._division.start_epoch(epoch, predict)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the losses; kept is the clean part."""
        predicted = batch.logits if batch.guesses is None else batch.guesses
        cross_entropies = cross_entropy(predicted, batch.noisy_labels)
        clean, labelled = self._division.of_batch(batch)
        losses = self._warm_up_losses(batch)
        if batch.guesses is not None:
            targets = self.mixed_targets(self._targets(batch, clean, labelled), batch)
            divided = self.losses(batch, targets, labelled) + mean_penalty(batch.logits)
            losses = torch.where(self.is_ready(batch.epoch), divided, losses)
        return Outcome(losses, labelled, cross_entropies)

    def _targets(self, batch: Batch, clean: Tensor, labelled: Tensor) -> Tensor:
        """Return refined labels of the clean part and guessed ones of the rest.

        Args:
            batch: with guesses.
            clean: float64 [R, P, batch].
            labelled: bool [R, P, batch].

        Returns:
            float [R, P, examples, K].
        """
        guesses = mean_of_views(batch)
        examples = guesses.shape[2]
        clean, labelled = (
            clean[..., :examples, None].to(guesses.dtype),
            labelled[..., :examples, None],
        )
        labels = F.one_hot(batch.noisy_labels[:, None, :examples], guesses.shape[3])
        refined = clean * labels + (1.0 - clean) * guesses
        return torch.where(labelled, refined, guesses.mean(dim=1, keepdim=True))

    def _warm_up_losses(self, batch: Batch) -> Tensor:
        """Return mean cross-entropy, less what confident predictions are charged, [R, P]."""
        losses = cross_entropy(batch.logits, batch.noisy_labels).mean(dim=2)
        log_probabilities = log_softmax(batch.logits)
        entropies = -(log_probabilities.exp() * log_probabilities).sum(dim=3).mean(dim=2)
        return losses - self._confidence_penalty.to(losses.dtype) * entropies


class DivideMix(CoGuessing):
    """Each network's mixture divides the examples of the other."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        warm_up_epochs: Sequence[int],
        gmm_threshold: Sequence[float],
        view_strength: Sequence[float],
        unlabelled_weight: Sequence[float],
        confidence_penalty: Sequence[float],
    ) -> None:
        """Take every label as clean at first."""
        super().__init__(
            facts,
            CoDivision(facts, warm_up_epochs, gmm_threshold),
            warm_up_epochs=warm_up_epochs,
            view_strength=view_strength,
            unlabelled_weight=unlabelled_weight,
            confidence_penalty=confidence_penalty,
        )


def mean_penalty(logits: Tensor) -> Tensor:
    """Return the divergence of the uniform distribution from a batch's mean prediction, [R, P]."""
    least = torch.finfo(logits.dtype).tiny
    means = logits.softmax(dim=3).mean(dim=2).clamp(min=least)
    return -(means * means.shape[2]).log().mean(dim=2)
