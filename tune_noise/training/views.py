"""Views: each example of a batch shown several times, each time distorted at random.

Pictures are distorted in the manner of RandAugment (Cubuk et al. 2020, arXiv:1909.13719): each gets
one of rotation, shear and shift, or none, and one of brightness, contrast and a cut-out square, or
none, as large as the strength says, in a random direction. torchvision's transforms take one
parameter for a whole batch, so what differs by example is computed here. Deviations: two groups of
operations instead of any two of 14; there is no operation on single pixel values, such as
solarize; pixels are interpolated; brightness and contrast may leave the range of stored pixels.

Features have no published views. Some of their values are set to 0, which is the mean of a
standardised feature, and the others are scaled up, as dropout does.

What becomes of an example depends on the training seed, the epoch, the view and the example alone:
not on its batch, nor on the other replicates.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.data.input_views import Inputs
from tune_noise.seeding import generator
from tune_noise.training.augmentation import Augmentation

# At strength 1: what RandAugment does at the end of its range.
MAX_DEGREES = 30.0
MAX_SHEAR = 0.3
MAX_SHIFT = 0.45  # of the side
MAX_FACTOR = 0.9  # brightness and contrast: 1 +- this
MAX_CUT = 0.5  # of the side
_GEOMETRIC, _PHOTOMETRIC = 6, 4
_WORD = 0xFFFFFFFF


class Views:
    """Shows the training inputs of a stack as its method asks for.

    Args:
        configs: one per replicate, alike in `augmentation`.
        images: the training inputs.
        num_examples: of the training set, copies included.
        strengths: for each view one per replicate; None: one view that is not distorted.
    """

    def __init__(
        self,
        configs: Sequence[TrialConfig],
        images: Inputs,
        *,
        num_examples: int,
        strengths: Sequence[Sequence[float]] | None,
    ) -> None:
        self._seeds = [config.seed for config in configs]
        self._is_augmented = configs[0].augmentation != "none"
        self._num_examples, self._black = num_examples, images.black
        # None where nothing is distorted.
        self._strengths = [
            torch.tensor(of_view, device=images.black.device)[:, None] if any(of_view) else None
            for of_view in strengths or [[0.0]]
        ]
        self._augmentations = [
            Augmentation(configs, images, num_examples=num_examples, view=view)
            for view in range(self.number)
        ]
        self._keys: list[Tensor | None] = [None] * self.number

    @property
    def number(self) -> int:
        """V, the number of views of each example."""
        return len(self._strengths)

    def start_epoch(self, epoch: int) -> None:
        """Draw for every example of an epoch, counted from 0."""
        for view, strengths in enumerate(self._strengths):
            self._augmentations[view].start_epoch(epoch)
            if strengths is not None:
                keys = [
                    generator(seed, "view", view, epoch).integers(_WORD, size=self._num_examples)
                    for seed in self._seeds
                ]
                self._keys[view] = torch.from_numpy(np.stack(keys)).to(strengths.device)

    def __call__(self, images: Tensor, indices: Tensor) -> Tensor:
        """Return all views, one after the other, float [R, V * batch, ...].

        Args:
            images: float [R, batch, ...].
            indices: int64 [R, batch], position of each example in its training set.
        """
        views = list(self._plain(images, indices))
        for number, (keys, strengths) in enumerate(zip(self._keys, self._strengths, strict=True)):
            if keys is not None and strengths is not None:
                of_batch = keys.gather(1, indices)
                views[number] = self._distorted(views[number], of_batch, strengths)
        return views[0] if len(views) == 1 else torch.cat(views, dim=1)

    def plain(self, images: Tensor, indices: Tensor) -> Tensor:
        """Return the views before they are distorted; one of each example where none is augmented.

        Args:
            images: float [R, batch, ...].
            indices: int64 [R, batch], position of each example in its training set.
        """
        if not self._is_augmented:
            return images
        return torch.cat(list(self._plain(images, indices)), dim=1)

    def _plain(self, images: Tensor, indices: Tensor) -> Iterator[Tensor]:
        for augmentation in self._augmentations:
            yield augmentation(images, indices)

    def _distorted(self, images: Tensor, keys: Tensor, strengths: Tensor) -> Tensor:
        if images.dim() == 3:
            return drop_features(images, keys, strengths)
        flat = strengths.expand(keys.shape).flatten()
        return distort_pictures(images.flatten(0, 1), keys.flatten(), flat, self._black).view_as(
            images
        )


def uniform_draws(keys: Tensor, number: int) -> Tensor:
    """Return so many numbers in [0, 1) of each key, by a hash: the same on every device.

    Args:
        keys: int64 [...], in [0, 2**32).
        number: of draws.

    Returns:
        float32 [..., number].
    """
    # C. Wellons' hash of 32 bits, `lowbias32`; the golden ratio keeps the counters apart.
    x = (keys[..., None] + torch.arange(number, device=keys.device) * 0x9E3779B9) & _WORD
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & _WORD
    x = ((x ^ (x >> 15)) * 0x846CA68B) & _WORD
    # 24 bits: as many as a float32 has.
    return ((x ^ (x >> 16)) >> 8).float() / 2**24


def drop_features(rows: Tensor, keys: Tensor, strengths: Tensor) -> Tensor:
    """Set a share of the features to 0 and scale the others up.

    Args:
        rows: float [R, batch, D].
        keys: int64 [R, batch].
        strengths: float [R, 1], the probability that a feature is set to 0.
    """
    kept = uniform_draws(keys, rows.shape[2]) >= strengths[..., None]
    return rows * kept / (1.0 - strengths[..., None])


def distort_pictures(images: Tensor, keys: Tensor, strengths: Tensor, black: Tensor) -> Tensor:
    """Distort each picture in its own way; new pixels are black.

    Args:
        images: float [N, C, H, W].
        keys: int64 [N].
        strengths: float [N], in [0, 1).
        black: float [C].
    """
    draws = uniform_draws(keys, 6)
    geometric = (draws[:, 0] * _GEOMETRIC).long()
    photometric = (draws[:, 2] * _PHOTOMETRIC).long()
    turn, shade = (strengths * torch.where(draws[:, i] < 0.5, -1.0, 1.0) for i in (1, 3))
    centred = images - black[:, None, None]
    matrix = affine_matrices(geometric, turn, images.shape[2] / images.shape[3])
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(centred, grid, align_corners=False)
    # Black is 0 here: brightness is a factor, and so is contrast of what differs from the mean.
    bright, contrast = (
        (1.0 + MAX_FACTOR * shade.where(photometric == kind, 0.0)).view(-1, 1, 1, 1)
        for kind in (1, 2)
    )
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    shaded = torch.lerp(mean, moved, contrast) * bright
    return shaded * _uncut(photometric == 3, strengths, draws[:, 4:], images) + black[:, None, None]


def affine_matrices(kinds: Tensor, amounts: Tensor, aspect: float) -> Tensor:
    """Return the map from each pixel of a result to its source, as `affine_grid` takes it.

    Args:
        kinds: int64 [N]: 0 nothing, 1 rotation, 2 and 3 shear of rows and columns, 4 and 5 shift
            right and down.
        amounts: float [N], in (-1, 1).
        aspect: height / width.

    Returns:
        float [N, 2, 3].
    """
    angle, shear_x, shear_y, right, down = (
        maximum * amounts.where(kinds == kind, 0.0)
        for kind, maximum in enumerate(
            (math.radians(MAX_DEGREES), MAX_SHEAR, MAX_SHEAR, 2 * MAX_SHIFT, 2 * MAX_SHIFT), 1
        )
    )
    sine, cosine = angle.sin(), angle.cos()
    rows = [
        torch.stack([cosine, (sine + shear_x) * aspect, -right], dim=1),
        torch.stack([(shear_y - sine) / aspect, cosine, -down], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _uncut(is_cut: Tensor, strengths: Tensor, centres: Tensor, images: Tensor) -> Tensor:
    """Return 0 inside the square that is cut out of a picture, else 1, [N, 1, H, W]."""
    inside = is_cut[:, None]
    sides = [
        ((torch.arange(size, device=images.device) + 0.5) / size - centre[:, None]).abs()
        < MAX_CUT / 2 * strengths[:, None]
        for size, centre in zip(images.shape[2:], centres.T, strict=True)
    ]
    cut = (sides[0] & inside)[:, :, None] & sides[1][:, None, :]
    return torch.where(cut[:, None], 0.0, 1.0)
