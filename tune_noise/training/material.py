"""What noise needs beside the data: loaded once, by the driver, and sent along with the data set.

| noise | name among the extras | array |
| --- | --- | --- |
| structured | `order/confusing` | int64 [K, K - 1], wrong classes of each class, likeliest first |
| foreign | `images/SOURCE` | uint8 [M, C, H, W] |
| matrix | `matrix/FILE` | float64 [K, K] |
| human | `labels/WHICH/FILE` | int64 [N] |
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, check_dataset_name, load_dataset
from tune_noise.errors import ConfigError, DataError, Problem
from tune_noise.training.known_noise import material_key

# The field that names the material, for messages.
_PLACES = {
    "structured": "confusion_order",
    "foreign": "foreign_source",
    "matrix": "transition_file",
    "human": "human_file",
}
# Fingerprint of the data set -> its confusion order.
_ORDERS: dict[str, np.ndarray] = {}


def with_material(
    dataset: Dataset, configs: Sequence[TrialConfig], *, data_dir: Path | None = None
) -> Dataset:
    """A data set with all that the noise of these configurations needs beside it.

    Args:
        dataset: in memory; its arrays are shared with the result.
        configs: of all conditions.
        data_dir: the folder of the torchvision sets, for foreign images.

    Raises:
        ConfigError: files are absent or wrong; all problems at once.

    Example:
        >>> from tune_noise.data import load_dataset
        >>> config = TrialConfig(noise="foreign", alpha=1)
        >>> with_material(load_dataset("digits"), [config]).extras["images/white"].shape
        (1257, 1, 8, 8)
    """
    enriched, problems = load_material(dataset, configs, data_dir=data_dir)
    if problems:
        raise ConfigError(f"the noise of {dataset.name}", problems)
    return enriched


def load_material(
    dataset: Dataset, configs: Sequence[TrialConfig], *, data_dir: Path | None
) -> tuple[Dataset, list[Problem]]:
    """As `with_material`, for a caller that has more problems to tell."""
    wanted: dict[str, TrialConfig] = {}
    for config in configs:
        key = material_key(config)
        if key is not None and (config.alpha or 0) >= _alpha(wanted.get(key)):
            wanted[key] = config  # of the same images the most are made
    extras, problems = dict(dataset.extras), []
    for key, config in wanted.items():
        try:
            extras[key] = _load(dataset, config, data_dir)
        except DataError as error:
            problems.append(Problem(_PLACES[config.noise], str(error)))
    return replace(dataset, extras=extras) if wanted else dataset, problems


def missing_material(config: TrialConfig, dataset: Dataset) -> list[Problem]:
    """A problem where what a configuration's noise needs is not there."""
    key = material_key(config)
    if key is None or key in dataset.extras:
        return []
    message = f"{key} is not among the data set's extras: load it with training.with_material"
    return [Problem(_PLACES[config.noise], message)]


def foreign_images(dataset: Dataset, config: TrialConfig) -> np.ndarray | None:
    """The images without a class that noisy labels go with, uint8 [M, C, H, W]; None: none."""
    key = material_key(config)
    if config.noise != "foreign" or key is None or not config.alpha:
        return None
    return dataset.extras[key]


def _alpha(config: TrialConfig | None) -> int:
    return -1 if config is None else config.alpha or 0


def _load(dataset: Dataset, config: TrialConfig, data_dir: Path | None) -> np.ndarray:
    # Each is imported where it is used: scikit-learn alone takes a second.
    if config.noise == "structured":
        return _confusion_order(dataset)
    if config.noise == "foreign":
        return _foreign(dataset, config, data_dir)
    if config.noise == "matrix":
        from tune_noise.data.transition_file import read_transition_matrix

        path = _path(config.transition_file)
        return read_transition_matrix(path, num_classes=dataset.num_classes)
    from tune_noise.data.human_labels import read_human_labels

    path = _path(config.human_file)
    return read_human_labels(
        path, which=str(config.human_labels), clean_labels=_clean_labels(dataset)
    )


def _confusion_order(dataset: Dataset) -> np.ndarray:
    from tune_noise.data.confusion import confusion_order

    plain = replace(dataset, extras={}) if dataset.extras else dataset
    if plain.fingerprint not in _ORDERS:
        _ORDERS[plain.fingerprint] = confusion_order(
            dataset.train_images, _clean_labels(dataset), num_classes=dataset.num_classes
        )
    return _ORDERS[plain.fingerprint]


def _foreign(dataset: Dataset, config: TrialConfig, data_dir: Path | None) -> np.ndarray:
    from tune_noise.data.foreign_images import fitted_images, white_images

    count = (config.alpha or 0) * len(dataset.train_labels)
    if config.foreign_source == "white":
        return white_images(dataset, count=count)
    if (fault := check_dataset_name(str(config.foreign_source))) is not None:
        raise DataError(f"neither white nor own, and {fault}")
    other = load_dataset(str(config.foreign_source), data_dir=data_dir)
    return fitted_images(other.train_images, dataset.image_shape, count=count)


def _clean_labels(dataset: Dataset) -> np.ndarray:
    return dataset.train_labels if dataset.true_labels is None else dataset.true_labels


def _path(text: str | None) -> Path:
    return Path(os.path.expanduser(str(text)))
