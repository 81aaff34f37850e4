"""The hyper-parameters of the replicates of a stack, side by side."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig


def values_of(configs: Sequence[TrialConfig], name: str) -> list[Any]:
    """One field of every replicate.

    Raises:
        ValueError: it does not apply to one of them.
    """
    values = [getattr(config, name) for config in configs]
    if None in values:
        method = configs[values.index(None)].method
        raise ValueError(f"this method needs {name}, which method {method} does not have")
    return values


def column(values: Sequence[float], device: torch.device) -> Tensor:
    """One number per replicate, to be combined with losses [R, P, batch] once it has their dtype.

    Made once, as a transfer in each batch would have the host wait for a GPU.

    Returns:
        float64 [R, 1, 1].
    """
    return torch.tensor(values, dtype=torch.float64, device=device).view(-1, 1, 1)


def checked_state(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Loaded tensors, copied, if they have the names, shapes and types of a method's own.

    Raises:
        ValueError: they have not.
    """
    found, expected = (
        {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in each.items()}
        for each in (tensors, own)
    )
    if found != expected:
        raise ValueError(f"a method's state must be {expected}, got {found}")
    return {name: tensor.to(own[name].device, copy=True) for name, tensor in tensors.items()}
