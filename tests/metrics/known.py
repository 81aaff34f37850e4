from typing import Any

import numpy as np

from tune_noise.config.trial import TrialConfig
from tune_noise.training.known_noise import known_matrix


def known_transition(noise: str, *, num_classes: int, **parameters: Any) -> np.ndarray:
    """T, float64 [K, K], of a noise that needs nothing but its parameters."""
    config = TrialConfig.model_validate({"noise": noise, **parameters})
    matrix = known_matrix(config, num_classes, {})
    assert matrix is not None
    return matrix
