"""Images put together without a copy: two sets as one, or some images of a set."""

from typing import Protocol

import torch
from torch import Tensor


class Images(Protocol):
    """What training and evaluation ask of images; see `ResidentImages`."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        ...

    @property
    def black(self) -> Tensor:
        """A black pixel after normalising, float32 [C]."""
        ...

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def batch(self, indices: Tensor) -> Tensor:
        """Return the normalised images at int64 indices [...], float32 [..., C, H, W]."""
        ...


class JoinedImages:
    """The images of two sets as one: those of the second are numbered after the first's."""

    def __init__(self, first: Images, second: Images) -> None:
        """Refer to both sets, whose images are not copied."""
        self._first, self._second = first, second

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return self._first.image_shape

    @property
    def black(self) -> Tensor:
        """A black pixel after normalising, float32 [C]."""
        return self._first.black

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def batch(self, indices: Tensor) -> Tensor:
        """Return the normalised images at int64 indices [...], float32 [..., C, H, W]."""
        # Both sets are asked for every index, and one answer is kept: no size depends on the
        # values, which a GPU would have to be waited for.
        number = len(self._first)
        first = self._first.batch(indices.clamp(max=number - 1))
        second = self._second.batch((indices - number).clamp(min=0))
        is_second = (indices >= number)[..., None, None, None]
        return torch.where(is_second, second, first)


class PickedImages:
    """Some images of a set, in an order of their own."""

    def __init__(self, images: Images, indices: Tensor) -> None:
        """Refer to the set; `indices` is int64 [N] on its device."""
        self._images, self._indices = images, indices

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return self._images.image_shape

    @property
    def black(self) -> Tensor:
        """A black pixel after normalising, float32 [C]."""
        return self._images.black

    def __len__(self) -> int:
        return len(self._indices)

    def batch(self, indices: Tensor) -> Tensor:
        """Return the normalised images at int64 indices [...], float32 [..., C, H, W]."""
        return self._images.batch(self._indices[indices])
