"""A stack as a whole: put members together, initialise one from its own seed, take one out."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


def per_member(function: Callable[[int], Tensor], members: int) -> Tensor:
    """Stack function(0) ... function(M - 1); without a copy where there is one member."""
    if members == 1:
        return function(0).unsqueeze(0)
    return torch.stack([function(m) for m in range(members)])


@runtime_checkable
class StackedLayer(Protocol):
    """A layer whose members are initialised one by one."""

    def reset_member(self, member: int, random: torch.Generator) -> None:
        """Give one member fresh values drawn from `random`."""


def reset_member(network: nn.Module, member: int, *, seed: int) -> None:
    """Initialise one member; the result depends on the seed and the architecture alone.

    Args:
        network: a stack of M networks.
        member: in [0, M).
        seed: of this member's own generator.
    """
    random = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, StackedLayer):
            module.reset_member(member, random)


def member_state(network: nn.Module, members: slice) -> dict[str, Tensor]:
    """Return detached copies of parameters and buffers of some members, [members, ...] each."""
    return {name: value[members].detach().clone() for name, value in network.state_dict().items()}
