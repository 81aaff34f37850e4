"""Random crops and mirror images on the device, a fresh draw for each example and epoch."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.data.input_views import Inputs
from tune_noise.seeding import generator


def padding(side: int) -> int:
    """Return the black pixels on each side of an image before it is cropped: 1/8, rounded up.

    That is the CIFAR recipe's 4 at 32 pixels, and at MNIST's 28.

    Example:
        >>> padding(32), padding(28), padding(8)
        (4, 4, 1)
    """
    return math.ceil(side / 8)


class Augmentation:
    """Crops and mirrors the training images of a stack, as its configurations say.

    What an example becomes in an epoch depends on the training seed, the epoch and the example
    alone: not on the batch it is in, nor on the other replicates. All networks of a replicate see
    the same.

    Args:
        configs: one per replicate, alike in `augmentation`.
        images: the training images.
        num_examples: of the training set, copies included.
        view: its number, from 0; each view has draws of its own.
    """

    def __init__(
        self, configs: Sequence[TrialConfig], images: Inputs, *, num_examples: int, view: int = 0
    ) -> None:
        self._seeds = [config.seed for config in configs]
        self._is_on = configs[0].augmentation == "standard"
        self._num_examples, self._view = num_examples, view
        # Features have no height and no width, and are never moved.
        self._height, self._width = images.input_shape[1:] if self._is_on else (0, 0)
        self._black = images.black
        self._moves: Tensor | None = None

    def start_epoch(self, epoch: int) -> None:
        """Draw the moves of every example of an epoch, counted from 0."""
        if not self._is_on:
            return
        size = self._num_examples, self._height, self._width
        moves = [draw_moves(seed, epoch, *size, view=self._view) for seed in self._seeds]
        self._moves = torch.from_numpy(np.stack(moves)).to(self._black.device)

    def __call__(self, images: Tensor, indices: Tensor) -> Tensor:
        """Return the augmented images.

        Args:
            images: float [R, batch, C, H, W].
            indices: int64 [R, batch], position of each example in its training set.
        """
        if self._moves is None:
            return images
        replicates = torch.arange(len(indices), device=indices.device)[:, None]
        moves = self._moves[replicates, indices].long().flatten(0, 1)
        moved = crop_and_mirror(images.flatten(0, 1), moves, self._black)
        return moved.view_as(images)


def draw_moves(
    seed: int, epoch: int, num_examples: int, height: int, width: int, *, view: int = 0
) -> np.ndarray:
    """Draw how each example is moved in a view of an epoch: int16 [num_examples, 3].

    Returns:
        Rows down in +-padding(height), columns right in +-padding(width), 1 where it is mirrored.
    """
    random = generator(seed, "augmentation", epoch, *([view] if view else []))
    high = np.array([2 * padding(height) + 1, 2 * padding(width) + 1, 2])
    drawn = random.integers(high, size=(num_examples, 3))
    return (drawn - [padding(height), padding(width), 0]).astype(np.int16)


def crop_and_mirror(images: Tensor, moves: Tensor, black: Tensor) -> Tensor:
    """Mirror each image where its move says so, then shift it; new pixels are black.

    Args:
        images: float [N, C, H, W].
        moves: int64 [N, 3]: rows down, columns right, 1 to mirror left and right.
        black: float [C].

    Returns:
        float [N, C, H, W].
    """
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) - moves[:, :1]
    columns = torch.arange(width, device=images.device) - moves[:, 1:2]
    is_inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[
        :, None, :
    ]
    columns = torch.where(moves[:, 2:] == 1, width - 1 - columns, columns)
    places = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None]
    places = places.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    moved = images.flatten(2).gather(2, places).view_as(images)
    return torch.where(is_inside[:, None], moved, black[:, None, None])
