"""Standard training: the mean cross-entropy of all noisy labels.

It is also `standard_ensemble`, two networks that know nothing of each other, and `standard_long`,
one network that goes through the data twice per reported epoch: what the compute of a method with
two networks buys without that method. An ensemble's networks start from different weights and see
the same order; `standard_long` of E epochs is `standard` of 2 E, reported after every second.
"""

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts


class Standard:
    """Learns from every example alike; with many epochs it memorises the wrong labels."""

    def __init__(self, facts: TrainingFacts) -> None:
        """Standard training has no hyper-parameters."""

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        return all_kept(losses, losses)
