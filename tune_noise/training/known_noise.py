"""A configuration's noise as numbers: what it draws with, and its transition matrix if known."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.noise import (
    asymmetric,
    dilution_matrix,
    pair_flip,
    random_order,
    structured_matrix,
    symmetric,
)
from tune_noise.noise.class_map import parse_class_map
from tune_noise.seeding import generator

Extras = Mapping[str, np.ndarray]
ORDER_KEY = "order/confusing"


def material_key(config: TrialConfig) -> str | None:
    """The name, among a data set's extras, of what a configuration's noise needs; None: nothing."""
    if config.noise == "structured":
        return None if config.confusion_order == "random" else ORDER_KEY
    if config.noise == "foreign" and config.foreign_source != "own":
        return f"images/{config.foreign_source}"
    if config.noise == "matrix" and config.transition_file:
        return f"matrix/{config.transition_file}"
    if config.noise == "human" and config.human_file:
        return f"labels/{config.human_labels}/{config.human_file}"
    return None


def known_matrix(config: TrialConfig, num_classes: int, extras: Extras) -> np.ndarray | None:
    """The noise transition matrix that a configuration draws its labels from.

    Args:
        config: names the noise.
        num_classes: K.
        extras: of the data set, with the material of this configuration (`with_material`).

    Returns:
        T, float64 [K, K], of all labels that an image lends: under dilution and structured noise
        the clean one and the noisy ones together. None where no such matrix exists (instance;
        foreign images, which have no class) or nobody knows it (human, given).

    Raises:
        KeyError: the material is not there.

    Example:
        >>> known_matrix(TrialConfig(noise="dilution", alpha=1), 2, {})
        array([[0.75, 0.25],
               [0.25, 0.75]])
    """
    rate, alpha = config.noise_rate or 0.0, config.alpha or 0
    if config.noise == "symmetric":
        return symmetric(num_classes, rate)
    if config.noise == "pair_flip":
        return pair_flip(num_classes, rate)
    if config.noise == "asymmetric":
        return asymmetric(num_classes, rate, class_map=_class_map(config))
    if config.noise == "matrix":
        return extras[str(material_key(config))]
    if config.noise == "structured":
        order = _order(config, num_classes, extras)
        return structured_matrix(alpha, delta=config.delta or 0.0, order=order)
    if config.noise == "dilution" or config.foreign_source == "own":
        return dilution_matrix(num_classes, alpha)
    return None


def noise_parameters(config: TrialConfig, dataset: Dataset) -> dict[str, Any]:
    """What `noise.corrupt` needs for a configuration.

    Raises:
        KeyError: the material is not there.
    """
    parameters: dict[str, Any] = {"alpha": config.alpha, "noise_rate": config.noise_rate}
    key = str(material_key(config))
    if config.noise == "structured":
        order = _order(config, dataset.num_classes, dataset.extras)
        return parameters | {"delta": config.delta, "order": order}
    if config.noise == "asymmetric":
        return parameters | {"class_map": _class_map(config)}
    if config.noise == "matrix":
        return parameters | {"matrix": dataset.extras[key]}
    if config.noise == "instance":
        return parameters | {"images": dataset.train_images}
    if config.noise == "human":
        return parameters | {"labels": dataset.extras[key]}
    return parameters


def _class_map(config: TrialConfig) -> dict[int, int]:
    return parse_class_map(config.class_map or "")


def _order(config: TrialConfig, num_classes: int, extras: Extras) -> np.ndarray:
    if config.confusion_order == "random":
        return random_order(num_classes, generator(config.noise_seed, "confusion order"))
    order = extras[ORDER_KEY]
    return order[:, ::-1] if config.confusion_order == "reverse" else order
