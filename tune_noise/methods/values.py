"""Tensors of a method: one number per replicate, and the memory that a checkpoint keeps."""

from collections.abc import Sequence

import torch
from torch import Tensor


def column(values: Sequence[float], device: torch.device) -> Tensor:
    """Return one number per replicate, to be combined with losses [R, P, batch] of any dtype.

    Make it once: a transfer in each batch would have the host wait for a GPU.

    Returns:
        float64 [R, 1, 1]; convert it to the dtype of the losses.
    """
    return torch.tensor(values, dtype=torch.float64, device=device).view(-1, 1, 1)


def checked_state(tensors: dict[str, Tensor], current: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of loaded tensors if they have the names, shapes and types of the current ones.

    Raises:
        ValueError: they do not.
    """
    loaded, expected = (
        {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in state.items()}
        for state in (tensors, current)
    )
    if loaded != expected:
        raise ValueError(f"a method's state must be {expected}, got {loaded}")
    return {name: tensor.to(current[name].device, copy=True) for name, tensor in tensors.items()}
