"""Standard training: one network, the mean cross-entropy of all noisy labels."""

from collections.abc import Sequence

import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.methods.losses import cross_entropy
from tune_noise.methods.protocol import Batch, Outcome


class Standard:
    """Learns from every example alike; with many epochs it memorises the wrong labels."""

    networks = 1

    def __init__(self, configs: Sequence[TrialConfig]) -> None:
        """Standard training has no hyper-parameters of its own."""
        self._forget_rates = [0.0] * len(configs)

    def __call__(self, batch: Batch) -> Outcome:
        """Mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        kept = torch.ones_like(losses, dtype=torch.bool)
        return Outcome(losses.mean(dim=2), kept, self._forget_rates, losses)
