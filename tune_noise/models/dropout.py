"""Channel dropout whose draws belong to a member: its seed and the epoch fix them, nothing else."""

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


class StackedDropout2d(nn.Module):
    """Sets whole channels of an image to zero in training and scales up the others.

    Masks are drawn on the CPU whatever the device, so that a seed means the same everywhere; one
    number per channel is small beside the images.

    Args:
        rate: probability in [0, 1) that a channel is dropped; 0 draws nothing.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._generators: Sequence[torch.Generator] = ()

    def draw_from(self, generators: Sequence[torch.Generator]) -> None:
        """Take one generator per member."""
        self._generators = generators

    def forward(self, x: Tensor) -> Tensor:
        """Map float [M, batch, C, H, W] to the same shape.

        Raises:
            RuntimeError: it is to draw, and no epoch was started.
        """
        if not self.training or self.rate == 0.0:
            return x
        if len(self._generators) != len(x):
            raise RuntimeError(f"start_epoch must give {len(x)} seeds before the network trains")
        drawn = torch.stack([torch.rand(x.shape[1:3], generator=g) for g in self._generators])
        mask = (drawn >= self.rate).to(x.dtype) / (1.0 - self.rate)
        return x * mask.to(x.device)[..., None, None]
