"""Small-loss selection and its schedule: what co-teaching, its relatives and self-paced share."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def forget_rate(epoch: int, *, tau: float, ramp_epochs: int, exponent: float) -> float:
    """Return the fraction of a batch to drop: 1 - R(T) = tau * min(T**exponent / ramp_epochs, 1).

    Args:
        epoch: T, counted from 0, so the first epoch drops nothing.
        tau: final forget rate, in [0, 1).
        ramp_epochs: the paper's T_k, at least 1. With an exponent other than 1 the ramp ends where
            T**exponent reaches it, not at epoch T_k: that is the paper's formula.
        exponent: the paper's c, above 0.

    Example:
        >>> [forget_rate(epoch, tau=0.4, ramp_epochs=4, exponent=1.0) for epoch in (0, 1, 4, 9)]
        [0.0, 0.1, 0.4, 0.4]

    Reference:
        Han et al. 2018, arXiv:1804.06872, section 4.2.
    """
    progress: float = epoch**exponent / ramp_epochs
    return tau * min(progress, 1.0)


def num_kept(batch_size: int, forget_rate: float) -> int:
    """Return how many examples of a batch to keep: floor((1 - forget_rate) * batch_size), or 1.

    Example:
        >>> num_kept(10, 0.8), num_kept(128, 0.45), num_kept(1, 0.9)
        (2, 70, 1)
    """
    # 1e-9: (1 - 0.8) * 10 is 1.9999999999999996, and its floor would lose an example.
    return max(1, math.floor((1.0 - forget_rate) * batch_size + 1e-9))


class ForgetRates:
    """The forget rates of the replicates of a stack.

    Args:
        tau: final forget rate of each replicate; see `forget_rate`.
        ramp_epochs: of each replicate.
        exponent: of each replicate.
    """

    def __init__(
        self, tau: Sequence[float], ramp_epochs: Sequence[int], exponent: Sequence[float]
    ) -> None:
        self._schedules = list(zip(tau, ramp_epochs, exponent, strict=True))

    def __call__(self, epoch: int) -> list[float]:
        """Return one rate per replicate at an epoch, counted from 0."""
        return [
            forget_rate(epoch, tau=tau, ramp_epochs=ramp_epochs, exponent=exponent)
            for tau, ramp_epochs, exponent in self._schedules
        ]


def small_loss_selection(losses: Tensor, counts: Sequence[int] | Tensor) -> Tensor:
    """Mark the examples of smallest loss; among equal losses the earlier example goes first.

    Args:
        losses: float [R, P, batch].
        counts: how many to keep, one per replicate, in [0, batch].

    Returns:
        bool [R, P, batch] with exactly counts[r] True in each row of replicate r.
    """
    # Selection is a decision, not a function to differentiate: no gradient may pass through it.
    order = losses.detach().argsort(dim=2, stable=True)
    limits = torch.as_tensor(counts, device=losses.device).view(-1, 1, 1)
    chosen = torch.arange(losses.shape[2], device=losses.device) < limits
    return torch.zeros_like(losses, dtype=torch.bool).scatter_(2, order, chosen.expand_as(order))


def small_losses(losses: Tensor, rates: Sequence[float]) -> Tensor:
    """Mark what each network selects of a batch, bool [R, P, batch].

    Args:
        losses: float [R, P, batch].
        rates: forget rate of each replicate.
    """
    return small_loss_selection(losses, [num_kept(losses.shape[2], rate) for rate in rates])
