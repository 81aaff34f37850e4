"""Training methods, one file each, behind one protocol."""

from tune_noise.methods.co_teaching import CoTeaching
from tune_noise.methods.protocol import Batch, Method, Outcome
from tune_noise.methods.standard import Standard

METHODS: dict[str, type[Standard] | type[CoTeaching]] = {
    "standard": Standard,
    "co_teaching": CoTeaching,
}

__all__ = ["METHODS", "Batch", "Method", "Outcome"]
