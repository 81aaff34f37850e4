"""Labels of the shipped kinds of noise, drawn without a data set."""

from typing import Any

import numpy as np

from tune_noise.declaration import import_object
from tune_noise.noise import NoiseFacts
from tune_noise.noise.kinds import NOISES


def corrupt(
    noise: str,
    clean_labels: np.ndarray,
    *,
    num_classes: int,
    generator: np.random.Generator,
    **values: Any,
) -> np.ndarray:
    """Return int64 [N, labels per image], drawn by a noise that needs no data but its values."""
    kind = import_object(NOISES[noise].implementation)(**values)
    labels: np.ndarray = kind.draw(clean_labels, NoiseFacts(num_classes=num_classes), generator)
    return labels
