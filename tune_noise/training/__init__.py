"""One trial, or a stack of them, trained on one device; knows no Ray."""

from tune_noise.training.material import with_material
from tune_noise.training.trial import Trial

__all__ = ["Trial", "with_material"]
