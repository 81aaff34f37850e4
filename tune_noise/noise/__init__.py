"""Noise: transition matrices, dilution, corruption, the realised rate. NumPy only."""

from tune_noise.noise.confusion import Confusion, count_confusion, mean_confusion
from tune_noise.noise.corruption import (
    dilute,
    flip,
    instance_dependent,
    realised_noise_rate,
    structured,
)
from tune_noise.noise.instance import instance_probabilities
from tune_noise.noise.kind import Material, Noise, NoiseFacts
from tune_noise.noise.observed import LabelCounts, count_labels, total
from tune_noise.noise.structured import (
    dilution_matrix,
    random_order,
    structure_fault,
    structured_matrix,
)
from tune_noise.noise.transition import (
    asymmetric,
    check_transition_matrix,
    pair_flip,
    symmetric,
)

__all__ = [
    "Confusion",
    "LabelCounts",
    "Material",
    "Noise",
    "NoiseFacts",
    "asymmetric",
    "check_transition_matrix",
    "count_confusion",
    "count_labels",
    "dilute",
    "dilution_matrix",
    "flip",
    "instance_dependent",
    "instance_probabilities",
    "mean_confusion",
    "pair_flip",
    "random_order",
    "realised_noise_rate",
    "structure_fault",
    "structured",
    "structured_matrix",
    "symmetric",
    "total",
]
