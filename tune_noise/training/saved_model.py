"""A trained model as a folder: weights.safetensors and config.json; `predict` works on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.resident import ResidentImages, channel_statistics
from tune_noise.errors import DataError
from tune_noise.methods import METHODS
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.models import build_network

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class SavedModel:
    """The networks of one trial, ready to predict.

    Attributes:
        config: what was trained.
        network: its P networks as a stack.
        about: everything in config.json: data facts, metrics, versions.
    """

    config: TrialConfig
    network: nn.Module
    about: Mapping[str, Any]

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Average predicted probabilities of the networks.

        Args:
            images: uint8 [N, C, H, W], of the shape the networks were trained on.

        Returns:
            float32 [N, K].

        Raises:
            DataError: the images have another shape or type.
        """
        expected = tuple(self.about["image_shape"])
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            found = f"{images.dtype} {list(images.shape)}"
            raise DataError(
                f"images must be uint8 [N, {', '.join(map(str, expected))}]: got {found}"
            )
        resident = ResidentImages(
            images, mean=self.about["mean"], std=self.about["std"], device=torch.device("cpu")
        )
        members = METHODS[self.config.method].networks
        logits = predict_logits(self.network, resident, members=members)
        return logits.softmax(dim=2).mean(dim=0).numpy()

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Predicted classes, int64 [N], of uint8 images [N, C, H, W]."""
        return np.asarray(self.predict_probabilities(images).argmax(axis=1), dtype=np.int64)


def save_model(
    folder: Path,
    weights: dict[str, Tensor],
    config: TrialConfig,
    dataset: Dataset,
    about: Mapping[str, Any],
) -> None:
    """Write a model's folder.

    Args:
        folder: made if it does not exist.
        weights: of one replicate, each [P, ...].
        config: what was trained.
        dataset: what it was trained on: shape, classes and normalisation are kept.
        about: further plain values for config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / WEIGHTS_FILE)
    mean, std = channel_statistics(dataset.train_images)
    facts = {
        "config": config.model_dump(mode="json", exclude_none=True),
        "image_shape": list(dataset.image_shape),
        "num_classes": dataset.num_classes,
        "mean": np.asarray(mean).tolist(),
        "std": np.asarray(std).tolist(),
    }
    text = json.dumps({**facts, **about}, indent=2, allow_nan=False)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def load_model(folder: Path) -> SavedModel:
    """Read a model's folder, e.g. `runs/uniform/winners/alpha=5`; no code in it is run.

    Raises:
        DataError: the folder is not that of a model.
    """
    try:
        about = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        config = TrialConfig.model_validate(about["config"])
        network = build_network(
            config.model,
            members=METHODS[config.method].networks,
            image_shape=tuple(about["image_shape"]),
            num_classes=about["num_classes"],
        )
        weights = load_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataError(f"{folder}: not a model written by tune_noise: {error}") from None
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise DataError(
            f"{folder}: not a model written by tune_noise: the tensors in {WEIGHTS_FILE} are not "
            f"those of the {config.model} that {CONFIG_FILE} names"
        ) from None
    return SavedModel(config, network.eval(), about)
