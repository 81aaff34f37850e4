"""Images that do not belong to a data set: white noise, or those of another one made to fit."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from tune_noise.data.dataset import Dataset
from tune_noise.data.memory import available_bytes
from tune_noise.data.registry import check_dataset_name, load_dataset
from tune_noise.data.resident import channel_histograms
from tune_noise.errors import DataError
from tune_noise.seeding import generator

# White noise is made for each noisy example up to here; then its images are lent again.
MAX_WHITE_BYTES = 2**28
# Which foreign images there are, and their order, is part of the data: it moves with no seed.
_SEED = 0
_BLOCK = 1024
# ITU-R BT.601, as Pillow and torchvision turn colours into grey.
_LUMA = (0.299, 0.587, 0.114)


def load_foreign_images(
    dataset: Dataset, *, source: str, alpha: int, data_dir: Path | None
) -> np.ndarray:
    """Return images without a class, alpha for each training image where there are so many.

    Args:
        dataset: that they are for.
        source: `white`, the name of a data set, or a path that ends in .npz.
        alpha: at least 0.
        data_dir: the folder of the torchvision sets.

    Returns:
        uint8 [M, C, H, W], in the shape of the data set's own images.

    Raises:
        DataError: there is no such source, or the memory does not suffice.
    """
    count = alpha * len(dataset.train_labels)
    if source == "white":
        return white_images(dataset, count=count)
    if (fault := check_dataset_name(source)) is not None:
        raise DataError(f"neither white nor own, and {fault}")
    other = load_dataset(source, data_dir=data_dir)
    return fitted_images(other.train_inputs, dataset.input_shape, count=count)


def white_images(dataset: Dataset, *, count: int) -> np.ndarray:
    """Draw white noise in the likeness of a data set: every pixel is drawn on its own.

    A pixel has the distribution of the data set's values in its channel, and so their mean and
    variance exactly; normal noise of that mean and variance would leave 0..255 where images are
    as dark as MNIST's, and clipping would change both.

    Args:
        dataset: whose training images are imitated.
        count: how many are wanted.

    Returns:
        uint8 [M, C, H, W], M = min(count, as many as 256 MiB hold); a larger count begins with the
        images of a smaller one.
    """
    shape = dataset.input_shape
    number = min(count, max(1, MAX_WHITE_BYTES // int(np.prod(shape))))
    _check_memory(number, shape)
    counts = channel_histograms(dataset.train_inputs)
    shares = counts.cumsum(axis=1) / counts.sum(axis=1, keepdims=True)
    # 65,536 quantiles: a table look-up per pixel instead of a search.
    quantiles = (np.arange(2**16) + 0.5) / 2**16
    tables = np.stack([np.searchsorted(row, quantiles) for row in shares]).astype(np.uint8)
    images = np.empty((number, *shape), np.uint8)
    for start in range(0, number, _BLOCK):
        rng = generator(_SEED, "white", start)
        part = images[start : start + _BLOCK]
        drawn = rng.integers(2**16, size=(_BLOCK, *shape), dtype=np.uint16)[: len(part)]
        for channel, table in enumerate(tables):
            part[:, channel] = table[drawn[:, channel]]
    return images


def fitted_images(foreign: np.ndarray, shape: tuple[int, ...], *, count: int) -> np.ndarray:
    """Return images of another data set, in a fixed random order and in the shape of this one.

    Colours become grey by luma (0.299 R + 0.587 G + 0.114 B), grey becomes three equal channels;
    then an image is scaled, keeping its proportions, until it covers H x W (bilinear, smoothed
    where it shrinks), and what juts out is cut off evenly.

    Args:
        foreign: uint8 [N, c, h, w], c 1 or 3.
        shape: (C, H, W) of the result.
        count: how many are wanted.

    Returns:
        uint8 [min(count, N), C, H, W]; a larger count begins with the images of a smaller one.

    Raises:
        DataError: the memory does not suffice, or neither set is grey or RGB.
    """
    order = generator(_SEED, "foreign").permutation(len(foreign))[:count]
    _check_memory(len(order), shape)
    images = np.empty((len(order), *shape), np.uint8)
    for start in range(0, len(order), _BLOCK):
        block = foreign[order[start : start + _BLOCK]]
        images[start : start + _BLOCK] = _fit(_with_channels(block, shape[0]), *shape[1:])
    return images


def _with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    if images.shape[1] == channels:
        return images
    if images.shape[1] == 1:
        return np.repeat(images, channels, axis=1)
    if images.shape[1] == 3 and channels == 1:
        grey = np.tensordot(np.array(_LUMA), images, axes=(0, 1))
        return np.rint(grey).astype(np.uint8)[:, np.newaxis]
    raise DataError(f"images of {images.shape[1]} channels cannot become images of {channels}")


def _fit(images: np.ndarray, height: int, width: int) -> np.ndarray:
    if images.shape[2:] == (height, width):
        return images
    scale = max(height / images.shape[2], width / images.shape[3])
    size = (
        max(height, round(images.shape[2] * scale)),
        max(width, round(images.shape[3] * scale)),
    )
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()
    scaled = F.interpolate(pixels, size=size, mode="bilinear", antialias=True)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    cut = scaled[:, :, top : top + height, left : left + width]
    return np.asarray(cut.round().clamp(0, 255).to(torch.uint8).numpy())


def _check_memory(count: int, shape: tuple[int, ...]) -> None:
    needed, left = 2 * count * int(np.prod(shape)), available_bytes()
    if left is not None and needed > left:
        raise DataError(
            f"{count} foreign images need {needed / 2**30:.1f} GiB while they are made, and this "
            f"machine has {left / 2**30:.1f} GiB of memory left: lower alpha"
        )
