"""How inputs are scaled before a network sees them: what is measured, and on which examples."""

from dataclasses import dataclass

import numpy as np
import torch

from tune_noise.data.dataset import kind_of
from tune_noise.data.input_views import Inputs
from tune_noise.data.resident import ResidentFeatures, ResidentImages, channel_statistics

# Rows measured at once: bounds the float64 copies.
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Scaling:
    """A fitted scaling; inputs become (x - mean) / std, then rows of one length where `unit`.

    Attributes:
        mean: float32 [C] of pixels / 255 of pictures, [D] of features.
        std: as mean; positive.
        unit: whether each row is given the length sqrt(D).
    """

    mean: np.ndarray
    std: np.ndarray
    unit: bool = False

    def resident(self, inputs: np.ndarray, device: torch.device | str) -> Inputs:
        """Return inputs on a device, scaled when they are used."""
        if kind_of(inputs) == "pictures":
            return ResidentImages(inputs, mean=self.mean, std=self.std, device=device)
        return ResidentFeatures(inputs, mean=self.mean, std=self.std, unit=self.unit, device=device)


def fit_scaling(inputs: np.ndarray, method: str, *, among: np.ndarray) -> Scaling:
    """Measure what a scaling needs.

    Pictures are always scaled per channel, over all of them: their few numbers are told by a
    handful of examples. Features are measured on the training examples alone.

    Args:
        inputs: uint8 [N, C, H, W] or float32 [N, D], of the whole training set.
        method: `standard`, `unit` or `none`.
        among: int64, the examples that train.

    Example:
        >>> scaling = fit_scaling(np.array([[0.0], [2.0], [9.0]]), "standard", among=np.arange(2))
        >>> scaling.mean.tolist(), scaling.std.tolist()
        ([1.0], [1.0])
    """
    if kind_of(inputs) == "pictures":
        return Scaling(*channel_statistics(inputs))
    if method == "standard":
        return Scaling(*feature_statistics(inputs, among))
    width = inputs.shape[1]
    return Scaling(np.zeros(width, np.float32), np.ones(width, np.float32), unit=method == "unit")


def feature_statistics(features: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation of each feature over some examples, float32 [D].

    The standard deviation of a feature that is constant is 1, so that scaling only centres it.
    """
    blocks = [among[start : start + _BLOCK] for start in range(0, len(among), _BLOCK)]
    mean = sum(features[block].sum(axis=0, dtype=np.float64) for block in blocks) / len(among)
    squares = sum(np.square(features[block] - mean).sum(axis=0) for block in blocks)
    std = np.sqrt(squares / len(among))
    # A constant that float64 cannot hold exactly has a spread of rounding.
    is_constant = std <= 1e-7 * np.maximum(np.abs(mean), np.finfo(np.float32).tiny)
    return mean.astype(np.float32), np.where(is_constant, 1.0, std).astype(np.float32)
