import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.data import Dataset
from tune_noise.data.foreign_images import fitted_images, white_images
from tune_noise.errors import DataError


def coloured(count=500, *, shape=(3, 8, 6)):
    """Images whose channels have distributions of their own."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    images[:, 1] = images[:, 1] // 4 + 10
    images[:, 2] = np.where(images[:, 2] < 50, 255, 0)
    labels = np.arange(count) % 2
    return Dataset("coloured", images, labels, None, None, None, 2)


# --- white noise


def test_white_noise_has_the_data_s_mean_and_variance_in_every_channel():
    dataset = coloured()
    white = white_images(dataset, count=4000)
    assert white.shape == (4000, 3, 8, 6)
    assert white.dtype == np.uint8
    for channel in range(3):
        ours = white[:, channel].astype(float)
        theirs = dataset.train_inputs[:, channel].astype(float)
        error = theirs.std() / np.sqrt(ours.size)
        assert ours.mean() == pytest.approx(theirs.mean(), abs=5 * error + 0.01)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.01)


def test_white_noise_is_as_dark_as_dark_images(digits):
    white = white_images(digits, count=3000)
    # Normal noise of this mean and variance, cut to 0..255, would be lighter.
    assert white.mean() == pytest.approx(digits.train_inputs.mean(), rel=0.01)


def test_white_noise_has_no_structure():
    white = white_images(coloured(), count=5000).astype(float).reshape(5000, -1)
    correlations = np.corrcoef(white, rowvar=False)
    np.fill_diagonal(correlations, 0.0)
    assert np.abs(correlations).max() < 5.5 / np.sqrt(5000)
    assert len(np.unique(white, axis=0)) == 5000


@given(few=st.integers(1, 3000), more=st.integers(0, 2000))
def test_more_white_images_begin_with_the_fewer(few, more):
    dataset = coloured(20, shape=(3, 2, 2))
    np.testing.assert_array_equal(
        white_images(dataset, count=few), white_images(dataset, count=few + more)[:few]
    )


def test_white_noise_is_bounded_in_memory(monkeypatch):
    monkeypatch.setattr("tune_noise.data.foreign_images.MAX_WHITE_BYTES", 1000 * 144)
    assert len(white_images(coloured(), count=10**9)) == 1000


def test_a_constant_channel_stays_constant():
    dataset = coloured()
    grey = dataclasses.replace(dataset, train_inputs=np.full((9, 1, 2, 2), 7, np.uint8))
    assert np.all(white_images(grey, count=10) == 7)


# --- another data set's images


def test_images_of_the_same_shape_are_taken_as_they_are_in_one_fixed_order():
    images = coloured().train_inputs
    found = fitted_images(images, (3, 8, 6), count=10**6)
    assert found.shape == images.shape
    assert not np.array_equal(found, images)
    flat = {image.tobytes() for image in images}
    assert {image.tobytes() for image in found} == flat
    few = fitted_images(images, (3, 8, 6), count=7)
    np.testing.assert_array_equal(few, found[:7])


def test_colour_becomes_grey_by_luma():
    images = np.zeros((3, 3, 4, 4), np.uint8)
    images[[0, 1, 2], [0, 1, 2]] = 255
    found = {int(image.max()) for image in fitted_images(images, (1, 4, 4), count=3)}
    assert found == {76, 150, 29}


def test_grey_becomes_three_equal_channels():
    images = coloured(5, shape=(3, 4, 4)).train_inputs[:, :1]
    found = fitted_images(images, (3, 4, 4), count=5)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    np.testing.assert_array_equal(found[:, 0], found[:, 2])


@pytest.mark.parametrize("shape", [(28, 28), (32, 32), (8, 8), (9, 31), (31, 9), (1, 1)])
def test_any_size_is_scaled_to_cover_and_cut(shape):
    plain = np.full((3, 1, *shape), 200, np.uint8)
    found = fitted_images(plain, (1, 16, 12), count=3)
    assert found.shape == (3, 1, 16, 12)
    assert np.all(found == 200)


def test_what_juts_out_is_cut_evenly_and_nothing_is_squeezed():
    # Three stripes of 8 x 8 side by side: the middle one is what remains, as it was.
    image = np.zeros((1, 1, 8, 24), np.uint8)
    image[..., 8:16] = np.arange(8, dtype=np.uint8) * 30
    found = fitted_images(image, (1, 8, 8), count=1)
    np.testing.assert_array_equal(found[0, 0], image[0, 0, :, 8:16])


def test_shrinking_keeps_the_mean(digits):
    large = np.repeat(np.repeat(digits.train_inputs[:50], 4, axis=2), 4, axis=3)
    found = fitted_images(large, (1, 8, 8), count=50)
    assert found.astype(float).mean() == pytest.approx(digits.train_inputs[:50].mean(), rel=0.02)


def test_images_that_memory_cannot_hold_are_refused(monkeypatch):
    monkeypatch.setattr("tune_noise.data.foreign_images.available_bytes", lambda: 1000)
    with pytest.raises(DataError, match=r"500 foreign images need .* lower alpha"):
        fitted_images(coloured().train_inputs, (1, 8, 8), count=500)
    with pytest.raises(DataError, match="lower alpha"):
        white_images(coloured(), count=500)
