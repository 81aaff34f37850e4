"""Co-teaching: two networks, each learns from the small-loss examples that the other selects.

Han et al. 2018, arXiv:1804.06872, Algorithm 1. Deviations of the official code that are not here:
it divides the mean loss by the number of kept examples once more, and raises tau instead of the
epoch to the exponent.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.methods.losses import cross_entropy
from tune_noise.methods.protocol import Batch, Outcome


def forget_rate(epoch: int, *, tau: float, ramp_epochs: int, exponent: float) -> float:
    """Fraction of each batch to drop: 1 - R(T) = tau * min(T**exponent / ramp_epochs, 1).

    Args:
        epoch: T, counted from 0, so the first epoch drops nothing.
        tau: final forget rate, in [0, 1).
        ramp_epochs: the paper's T_k, at least 1. With an exponent other than 1 the ramp ends where
            T**exponent reaches it, not at epoch T_k: that is the paper's formula.
        exponent: the paper's c, above 0.

    Example:
        >>> [forget_rate(epoch, tau=0.4, ramp_epochs=4, exponent=1.0) for epoch in (0, 1, 4, 9)]
        [0.0, 0.1, 0.4, 0.4]
    """
    progress: float = epoch**exponent / ramp_epochs
    return tau * min(progress, 1.0)


def num_kept(batch_size: int, forget_rate: float) -> int:
    """How many examples of a batch are kept: floor((1 - forget_rate) * batch_size), at least 1.

    Example:
        >>> num_kept(10, 0.8), num_kept(128, 0.45), num_kept(1, 0.9)
        (2, 70, 1)
    """
    # 1e-9: (1 - 0.8) * 10 is 1.9999999999999996, and its floor would lose an example.
    return max(1, math.floor((1.0 - forget_rate) * batch_size + 1e-9))


def small_loss_selection(losses: Tensor, counts: Sequence[int]) -> Tensor:
    """Mark the examples of smallest loss; among equal losses the earlier example goes first.

    Args:
        losses: float [R, P, batch].
        counts: how many to keep, one per replicate, in [1, batch].

    Returns:
        bool [R, P, batch] with exactly counts[r] True in each row of replicate r.
    """
    # Selection is a decision, not a function to differentiate: no gradient may pass through it.
    order = losses.detach().argsort(dim=2, stable=True)
    limits = torch.tensor(counts, device=losses.device).view(-1, 1, 1)
    chosen = torch.arange(losses.shape[2], device=losses.device) < limits
    return torch.zeros_like(losses, dtype=torch.bool).scatter_(2, order, chosen.expand_as(order))


class CoTeaching:
    """Two peers that exchange their small-loss examples batch by batch."""

    networks = 2

    def __init__(self, configs: Sequence[TrialConfig]) -> None:
        """Take tau, ramp_epochs and exponent of each replicate."""
        self._schedules = [_schedule(config) for config in configs]

    def __call__(self, batch: Batch) -> Outcome:
        """Both peers select on the same forward pass; each keeps what the other selected."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        rates = [schedule(batch.epoch) for schedule in self._schedules]
        counts = [num_kept(losses.shape[2], rate) for rate in rates]
        kept = small_loss_selection(losses, counts).flip(dims=(1,))
        kept_losses = losses.where(kept, 0.0)
        return Outcome(kept_losses.sum(dim=2) / kept.sum(dim=2), kept, rates, losses)


def _schedule(config: TrialConfig) -> Callable[[int], float]:
    if config.tau is None or config.ramp_epochs is None or config.exponent is None:
        raise ValueError("co-teaching needs tau, ramp_epochs and exponent")
    return partial(
        forget_rate,
        tau=config.tau,
        ramp_epochs=config.ramp_epochs,
        exponent=config.exponent,
    )
