import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tune_noise.data.resident import ResidentImages, channel_statistics


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@settings(max_examples=50)
@given(
    images=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, max_side=5)),
    index_shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_batch_equals_its_definition_for_any_shape_of_indices(images, index_shape, seed):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, len(images), index_shape)
    mean, std = rng.uniform(0, 1, images.shape[1]), rng.uniform(0.05, 1, images.shape[1])
    resident = ResidentImages(images, mean=mean, std=std, device="cpu")
    batch = resident.batch(torch.as_tensor(indices))
    per_channel = (slice(None), np.newaxis, np.newaxis)
    expected = (images[indices] / 255 - mean[per_channel]) / std[per_channel]
    assert batch.dtype == torch.float32
    assert batch.shape == expected.shape
    # |values| reach 20, where float32 is spaced by 2e-6.
    np.testing.assert_allclose(batch.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_no_indices_give_an_empty_batch():
    resident = ResidentImages(random_images(3, 1, 2, 2), mean=[0.0], std=[1.0], device="cpu")
    assert resident.batch(torch.zeros((2, 0), dtype=torch.int64)).shape == (2, 0, 1, 2, 2)


def test_a_read_only_array_is_wrapped_without_a_copy_and_without_a_warning():
    images = random_images(5, 3, 4, 4)
    images.setflags(write=False)
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else torch warns once per process, and an earlier test had it
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            resident = ResidentImages(images, mean=[0.0] * 3, std=[1.0] * 3, device="cpu")
    finally:
        torch.set_warn_always(always)
    assert caught == []
    assert resident._pixels.data_ptr() == images.ctypes.data
    assert len(resident) == 5


def test_batches_never_change_the_images():
    images = random_images(5, 1, 2, 2)
    before = images.copy()
    resident = ResidentImages(images, mean=[0.0], std=[1.0], device="cpu")
    resident.batch(torch.arange(5)).mul_(0.0)
    np.testing.assert_array_equal(images, before)


def test_images_of_another_type_or_shape_and_a_zero_std_are_refused():
    with pytest.raises(ValueError, match=r"uint8 \[N, C, H, W\], got float64"):
        ResidentImages(np.zeros((2, 1, 2, 2)), mean=[0.0], std=[1.0], device="cpu")
    with pytest.raises(ValueError, match=r"uint8 \[N, C, H, W\], got uint8 \(2, 2, 2\)"):
        ResidentImages(random_images(2, 2, 2), mean=[0.0], std=[1.0], device="cpu")
    with pytest.raises(ValueError, match="std must be positive"):
        ResidentImages(random_images(2, 1, 2, 2), mean=[0.0], std=[0.0], device="cpu")


def test_channel_statistics_are_mean_and_deviation_of_images_over_255():
    images = random_images(2000, 3, 3, 2)  # more than one block of the histogram
    images[:, 2] //= 4
    mean, std = channel_statistics(images)
    assert mean.dtype == std.dtype == np.float32
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, (images / 255).std(axis=(0, 2, 3)), rtol=1e-6)


def test_a_constant_channel_has_deviation_1_and_is_only_centred():
    images = random_images(4, 2, 3, 3)
    images[:, 1] = 51
    mean, std = channel_statistics(images)
    assert std[1] == 1.0
    batch = ResidentImages(images, mean=mean, std=std, device="cpu").batch(torch.arange(4))
    np.testing.assert_allclose(batch[:, 1].numpy(), 0.0, atol=1e-6)


def test_statistics_of_no_images_are_refused():
    with pytest.raises(ValueError, match="not empty"):
        channel_statistics(np.zeros((0, 1, 2, 2), np.uint8))
