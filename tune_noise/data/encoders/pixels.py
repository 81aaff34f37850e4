"""Pictures as they are: the square in the middle, resized."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tune_noise.data.photos import open_picture, quiet_pillow

if TYPE_CHECKING:
    from PIL.Image import Image


class Pixels:
    """Pictures as uint8 [n, channels, size, size].

    A picture of that size and colour is taken as it is, bit by bit.

    Args:
        size: height and width in pixels.
        channels: 3 for colours, 1 for grey.
    """

    def __init__(self, size: int, channels: int) -> None:
        self._size, self._channels = size, channels

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        """Return the pictures in files, whose paths are given."""
        shape = (len(inputs), self._size, self._size, self._channels)
        pixels = np.empty(shape, np.uint8)
        with quiet_pillow():
            for row, path in zip(pixels, inputs, strict=True):
                square = middle_square(path, self._size).convert(
                    "RGB" if self._channels == 3 else "L"
                )
                row[...] = np.asarray(square).reshape(row.shape)
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def middle_square(path: str, size: int) -> "Image":
    """Return the largest square in the middle of a picture, resized to size x size pixels."""
    from PIL import Image

    # Twice the size: what is thrown away when it is resized could not be seen.
    picture, _, _ = open_picture(path, least=2 * size)
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.BICUBIC, box=box)
