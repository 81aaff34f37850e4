import io

import numpy as np
import pytest
from matplotlib.image import imread

from tune_noise.data.thumbnail import thumbnail


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 5, 7), (3, 1, 1)])
def test_a_thumbnail_is_the_image_pixel_by_pixel(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    shown = np.round(255 * imread(io.BytesIO(thumbnail(image)))).astype(np.uint8)
    if shape[0] == 1:
        np.testing.assert_array_equal(shown.reshape((*shape[1:], -1))[:, :, 0], image[0])
    else:
        np.testing.assert_array_equal(shown[:, :, :3], image.transpose(1, 2, 0))


def test_a_large_image_is_thinned_and_keeps_its_proportions():
    image = np.zeros((3, 200, 100), dtype=np.uint8)
    assert imread(io.BytesIO(thumbnail(image, max_side=64))).shape[:2] == (50, 25)


def test_of_an_odd_number_of_channels_the_first_is_shown():
    image = np.stack([np.full((4, 4), value, dtype=np.uint8) for value in (10, 200)])
    assert round(255 * float(imread(io.BytesIO(thumbnail(image))).max())) == 10
