"""Self-paced small loss: one network learns from the examples that it finds easy itself.

It is co-teaching without the peer, at half the cost; the co-teaching literature reports a relative
of it as self-paced MentorNet (Jiang et al. 2018, arXiv:1712.05055, without a mentor network). Its
own errors select its own examples, so they may accumulate. The schedule is co-teaching's.
"""

from collections.abc import Sequence

from tune_noise.methods.losses import cross_entropy, outcome_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.selection import ForgetRates, small_losses


class SmallLoss:
    """Each network keeps its own examples of smallest loss."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        tau: Sequence[float],
        ramp_epochs: Sequence[int],
        exponent: Sequence[float],
    ) -> None:
        self._forget_rates = ForgetRates(tau, ramp_epochs, exponent)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the small-loss examples of the batch."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        rates = self._forget_rates(batch.epoch)
        return outcome_of_kept(losses, small_losses(losses, rates), rates)
