"""Inputs put together without a copy: two sets as one, or some inputs of a set."""

from typing import Protocol

import torch
from torch import Tensor


class Inputs(Protocol):
    """What training and evaluation ask of inputs; see `tune_noise.data.resident`."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of every input."""
        ...

    @property
    def black(self) -> Tensor:
        """A value of 0 after scaling, float32 [channels]."""
        ...

    def __len__(self) -> int:
        """Return the number of inputs."""
        ...

    def batch(self, indices: Tensor) -> Tensor:
        """Return the scaled inputs at int64 indices [...], float32 [..., *input_shape]."""
        ...


class JoinedInputs:
    """The inputs of two sets as one: those of the second are numbered after the first's."""

    def __init__(self, first: Inputs, second: Inputs) -> None:
        """Refer to both sets, whose inputs are not copied."""
        self._first, self._second = first, second

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of every input."""
        return self._first.input_shape

    @property
    def black(self) -> Tensor:
        """A value of 0 after scaling, float32 [channels]."""
        return self._first.black

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def batch(self, indices: Tensor) -> Tensor:
        """Return the scaled inputs at int64 indices [...], float32 [..., *input_shape]."""
        # Both sets are asked for every index, and one answer is kept: no size depends on the
        # values, which a GPU would have to be waited for.
        number = len(self._first)
        first = self._first.batch(indices.clamp(max=number - 1))
        second = self._second.batch((indices - number).clamp(min=0))
        is_second = (indices >= number).view(*indices.shape, *[1] * len(self.input_shape))
        return torch.where(is_second, second, first)


class PickedInputs:
    """Some inputs of a set, in an order of their own."""

    def __init__(self, inputs: Inputs, indices: Tensor) -> None:
        """Refer to the set; `indices` is int64 [N] on its device."""
        self._inputs, self._indices = inputs, indices

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of every input."""
        return self._inputs.input_shape

    @property
    def black(self) -> Tensor:
        """A value of 0 after scaling, float32 [channels]."""
        return self._inputs.black

    def __len__(self) -> int:
        return len(self._indices)

    def batch(self, indices: Tensor) -> Tensor:
        """Return the scaled inputs at int64 indices [...], float32 [..., *input_shape]."""
        return self._inputs.batch(self._indices[indices])
