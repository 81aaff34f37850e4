"""A trained model as a folder: weights.safetensors and config.json; `predict` works on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field, ValidationError, model_validator
from safetensors.torch import load, save
from torch import Tensor, nn

from tune_noise.config.declared import WORDS, is_loaded, is_path, network, network_path
from tune_noise.config.frozen import Frozen
from tune_noise.config.problems import problems_of
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.data.resident import ResidentImages, channel_statistics
from tune_noise.errors import DataError
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.models.networks import build_network
from tune_noise.system.files import expand_home, replace_file
from tune_noise.training.checkpoint import UNREADABLE

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "config.json"
MAX_CONFIG_BYTES = 10_000_000
_MAX_HEADER_BYTES = 1_000_000
_Size = Annotated[int, Field(ge=1, le=2**20)]


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
        """Return the average predicted probabilities of the networks.

        Args:
            images: uint8 [N, C, H, W], of the shape the networks were trained on.

        Returns:
            float32 [N, K].

        Raises:
            DataError: the images have another shape or type.
        """
        return self._logits(images).softmax(dim=2).mean(dim=0).numpy()

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the predicted classes, int64 [N], of uint8 images [N, C, H, W]."""
        return np.asarray(self.predict_probabilities(images).argmax(axis=1), dtype=np.int64)

    def predict_each(self, images: np.ndarray) -> np.ndarray:
        """Return what each network predicts on its own, int64 [P, N].

        The recorded `test_accuracy_clean` is the mean of their accuracies; that of `predict` is
        `test_accuracy_clean_ensemble`. With one network all are the same.
        """
        return np.asarray(self._logits(images).argmax(dim=2).numpy(), dtype=np.int64)

    def _logits(self, images: np.ndarray) -> Tensor:
        """Return the logits, float [P, N, K], on the CPU."""
        expected = tuple(self.about["image_shape"])
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            given = f"{images.dtype} {list(images.shape)}"
            raise DataError(
                f"images must be uint8 [N, {', '.join(map(str, expected))}]: got {given}"
            )
        resident = ResidentImages(
            images, mean=self.about["mean"], std=self.about["std"], device=torch.device("cpu")
        )
        return predict_logits(self.network, resident)


