"""What a training method is given and what it returns.

R replicates are trained side by side; each has P networks (`Method.networks`). A method never sees
a clean label: it says what it kept, and `metrics/` compares that with the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from tune_noise.config.trial import TrialConfig


@dataclass(frozen=True)
class Batch:
    """One batch of every replicate, after one forward pass in training mode.

    Attributes:
        logits: float [R, P, batch, K].
        noisy_labels: int64 [R, batch].
        indices: int64 [R, batch], position of each example in its training set.
        epoch: counted from 0.
    """

    logits: Tensor
    noisy_labels: Tensor
    indices: Tensor
    epoch: int


@dataclass(frozen=True)
class Outcome:
    """What a method makes of a batch.

    Attributes:
        losses: float [R, P], the loss that each network minimises; differentiable.
        kept: bool [R, P, batch], the examples that each network learns from.
        forget_rates: fraction of the batch dropped, one per replicate.
        cross_entropies: float [R, P, batch], of every example on its noisy label; a diagnostic.
    """

    losses: Tensor
    kept: Tensor
    forget_rates: Sequence[float]
    cross_entropies: Tensor


class Method(Protocol):
    """One training method, made for the replicates of one stack."""

    networks: int

    def __init__(self, configs: Sequence[TrialConfig]) -> None:
        """Take the hyper-parameters of each replicate."""

    def __call__(self, batch: Batch) -> Outcome:
        """The losses of a batch; called before any network is updated on it."""
