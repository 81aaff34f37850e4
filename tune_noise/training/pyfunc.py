"""What `mlflow.pyfunc.load_model` calls to load a registered model; knows no MLflow.

A registered model names this module as its loader, so nothing in it is unpickled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.training.prediction import SavedModel
from tune_noise.training.saved_model import load_model

# What may be asked for beside the inputs.
PARAMS = ("probabilities", "each_network", "names")


class Classifier:
    """A saved model with the `predict` that MLflow calls.

    Attributes:
        model: what was saved.
    """

    def __init__(self, model: SavedModel) -> None:
        self.model = model

    def predict(self, inputs: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the classes of inputs, or their probabilities.

        A DataFrame is answered by one, with the columns `predicted_label`, in words, and
        `probability`; see `SavedModel.predict_raw`. An array is answered by one.

        Args:
            inputs: a DataFrame of raw inputs; or an array as the networks were trained on, uint8
                [N, C, H, W] or float32 [N, D].
            params: `{"probabilities": True}` asks for the probabilities of all classes,
                `{"each_network": True}` for what each network predicts on its own, and
                `{"names": True}` for the words of the classes, which a DataFrame always has.

        Returns:
            Of an array: int64 [N], words [N], float32 [N, K] or int64 [P, N].

        Raises:
            DataError: the inputs are not like those of training.
        """
        asked = {name: bool((params or {}).get(name)) for name in PARAMS}
        if not isinstance(inputs, np.ndarray):
            names = ("probabilities", "each_network")
            return self.model.predict_raw(inputs, **{name: asked[name] for name in names})
        if asked["probabilities"]:
            return self.model.predict_probabilities(inputs)
        predicted = self.model.predict_each if asked["each_network"] else self.model.predict
        labels = predicted(inputs)
        return np.array(self.model.class_names)[labels] if asked["names"] else labels


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Classifier:
    """Load a model's folder.

    Args:
        path: of the folder.
        model_config: `{"own_network": "package.module:factory"}` for a network of one's own, whose
            code runs then.
    """
    own_network = (model_config or {}).get("own_network")
    return Classifier(load_model(Path(path), own_network=own_network or None))
