"""Images and labels drawn at random, in the shapes of real data: speed does not depend on them."""

import numpy as np

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset

SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
# The paper's network does not take smaller images than these; the others are timed on MNIST's.
SHAPE_OF_NETWORK = {"conv9": "cifar10"}
VAL_FRACTION = 0.1


def shape_of(model: str) -> tuple[int, int, int]:
    """Channels, height and width that a network is timed on."""
    return SHAPES[SHAPE_OF_NETWORK.get(model, "mnist")]


def made_up(input_shape: tuple[int, int, int], *, num_images: int) -> Dataset:
    """A data set of ten classes of equal size, without a test split.

    Args:
        input_shape: channels, height, width.
        num_images: a tenth of them validates.
    """
    random = np.random.default_rng(0)
    labels = np.arange(num_images) % 10
    return Dataset(
        name="made up",
        train_inputs=random.integers(256, size=(num_images, *input_shape), dtype=np.uint8),
        train_labels=labels,
        true_labels=labels,
        test_inputs=None,
        test_labels=None,
        num_classes=10,
    )


def configuration(model: str, *, steps: int, batch_size: int = 128, **other: object) -> TrialConfig:
    """Many epochs of so many steps each, with 40 % of the labels wrong; `other` are its fields."""
    fields: dict[str, object] = {
        "noise": "symmetric",
        "noise_rate": 0.4,
        "model": model,
        "val_fraction": VAL_FRACTION,
        "train_size": steps * batch_size,
        "batch_size": batch_size,
        "epochs": 10_000,
    }
    if other.get("method", "standard") != "standard":
        fields["tau"] = 0.4
    return TrialConfig.model_validate(fields | other)


def images_needed(steps: int, batch_size: int = 128) -> int:
    """How many images a data set must have for `configuration` with so many steps."""
    return int(np.ceil(steps * batch_size / (1 - VAL_FRACTION) / 10)) * 10 + 10
