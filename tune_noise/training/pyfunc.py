"""What `mlflow.pyfunc.load_model` calls to load a registered model; knows no MLflow.

A registered model names this module as its loader, so nothing in it is unpickled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.training.prediction import SavedModel
from tune_noise.training.saved_model import load_model


class Classifier:
    """A saved model with the `predict` that MLflow calls.

    Attributes:
        model: what was saved.
    """

    def __init__(self, model: SavedModel) -> None:
        self.model = model

    def predict(self, inputs: np.ndarray, params: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the classes of inputs, or their probabilities.

        Args:
            inputs: uint8 [N, C, H, W] or float32 [N, D], as the networks were trained on.
            params: `{"probabilities": True}` asks for probabilities, `{"each_network": True}` for
                what each network predicts on its own; see `SavedModel.predict_each`.

        Returns:
            int64 [N], float32 [N, K] or int64 [P, N].

        Raises:
            DataError: the inputs have another shape or type.
        """
        asked = params or {}
        if asked.get("probabilities"):
            return self.model.predict_probabilities(inputs)
        if asked.get("each_network"):
            return self.model.predict_each(inputs)
        return self.model.predict(inputs)


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Classifier:
    """Load a model's folder.

    Args:
        path: of the folder.
        model_config: `{"own_network": "package.module:factory"}` for a network of one's own, whose
            code runs then.
    """
    own_network = (model_config or {}).get("own_network")
    return Classifier(load_model(Path(path), own_network=own_network or None))