def save_model(
    folder: Path,
    weights: dict[str, Tensor],
    config: TrialConfig,
    dataset: Dataset,
    about: Mapping[str, Any],
) -> None:
    """Write a model's folder; each of its files is the old or the whole new one at any time.

    Args:
        folder: made if it does not exist.
        weights: of one replicate, each [P, ...].
        config: what was trained.
        dataset: what it was trained on: shape, classes and normalisation are kept.
        about: further plain values for config.json.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = save({name: value.contiguous() for name, value in weights.items()})
    replace_file(folder / WEIGHTS_FILE, tensors)
    mean, std = channel_statistics(dataset.train_images)
    facts = {
        "config": config.to_plain(),
        "image_shape": list(dataset.image_shape),
        "num_classes": dataset.num_classes,
        "mean": np.asarray(mean).tolist(),
        "std": np.asarray(std).tolist(),
    }
    if dataset.class_names is not None:
        facts["class_names"] = list(dataset.class_names)
    _write_about(folder, {**facts, **about})


def describe_model(
    folder: Path, about: Mapping[str, Any], *, own_network: str | None = None
) -> None:
    """Say something newer of a model whose folder is whole.

    Args:
        folder: of the model.
        own_network: see `load_model`.
        about: plain values that take the place of those of the same name in config.json.

    Raises:
        OSError: the folder cannot be written.
    """
    _write_about(folder, {**load_model(folder, own_network=own_network).about, **about})


def _write_about(folder: Path, about: Mapping[str, Any]) -> None:
    text = json.dumps(about, indent=2, allow_nan=False)
    replace_file(folder / CONFIG_FILE, f"{text}\n".encode())


def load_model(folder: str | Path, *, own_network: str | None = None) -> SavedModel:
    """Read a model's folder, e.g. `runs/uniform/winners/alpha=5`; no code in it is run.

    Args:
        folder: of the model.
        own_network: `package.module:factory`, where the model is a network of your own: its code
            runs, so the folder alone must not say which. A method or a noise of your own must be
            named as well, after a comma, unless this process has loaded it already.

    Raises:
        DataError: the folder is not that of a model, whatever its files hold; or it is one of a
            network of your own other than `own_network`, or which cannot be imported here.
    """
    folder = Path(expand_home(str(folder)))
    try:
        about = _read_about(folder / CONFIG_FILE)
        _check_own(about.get("config"), own_network)
        facts = _Facts.model_validate({k: v for k, v in about.items() if k in _Facts.model_fields})
        # Meta takes no memory: the file may name a network of any size; a user's code may want it.
        with torch.device("cpu" if is_path(facts.config.model) else "meta"):
            expected = _build(facts).state_dict()
        weights = _read_weights(folder / WEIGHTS_FILE, expected)
        if not _are_alike(weights, expected):
            raise ValueError(
                f"the tensors in {WEIGHTS_FILE} are not those of the {facts.config.model} that "
                f"{CONFIG_FILE} names"
            )
        network = _build(facts)
        network.load_state_dict(weights)
    except ValidationError as error:
        problems = "; ".join(f"{p.place} {p.message}" for p in problems_of(error))
        raise _not_a_model(folder, f"{CONFIG_FILE}: {problems}") from None
    except (*UNREADABLE, OSError) as error:
        reason = str(error).partition("\nframe #")[0]  # without torch's C++ stack
        raise _not_a_model(folder, reason or type(error).__name__) from None
    return SavedModel(facts.config, network.eval(), about)


def _check_own(config: object, own_network: str | None) -> None:
    """Check that the user has named all code that reading a model would run.

    Raises:
        ValueError: a network, a method or a noise of the user's own is not among the names.
    """
    values = config if isinstance(config, dict) else {}
    paths = [
        (family, path)
        for family in WORDS
        if isinstance(path := values.get(family), str)
        and is_path(path)
        # A network must be named even where this process has loaded it.
        and (family == "model" or not is_loaded(family, path))
    ]
    allowed = (own_network or "").split(",")
    for family, path in paths:
        if path not in allowed:
            names = ",".join(path for _, path in paths)
            raise ValueError(
                f"{CONFIG_FILE} names {path!r}, a {WORDS[family]} of your own; to run that code, "
                f"load_model(folder, own_network={names!r})"
            )


class _Facts(Frozen):
    """What a model's configuration file must say."""

    config: TrialConfig
    image_shape: tuple[_Size, _Size, _Size]
    num_classes: int = Field(ge=2, le=2**20)
    mean: list[Annotated[float, Field(ge=0.0, le=1.0)]]
    std: list[Annotated[float, Field(ge=1e-9, le=1.0)]]
    class_names: list[str] | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        channels, height, width = self.image_shape
        if not len(self.mean) == len(self.std) == channels:
            raise ValueError(f"image_shape has {channels} channels; mean and std must have as many")
        if self.class_names is not None and len(set(self.class_names)) != self.num_classes:
            raise ValueError(f"class_names must be {self.num_classes} different names")
        if not all(name.isprintable() for name in self.class_names or ()):
            raise ValueError("class_names must be printable")
        least = network(self.config.model).min_image_size
        if min(height, width) < least:
            raise ValueError(f"image_shape must be at least {least} x {least} pixels")
        return self


def _build(facts: _Facts) -> nn.Module:
    return build_network(
        network_path(facts.config.model),
        members=facts.config.num_networks,
        image_shape=facts.image_shape,
        num_classes=facts.num_classes,
        **facts.config.declared_values("model"),
    )


def _read_about(path: Path) -> dict[str, Any]:
    about = json.loads(_read_file(path, max_bytes=MAX_CONFIG_BYTES).decode("utf-8"))
    if not isinstance(about, dict):
        raise ValueError(f"{CONFIG_FILE} is not a mapping")
    return about


def _read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the weights; a file that is too large for the network is not read at all."""
    num_bytes = sum(tensor.numel() * tensor.element_size() for tensor in expected.values())
    return load(_read_file(path, max_bytes=num_bytes + _MAX_HEADER_BYTES))


def _are_alike(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Return whether two sets of tensors have the same names, shapes and types."""
    described = [{k: (v.shape, v.dtype) for k, v in tensors.items()} for tensors in (first, second)]
    return described[0] == described[1]


def _read_file(path: Path, *, max_bytes: int) -> bytes:
    if not path.is_file():  # a pipe or a device might never end
        raise ValueError(f"there is no file {path.name}")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path.name} is larger than that of this network could be")
    return path.read_bytes()


def _not_a_model(folder: Path, reason: str) -> DataError:
    return DataError(f"{folder}: not a model written by tune_noise: {reason}")
