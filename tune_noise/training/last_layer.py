"""The last layer of a stack: which it is, and how some members get a fresh one."""

from collections.abc import Mapping

import torch
from torch import nn

from tune_noise.models.stack import reset_member


def last_layer(network: nn.Module) -> list[int]:
    """Return the numbers of the parameters of the last module that has any."""
    modules = [name.rpartition(".")[0] for name, _ in network.named_parameters()]
    return [number for number, module in enumerate(modules) if module == modules[-1]]


@torch.no_grad()
def renew_last_layers(network: nn.Module, scratch: nn.Module, seeds: Mapping[int, int]) -> None:
    """Give the last layer of some members the values of a newly initialised network.

    Args:
        network: a stack.
        scratch: a stack of the same shape, whose values are lost.
        seeds: member -> the seed of its new values.
    """
    parameters, fresh = list(network.parameters()), list(scratch.parameters())
    for member, seed in seeds.items():
        reset_member(scratch, member, seed=seed)
        for number in last_layer(network):
            parameters[number][member] = fresh[number][member]
