"""Crops and mirror images, against one image after another moved by hand in NumPy."""

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.config.trial import TrialConfig
from tune_noise.data.resident import ResidentImages
from tune_noise.training.augmentation import Augmentation, crop_and_mirror, draw_moves, padding


def by_hand(image, down, right, is_mirrored, black):
    """The recipe in words: mirror, pad with black all round, cut the window out."""
    channels, height, width = image.shape
    image = image[:, :, ::-1] if is_mirrored else image
    room = max(height, width)
    padded = np.empty((channels, height + 2 * room, width + 2 * room), image.dtype)
    padded[:] = black[:, None, None]
    padded[:, room : room + height, room : room + width] = image
    return padded[:, room - down :, room - right :][:, :height, :width]


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**31),
)
def test_each_image_is_moved_as_by_hand(shape, seed):
    random = np.random.default_rng(seed)
    images = random.normal(size=(5, *shape)).astype(np.float32)
    moves = np.column_stack(
        [*(random.integers(-padding(s), padding(s) + 1, 5) for s in shape[1:]), [0, 1, 0, 1, 1]]
    )
    black = random.normal(size=shape[0]).astype(np.float32)
    found = crop_and_mirror(*map(torch.from_numpy, (images, moves, black))).numpy()
    for place in range(5):
        np.testing.assert_array_equal(found[place], by_hand(images[place], *moves[place], black))


def test_moves_are_uniform_within_the_padding_and_half_are_mirrored():
    moves = draw_moves(0, 0, 60_000, 32, 8)
    for column, values in ((0, range(-4, 5)), (1, range(-1, 2)), (2, range(2))):
        found, counts = np.unique(moves[:, column], return_counts=True)
        assert found.tolist() == list(values)
        share = 1 / len(values)
        error = math.sqrt(share * (1 - share) / 60_000)
        np.testing.assert_allclose(counts / 60_000, share, atol=5 * error)


def test_moves_follow_from_seed_and_epoch_alone_and_both_matter():
    first = draw_moves(3, 7, 100, 28, 28)
    np.testing.assert_array_equal(first, draw_moves(3, 7, 100, 28, 28))
    assert (first != draw_moves(3, 8, 100, 28, 28)).any()
    assert (first != draw_moves(4, 7, 100, 28, 28)).any()


def resident(num_images=20):
    pixels = np.random.default_rng(0).integers(256, size=(num_images, 3, 9, 7), dtype=np.uint8)
    return pixels, ResidentImages(pixels, mean=[0.2, 0.5, 0.7], std=[0.3, 0.2, 0.1], device="cpu")


def configs(augmentation, *seeds):
    return [TrialConfig(augmentation=augmentation, seed=seed) for seed in seeds]


def test_what_comes_in_from_outside_is_a_black_pixel():
    pixels, images = resident()
    black = ResidentImages(
        np.zeros_like(pixels[:1]), mean=[0.2, 0.5, 0.7], std=[0.3, 0.2, 0.1], device="cpu"
    ).batch(torch.tensor([0]))
    torch.testing.assert_close(images.black, black[0, :, 0, 0], rtol=0, atol=0)


def test_an_example_becomes_the_same_whatever_its_batch_and_its_neighbours_in_the_stack():
    _, images = resident()
    pair = Augmentation(configs("standard", 1, 2), images, num_examples=20)
    alone = Augmentation(configs("standard", 2), images, num_examples=20)
    for augmentation in (pair, alone):
        augmentation.start_epoch(5)
    order = torch.stack([torch.arange(20), torch.arange(20).flip(0)])
    whole = pair(images.batch(order), order)
    for batch in torch.split(order[1:], 6, dim=1):
        found = alone(images.batch(batch), batch)
        torch.testing.assert_close(found[0], whole[1][19 - batch[0]], rtol=0, atol=0)
    assert not torch.equal(whole[1].flip(0), whole[0])


def test_without_augmentation_images_stay_the_very_tensor_they_are():
    _, images = resident()
    augmentation = Augmentation(configs("none", 1), images, num_examples=20)
    augmentation.start_epoch(0)
    batch = images.batch(torch.arange(20)[None])
    assert augmentation(batch, torch.arange(20)[None]) is batch
