"""What an encoder is, shipped or a user's own."""

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

State = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]


@runtime_checkable
class Encoder(Protocol):
    """A frozen map from raw inputs to inputs of a declared kind.

    It is made with the values of its declared fields. Equal raw inputs give equal outputs, whatever
    else is in a block.
    """

    def encode(self, inputs: Any) -> np.ndarray:
        """Return a block of raw inputs as float32 [n, D] or uint8 [n, C, H, W]."""
        ...


@runtime_checkable
class FittedEncoder(Encoder, Protocol):
    """An encoder that learns something from raw inputs: of the training part alone."""

    def fit(self, inputs: Any) -> None:
        """Learn from the raw inputs of the training part; no label is seen."""
        ...

    def state(self) -> State:
        """Return all that was learnt: arrays by name, and plain values for JSON."""
        ...

    def load_state(self, state: State) -> Self:
        """Take over what was learnt, and return the encoder."""
        ...
