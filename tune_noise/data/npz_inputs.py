"""Inputs of an `.npz` file as people save them: images in either layout, or vectors of features.

A message that refuses an array shows the statements that put it right, between backticks and with
the names of the file. A test runs all of them.
"""

import math

import numpy as np

from tune_noise.data.npz_names import FEATURES, role_of

_CHANNELS = (1, 3)
# A network's first layer may have 256 weights for each: here 800 MB.
MAX_VALUES_PER_IMAGE = 3 * 512 * 512


def fault_of_inputs(inputs: np.ndarray, name: str) -> str | None:
    """Return what is wrong with an array as inputs, with the way out; None if nothing is.

    An array whose name says neither is features where it has two dimensions.

    Args:
        inputs: as they stand in the file.
        name: of the array in the file.
    """
    is_numbers = inputs.ndim == 2 and inputs.dtype.kind in "iuf" and inputs.dtype != np.uint8
    if name in FEATURES or (is_numbers and role_of(name) != name):
        return _fault_of_features(inputs, name)
    fault = fault_of_images(inputs, name)
    could_be_features = inputs.ndim == 2 and inputs.dtype == np.uint8 and role_of(name) != name
    if fault is not None and could_be_features:
        fault += f"; or, if they are features, save `{name} = {name}.astype('float32')`"
    return fault


def _fault_of_features(features: np.ndarray, name: str) -> str | None:
    if features.ndim != 2:
        return f"{list(features.shape)} must be [N, D], a vector for each example"
    if features.dtype.kind not in "biuf":
        return f"{features.dtype} must be numbers, such as float32"
    if features.size == 0:
        return f"{list(features.shape)} is empty"
    # Minimum and maximum are not finite where any value is not, and take no memory.
    extremes = (features.min(), features.max())
    if not np.isfinite(extremes).all() or np.abs(extremes).max() > np.finfo(np.float32).max:
        with np.errstate(over="ignore"):
            rows = ~np.isfinite(features.astype(np.float32)).all(axis=1)
        count, first = int(rows.sum()), int(rows.argmax())
        return (
            f"has {count:,} rows with values that are not finite, or too large for float32, first "
            f"row {first}; fill them (`{name} = numpy.nan_to_num({name})`), or leave the rows out"
        )
    return None


def fault_of_images(images: np.ndarray, name: str) -> str | None:
    """Return what is wrong with an array as images, with the way out; None if nothing is.

    Args:
        images: as they stand in the file.
        name: of the array in the file.
    """
    if images.dtype != np.uint8:
        return f"{images.dtype} must be uint8, 0 to 255; {_conversion_to_uint8(images, name)}"
    if images.size == 0:
        return f"{list(images.shape)} is empty"
    if images.ndim in (3, 4) and images[0].size > MAX_VALUES_PER_IMAGE:
        size = f"holds images of {images[0].size} values; at most {MAX_VALUES_PER_IMAGE} can be"
        return f"{size} trained on (3 x 512 x 512): make them smaller"
    if images.ndim == 3:
        return None
    if images.ndim != 4:
        rule = f"{list(images.shape)} must be [N, H, W], [N, H, W, C] or [N, C, H, W]"
        return f"{rule}; {_reshaped(images, name)}"
    is_first, is_last = images.shape[1] in _CHANNELS, images.shape[3] in _CHANNELS
    if is_first and is_last:
        return (
            f"{list(images.shape)} is ambiguous: both the second and the last size could be the "
            "channels (1 or 3); pad the images so that only one can: "
            f"`{name} = numpy.pad({name}, ((0, 0), (0, 0), (0, 0), (0, 3)))` where it is the "
            f"second, `{name} = numpy.pad({name}, ((0, 0), (0, 3), (0, 0), (0, 0)))` where it is "
            "the last"
        )
    if not is_first and not is_last:
        rule = f"{list(images.shape)} has no channel dimension of size 1 or 3, second or last"
        cut = {1: "[:, :3]", 3: "[..., :3]"}
        alphas = [f"`{name} = {name}{cut[axis]}`" for axis in cut if images.shape[axis] == 4]
        return f"{rule}; without transparency: {' or '.join(alphas)}" if alphas else rule
    return None


def _conversion_to_uint8(images: np.ndarray, name: str) -> str:
    if images.dtype.kind == "b":
        return f"save `{name} = {name}.astype('uint8') * 255`"
    if images.dtype.kind not in "iuf" or images.size == 0:
        return "pictures are needed"
    low, high = images.min(), images.max()
    if not np.isfinite([low, high]).all():
        return "some values are not finite, too"
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        return f"they are in 0..1: save `{name} = ({name} * 255).round().astype('uint8')`"
    if low >= 0 and high <= 255:
        whole = ".round()" if images.dtype.kind == "f" else ""
        return f"they are in 0..255: save `{name} = {name}{whole}.astype('uint8')`"
    scaled = f"({name} - {name}.min()) / (float({name}.max()) - {name}.min()) * 255"
    return f"they are in {low:g}..{high:g}: save `{name} = ({scaled}).round().astype('uint8')`"


def _reshaped(images: np.ndarray, name: str) -> str:
    """Return how rows of pixels become images, where they can be squares."""
    if images.ndim == 2:
        for channels, shapes in ((1, "{0}, {0}"), (3, "3, {0}, {0}")):
            side = math.isqrt(images.shape[1] // channels)
            if side > 1 and channels * side**2 == images.shape[1]:
                shape = shapes.format(side)
                return f"reshape rows of pixels: `{name} = {name}.reshape(-1, {shape})`"
    return f"reshape rows of pixels with {name}.reshape(len({name}), H, W)"


def as_inputs(inputs: np.ndarray) -> np.ndarray:
    """Return features, float32 [N, D], or images [N, C, H, W], that `fault_of_inputs` let pass."""
    if inputs.ndim == 2:
        return np.ascontiguousarray(inputs, dtype=np.float32)
    if inputs.ndim == 3:
        return inputs[:, np.newaxis]
    if inputs.shape[1] in _CHANNELS:
        return inputs
    return np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
