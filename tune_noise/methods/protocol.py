"""What a training method is given and what it returns.

R replicates are trained side by side; each has P networks (`TrialConfig.num_networks`). A method
never sees a clean label: it says what it kept, and `metrics/` compares that with the truth.

A method is a class that meets `Method`. One that needs more meets the other protocols of this
file, too: it prepares epochs, mixes inputs, or remembers what a resumed trial must know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainingFacts:
    """What a method may know of the training set before the first epoch.

    Attributes:
        num_examples: N.
        num_classes: K.
        device: where batches are, and where a method keeps its tensors.
        noisy_labels: int64 [R, N].
        transition: T, float64 [R, K, K], T[i, j] = P(noisy j | clean i); only for configurations
            that declare this oracle knowledge (`transition: known`), else None.
    """

    num_examples: int
    num_classes: int
    device: torch.device
    noisy_labels: Tensor
    transition: Tensor | None = None


@dataclass(frozen=True)
class Mixing:
    """How the inputs of a batch are mixed: share * own image + (1 - share) * partner's image.

    Attributes:
        partners: int64 [R, batch], position in the batch of each example's partner.
        shares: float64 [R], in [0, 1].
    """

    partners: Tensor
    shares: Tensor

    def applied_to(self, images: Tensor) -> Tensor:
        """The mixed images, float [R, batch, ...] like the ones given."""
        replicates = torch.arange(len(images), device=images.device).unsqueeze(1)
        shares = self.shares.to(images.dtype).view(-1, *[1] * (images.dim() - 1))
        return torch.lerp(images[replicates, self.partners], images, shares)


@dataclass(frozen=True)
class Batch:
    """One batch of every replicate, after one forward pass in training mode.

    Attributes:
        logits: float [R, P, batch, K].
        noisy_labels: int64 [R, batch].
        indices: int64 [R, batch], position of each example in its training set.
        epoch: counted from 0.
        mixing: how the images were mixed; None where they were not.
    """

    logits: Tensor
    noisy_labels: Tensor
    indices: Tensor
    epoch: int
    mixing: Mixing | None = None


@dataclass(frozen=True)
class Outcome:
    """What a method makes of a batch.

    Attributes:
        losses: float [R, P]; their sum over a replicate's networks is what these networks
            minimise; differentiable. A network whose loss does not depend on its logits, as one
            that keeps nothing of a batch, has a zero gradient.
        kept: bool [R, P, batch], the examples that each network learns from.
        cross_entropies: float [R, P, batch], of every example on its noisy label; a diagnostic.
        forget_rates: the schedule's fraction of the batch that a selection drops, one per
            replicate; None where the share follows from the data.
    """

    losses: Tensor
    kept: Tensor
    cross_entropies: Tensor
    forget_rates: Sequence[float] | None = None


class Method(Protocol):
    """One training method, made for the replicates of one stack."""

    def __call__(self, batch: Batch) -> Outcome:
        """The losses of a batch; called before any network is updated on it."""


@runtime_checkable
class PreparesEpochs(Protocol):
    """A method that prepares each epoch, mostly by a look at all training examples."""

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Prepare an epoch, counted from 0, before its first batch.

        Args:
            epoch: counted from 0.
            predict: gives the logits of all training examples in evaluation mode, float
                [R, P, N, K] without a gradient; it costs a forward pass of all of them.
        """


@runtime_checkable
class MixesInputs(Protocol):
    """A method that trains on mixtures of images."""

    def mixing(self, epoch: int, batch_number: int, batch_size: int) -> Mixing:
        """How to mix a batch; depends on nothing but the arguments and the configurations."""


@runtime_checkable
class Remembers(Protocol):
    """A method with a memory that its configurations and the networks do not determine."""

    def state(self) -> dict[str, Tensor]:
        """What a resumed trial needs, by name; the caller copies it."""

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `state` gave, exactly; the tensors are copied.

        Raises:
            ValueError: they are of another shape or name.
        """
