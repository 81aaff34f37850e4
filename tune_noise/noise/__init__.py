"""Noise: transition matrices, dilution, corruption, the realised rate. NumPy only."""

from tune_noise.noise.corruption import corrupt, dilute, flip, realised_noise_rate
from tune_noise.noise.known import known_transition
from tune_noise.noise.transition import check_transition_matrix, pair_flip, symmetric

__all__ = [
    "check_transition_matrix",
    "corrupt",
    "dilute",
    "flip",
    "known_transition",
    "pair_flip",
    "realised_noise_rate",
    "symmetric",
]
