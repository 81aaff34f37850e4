"""The material that noise needs beside the data: loaded once and sent along with the data set.

Each kind of noise says which (`noise.Material`): `order/confusing` for structured noise,
`images/SOURCE` for foreign, `matrix/FILE` for matrix, `labels/WHICH/FILE` for human; and
`labels/dawid_skene` or `labels/crowdlab` where that joins the answers of several annotators.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tune_noise.config.declared import noise
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.declaration import import_object
from tune_noise.errors import ConfigError, DataError, Problem
from tune_noise.noise import Material
from tune_noise.training.known_noise import material_of, noise_of


def with_material(
    dataset: Dataset, configs: Sequence[TrialConfig], *, data_dir: Path | None = None
) -> Dataset:
    """Return a data set with all that the noise of these configurations needs beside it.

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
    """Do the same as `with_material`, but return the problems."""
    wanted: dict[str, Material] = {}
    for material in filter(None, (material_of(config, dataset) for config in configs)):
        if material.key not in wanted or material.size >= wanted[material.key].size:
            wanted[material.key] = material
    extras, problems = dict(dataset.extras), []
    for material in wanted.values():
        # Readers are imported where they are used: scikit-learn alone takes a second.
        read = import_object(material.reader)
        try:
            extras[material.key] = read(dataset, data_dir=data_dir, **material.arguments)
        except DataError as error:
            problems.append(Problem(material.field, str(error)))
    return replace(dataset, extras=extras) if wanted else dataset, problems


def missing_material(config: TrialConfig, dataset: Dataset) -> list[Problem]:
    """Return a problem if the material of a configuration's noise is not there."""
    material = material_of(config, dataset)
    if material is None or material.key in dataset.extras:
        return []
    message = "is not among the data set's extras: load it with training.with_material"
    return [Problem(material.field, f"{material.key} {message}")]


def foreign_images(dataset: Dataset, config: TrialConfig) -> np.ndarray | None:
    """Return the images without a class that the added labels go with, uint8 [M, C, H, W].

    Returns:
        None where the noise adds no images.
    """
    material = noise_of(config).material
    if not noise(config.noise).adds_images or material is None or config.labels_per_image == 1:
        return None
    return dataset.extras[material.key]
