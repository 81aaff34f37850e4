"""Per-example losses that several methods share, and their means over what is kept."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from tune_noise.methods.protocol import Outcome


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each example, not reduced.

    Args:
        logits: float [R, P, batch, K].
        labels: int64 [R, batch]; every network of a replicate sees the same.

    Returns:
        float [R, P, batch], nats.
    """
    replicates, networks = logits.shape[:2]
    repeated = labels.unsqueeze(1).expand(-1, networks, -1).flatten(0, 1)
    losses = F.cross_entropy(logits.flatten(0, 1).mT, repeated, reduction="none")
    return losses.view(replicates, networks, -1)


def log_softmax(logits: Tensor) -> Tensor:
    """Return the logarithms of the classes' probabilities, float [R, P, batch, K]."""
    # Classes before examples, as in `cross_entropy`: torch then goes through many examples at
    # once, and takes a tenth of the time that it takes for few classes in a row.
    return F.log_softmax(logits.mT, dim=2).mT


def of_labels(values: Tensor, labels: Tensor) -> Tensor:
    """Return the entry of a table of classes for each example's label.

    Args:
        values: [R, P, batch, K].
        labels: int64 [R, batch].

    Returns:
        [R, P, batch].
    """
    index = labels[:, None, :, None].expand(*values.shape[:3], 1)
    return values.gather(3, index).squeeze(3)


def all_kept(losses: Tensor, cross_entropies: Tensor) -> Outcome:
    """Return the outcome of a method that learns from every example: the mean of its losses.

    Args:
        losses: float [R, P, batch], differentiable.
        cross_entropies: float [R, P, batch].
    """
    kept = torch.ones_like(losses, dtype=torch.bool)
    return Outcome(losses.mean(dim=2), kept, cross_entropies, [0.0] * len(losses))


def mean_of_kept(losses: Tensor, kept: Tensor) -> Tensor:
    """Return the mean loss over what each network keeps; 0 without a gradient for nothing.

    Args:
        losses: float [R, P, batch].
        kept: bool [R, P, batch].

    Returns:
        float [R, P].
    """
    return losses.where(kept, 0.0).sum(dim=2) / kept.sum(dim=2).clamp(min=1)


def outcome_of_kept(
    losses: Tensor, kept: Tensor, forget_rates: Sequence[float] | None = None
) -> Outcome:
    """Return the outcome of a method that learns the cross-entropy of what it keeps.

    Args:
        losses: float [R, P, batch], cross-entropies, differentiable.
        kept: bool [R, P, batch].
        forget_rates: see `Outcome`.
    """
    return Outcome(mean_of_kept(losses, kept), kept, losses, forget_rates)
