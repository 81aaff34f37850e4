"""Noise: transition matrices, dilution, corruption, the realised rate. NumPy only."""

from tune_noise.noise.corruption import corrupt, dilute, flip, realised_noise_rate
from tune_noise.noise.transition import check_transition_matrix, pair_flip, symmetric

__all__ = [
    "check_transition_matrix",
    "corrupt",
    "dilute",
    "flip",
    "pair_flip",
    "realised_noise_rate",
    "symmetric",
]
