from typing import Any

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.information import entropy
from tune_noise.metrics.unmixing import count_pairs
from tune_noise.training.known_noise import known_matrix

K = 10
NOISES = [
    {"noise": "symmetric", "noise_rate": 0.2},
    {"noise": "symmetric", "noise_rate": 0.5},
    {"noise": "pair_flip", "noise_rate": 0.45},
    {"noise": "dilution", "alpha": 5},
]


def over(noises: list[dict[str, Any]]) -> pytest.MarkDecorator:
    """Run a test, as its argument `noise`, with each of these."""
    return pytest.mark.parametrize("noise", noises, ids=lambda n: "-".join(map(str, n.values())))


def known_transition(noise: str, *, num_classes: int, **parameters: Any) -> np.ndarray:
    """T, float64 [K, K], of a noise that needs nothing but its parameters."""
    config = TrialConfig.model_validate({"noise": noise, **parameters})
    matrix = known_matrix(config, num_classes, {})
    assert matrix is not None
    return matrix


def plain_information(predicted: np.ndarray, noisy: np.ndarray, num_classes: int) -> float:
    """Information with half a label in each cell of That, counted on all other images."""
    table = count_pairs(predicted, noisy, num_classes)
    borne = np.array([np.bincount(labels, minlength=num_classes) for labels in noisy])
    others = table[predicted] - borne + 0.5
    rows = others / others.sum(axis=1, keepdims=True)
    logs = np.take_along_axis(np.log(rows), noisy, axis=1)
    return float(logs.mean()) + entropy(noisy)
