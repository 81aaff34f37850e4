"""Dropout whose draws belong to a member: its seed and the epoch fix them, nothing else."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class RandomLayer(Protocol):
    """A layer that draws while it trains, from a generator of each member's own."""

    def draw_from(self, generators: Sequence[torch.Generator]) -> None:
        """Take one generator per member; layers of a network share them."""


def start_epoch(network: nn.Module, seeds: Sequence[int]) -> None:
    """Let what a network draws in training start afresh, so that a resumed epoch repeats it.

    Args:
        network: a stack of M networks.
        seeds: one per member, of this epoch; networks that draw nothing do not care.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    for module in network.modules():
        if isinstance(module, RandomLayer):
            module.draw_from(generators)


class _Dropout(nn.Module):
    """What both kinds of dropout have in common.

    Masks are drawn on the CPU whatever the device, so that a seed means the same everywhere.

    Args:
        rate: probability in [0, 1) that something is dropped; 0 draws nothing.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._generators: Sequence[torch.Generator] = ()

    def draw_from(self, generators: Sequence[torch.Generator]) -> None:
        """Take one generator per member."""
        self._generators = generators

    @property
    def _draws(self) -> bool:
        return self.training and self.rate > 0.0

    def _mask(self, shape: torch.Size, like: Tensor) -> Tensor:
        """Draw 0 or 1 / (1 - rate) of a shape for each member, [M, *shape].

        Raises:
            RuntimeError: no epoch was started.
        """
        if not self._generators:
            raise RuntimeError("start_epoch must give a seed per member before the network trains")
        drawn = torch.stack([torch.rand(shape, generator=g) for g in self._generators])
        return ((drawn >= self.rate).to(like.dtype) / (1.0 - self.rate)).to(like.device)


class StackedDropout2d(_Dropout):
    """Sets whole channels of an image to zero in training and scales up the others."""

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M, batch, C, H, W] to the same shape.

        Raises:
            RuntimeError: it is to draw, and no epoch was started.
        """
        return x * self._mask(x.shape[1:3], x)[..., None, None] if self._draws else x


class FlatInput(_Dropout):
    """Lays an input out as one row of values, of which it drops some in training."""

    def forward(self, x: Tensor) -> Tensor:
        """Map float [G, batch, ...] to [G, batch, values], or [M, ...] where values are dropped.

        Members that share an input drop values of their own.

        Raises:
            RuntimeError: it is to draw, and no epoch was started.
        """
        rows = x.flatten(2)
        if not self._draws:
            return rows
        mask = self._mask(rows.shape[1:], rows)
        return rows.repeat_interleave(len(mask) // len(rows), dim=0) * mask
