"""Inputs that stay on a device as they were stored and are scaled only when they are used."""

import math
import warnings

import numpy as np
import torch
from torch import Tensor


class ResidentImages:
    """All images of a split as one uint8 tensor on a device.

    A read-only array, as Ray's object store hands out, is wrapped on the CPU without a copy:
    all trials of a machine share its pages. Nothing here ever writes to it.

    Args:
        images: uint8 [N, C, H, W].
        mean: [C], of images / 255; see `channel_statistics`.
        std: [C], positive.
        device: where the images stay and the batches come out.

    Raises:
        ValueError: images is not uint8 [N, C, H, W], or std is not positive.

    Example:
        >>> images = np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1)
        >>> resident = ResidentImages(images, mean=[0.5], std=[0.5], device="cpu")
        >>> resident.batch(torch.tensor([1, 0, 1])).flatten()
        tensor([ 1.0000, -1.0000,  1.0000])
    """

    def __init__(
        self,
        images: np.ndarray,
        *,
        mean: np.ndarray | list[float],
        std: np.ndarray | list[float],
        device: torch.device | str,
    ) -> None:
        """Wrap the images on the CPU, or copy them to another device once."""
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(
                f"images must be uint8 [N, C, H, W], got {images.dtype} {images.shape}"
            )
        mean64, std64 = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if not np.all(std64 > 0):
            raise ValueError(f"std must be positive in every channel, got {std64}")
        channels, height, width = images.shape[1:]
        self.input_shape = (channels, height, width)
        flat = np.ascontiguousarray(images).reshape(len(images), -1)
        self._pixels = _wrap_without_warning(flat).to(device)
        # (x / 255 - mean) / std as one multiply and one add, derived in float64.
        self._scale = _per_pixel(1.0 / (255.0 * std64), height * width, device)
        self._shift = _per_pixel(-mean64 / std64, height * width, device)

    def __len__(self) -> int:
        return len(self._pixels)

    @property
    def black(self) -> Tensor:
        """What a pixel of value 0 becomes in a batch, float32 [C]."""
        return self._shift.view(self.input_shape[0], -1)[:, 0]

    def batch(self, indices: Tensor) -> Tensor:
        """Return the normalised images at `indices`.

        Args:
            indices: int64 of any shape [...], on the device of the images.

        Returns:
            float32 [..., C, H, W], a fresh tensor.
        """
        pixels = self._pixels.index_select(0, indices.reshape(-1)).float()
        torch.addcmul(self._shift, pixels, self._scale, out=pixels)
        return pixels.view(*indices.shape, *self.input_shape)


class ResidentFeatures:
    """All feature vectors of a split as one float32 tensor on a device.

    Like `ResidentImages` it wraps an array on the CPU without a copy.

    Args:
        features: float32 [N, D].
        mean: [D], subtracted from each row.
        std: [D], positive; divides what is left.
        unit: whether rows are then given the length sqrt(D), so that their values are as large as
            standardised ones and suit the same learning rates; a row of zeros stays.
        device: where the features stay and the batches come out.

    Raises:
        ValueError: features is not float32 [N, D], or std is not positive.

    Example:
        >>> rows = np.array([[5.0, 5.0, 1.0, 7.0]], dtype=np.float32)
        >>> resident = ResidentFeatures(rows, mean=[0] * 4, std=[1] * 4, unit=True, device="cpu")
        >>> resident.batch(torch.tensor([0]))
        tensor([[1.0000, 1.0000, 0.2000, 1.4000]])
    """

    def __init__(
        self,
        features: np.ndarray,
        *,
        mean: np.ndarray | list[float],
        std: np.ndarray | list[float],
        unit: bool,
        device: torch.device | str,
    ) -> None:
        """Wrap the features on the CPU, or copy them to another device once."""
        if features.dtype != np.float32 or features.ndim != 2:
            raise ValueError(
                f"features must be float32 [N, D], got {features.dtype} {features.shape}"
            )
        mean64, std64 = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if not np.all(std64 > 0):
            raise ValueError("std must be positive for every feature")
        self.input_shape = (features.shape[1],)
        self._rows = _wrap_without_warning(np.ascontiguousarray(features)).to(device)
        self._scale = torch.from_numpy((1.0 / std64).astype(np.float32)).to(device)
        self._shift = torch.from_numpy((-mean64 / std64).astype(np.float32)).to(device)
        self._unit = unit

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def black(self) -> Tensor:
        """What a value of 0 becomes in a batch, float32 [D]."""
        return self._shift

    def batch(self, indices: Tensor) -> Tensor:
        """Return the scaled features at `indices`.

        Args:
            indices: int64 of any shape [...], on the device of the features.

        Returns:
            float32 [..., D], a fresh tensor.
        """
        rows = self._rows.index_select(0, indices.reshape(-1))
        torch.addcmul(self._shift, rows, self._scale, out=rows)
        if self._unit:
            lengths = rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
            rows *= math.sqrt(rows.shape[1]) / lengths
        return rows.view(*indices.shape, *self.input_shape)


def channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation of images / 255, per channel.

    Args:
        images: uint8 [N, C, H, W], at least one pixel per channel.

    Returns:
        (mean, std), float32 [C] each; std is 1 for a channel that is constant, so that
        normalising only centres it.

    Raises:
        ValueError: images is not uint8 [N, C, H, W] or is empty.

    Example:
        >>> mean, std = channel_statistics(np.array([[[[0, 255]]]], dtype=np.uint8))
        >>> mean.tolist(), std.tolist()
        ([0.5], [0.5])
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.size == 0:
        raise ValueError(
            f"images must be uint8 [N, C, H, W] and not empty, got {images.dtype} {images.shape}"
        )
    counts = channel_histograms(images)
    share = counts / counts.sum(axis=1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    variance = (share * (values - mean[:, np.newaxis]) ** 2).sum(axis=1)
    is_constant = np.count_nonzero(counts, axis=1) == 1
    std = np.where(is_constant, 1.0, np.sqrt(variance))
    return mean.astype(np.float32), std.astype(np.float32)


def channel_histograms(images: np.ndarray) -> np.ndarray:
    """Count how often each value occurs in each channel, int64 [C, 256]."""
    counts = np.zeros((images.shape[1], 256), np.int64)
    # In blocks, because bincount copies its input to int64: eight times the images at once.
    for start in range(0, len(images), 1024):
        for channel, row in enumerate(counts):
            row += np.bincount(images[start : start + 1024, channel].ravel(), minlength=256)
    return counts


def _wrap_without_warning(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        # Torch warns that a read-only array could be written to through the tensor; ours is not.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)


def _per_pixel(channel_values: np.ndarray, pixels: int, device: torch.device | str) -> Tensor:
    """Return float32 [C * H * W] from float64 [C]: a flat row needs no broadcast over channels."""
    return torch.from_numpy(np.repeat(channel_values, pixels).astype(np.float32)).to(device)
