"""What a training method is given and what it returns.

R replicates are trained side by side; each has P networks. A method never sees a clean label: it
says what it kept, and `metrics/` compares that with the truth.

A method is a class that meets `Method`. It is made as `Class(facts, **fields)`: each field that it
declares comes as a list of the replicates' values, or as one value where the declaration says
`per_replicate=False`. The field that names the number of networks is not passed, as
`facts.num_networks` says it. A method that needs more also meets other protocols of this file: it
prepares epochs, mixes inputs, shows several views of them, guesses labels first, learns from
averaged weights, renews its last layers, has parameters, or remembers what a resumed trial must
know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TrainingFacts:
    """What a method may know before the first epoch.

    Attributes:
        num_examples: N, of the training set.
        num_classes: K.
        num_networks: P.
        seeds: the training seed of each replicate; draw from `tune_noise.seeding.generator`.
        device: where batches are, and where a method keeps its tensors.
        noisy_labels: int64 [R, N].
        transition: T, float64 [R, K, K], T[i, j] = P(noisy j | clean i); None unless the method
            declares that it is told this oracle knowledge (`told_matrix`).
        answers: int64 [R, N, W] of W annotators, a class or -1; None where each example has one
            label.
    """

    num_examples: int
    num_classes: int
    num_networks: int
    seeds: Sequence[int]
    device: torch.device
    noisy_labels: Tensor
    transition: Tensor | None = None
    answers: Tensor | None = None

    @property
    def num_replicates(self) -> int:
        """R."""
        return len(self.noisy_labels)


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
        """Return the mixed images, float [R, batch, ...] like the ones given."""
        replicates = torch.arange(len(images), device=images.device).unsqueeze(1)
        shares = self.shares.to(images.dtype).view(-1, *[1] * (images.dim() - 1))
        return torch.lerp(images[replicates, self.partners], images, shares)


@dataclass(frozen=True)
class Batch:
    """One batch of every replicate, after one forward pass in training mode.

    A method that meets `ShowsViews` sees each example once for each view: the first view of all of
    them, then the second, and so on. `batch` below counts all these rows.

    Attributes:
        logits: float [R, P, batch, K].
        noisy_labels: int64 [R, batch].
        indices: int64 [R, batch], position of each example in its training set.
        epoch: counted from 0.
        mixing: how the images were mixed; None where they were not.
        averaged_logits: float [R, P, batch, K], of each network with averaged weights, for the
            images before they were mixed; without a gradient. None unless the method meets
            `LearnsFromAverage`.
        num_views: how often the batch shows each example.
        guesses: float [R, P, batch, K], logits of the same views before they were distorted and
            mixed, in evaluation mode and without a gradient; None unless the method asks for them
            (`GuessesFirst`).
    """

    logits: Tensor
    noisy_labels: Tensor
    indices: Tensor
    epoch: int
    mixing: Mixing | None = None
    averaged_logits: Tensor | None = None
    num_views: int = 1
    guesses: Tensor | None = None


@dataclass(frozen=True)
class Outcome:
    """What a method makes of a batch.

    Attributes:
        losses: float [R, P]; their sum over a replicate's networks is what these networks
            minimise; differentiable. A network whose loss does not depend on its logits, as one
            that keeps nothing of a batch, has a zero gradient.
        kept: bool [R, P, batch], the examples that each network learns from; of a method that
            guesses labels, those whose noisy label it learns from.
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
        """Return the losses of a batch; it is called before any network is updated on it."""


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
class ReportsMetrics(Protocol):
    """A method that measures something of its own in each epoch."""

    def epoch_metrics(self) -> Sequence[dict[str, float]]:
        """Return the metrics of the epoch that has just ended, by name, one row per replicate.

        It is called once after each epoch.
        """


@runtime_checkable
class MixesInputs(Protocol):
    """A method that trains on mixtures of images."""

    def mixing(self, epoch: int, batch_number: int, batch_size: int) -> Mixing:
        """Return how to mix a batch; it depends only on the arguments, the facts and the fields."""


@runtime_checkable
class LearnsFromAverage(Protocol):
    """A method that learns from its networks with averaged weights, as from a mean teacher.

    Attributes:
        teacher_decays: of each replicate, the decay in (0, 1) of the moving average per step, for
            `Batch.averaged_logits`. What is evaluated and kept is for `weight_average` to say.
    """

    teacher_decays: Sequence[float]


@runtime_checkable
class ShowsViews(Protocol):
    """A method that shows each batch to its networks several times, changed at random.

    A view is the input as `augmentation` changes it, drawn afresh for each view, and then
    distorted: see `tune_noise.training.views`.

    Attributes:
        view_strengths: for each view how much it is distorted, in [0, 1), one per replicate.
    """

    view_strengths: Sequence[Sequence[float]]


@runtime_checkable
class GuessesFirst(Protocol):
    """A method whose networks predict a batch before its inputs are distorted and mixed.

    Attributes:
        guesses_first: whether they do; it costs a forward pass.
    """

    guesses_first: bool


@runtime_checkable
class RenewsLastLayer(Protocol):
    """A method that begins the last layer of its networks anew and trains it alone for a while.

    Attributes:
        last_layer_epochs: of each replicate, the epochs in which its last layer alone is trained,
            counted from 0; with the first of them that layer has fresh values.
    """

    last_layer_epochs: Sequence[range]


@runtime_checkable
class HasParameters(Protocol):
    """A method with parameters of its own, which the optimizer trains beside the networks'.

    It also meets `Remembers`: the state of a trial has them from there.
    """

    def parameters(self) -> Sequence[nn.Parameter]:
        """Return them, each [R * P, ...] with the members of a replicate adjacent."""


@runtime_checkable
class Remembers(Protocol):
    """A method with a memory that its fields and the networks do not determine."""

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed trial needs, by name; the caller copies it."""

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Continue exactly from what `state` returned; copy the tensors.

        Raises:
            ValueError: they are of another shape or name.
        """
