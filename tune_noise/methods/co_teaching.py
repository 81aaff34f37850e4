"""Co-teaching: networks that learn from the small-loss examples which the others select.

Han et al. 2018, arXiv:1804.06872, Algorithm 1, which has two networks. With more, each learns from
all selections but its own, and an example that several others select counts as often: the mean
over the others' selections put together. With two that is Algorithm 1.

Deviations of the official code that are not here: it divides the mean loss by the number of kept
examples once more, and raises tau instead of the epoch to the exponent.
"""

from collections.abc import Sequence

from torch import Tensor

from tune_noise.methods.losses import cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.selection import ForgetRates, small_losses


class CoTeaching:
    """Peers that exchange their small-loss examples batch by batch."""

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
        """Keep for each peer what the others selected on the same forward pass."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        rates = self._forget_rates(batch.epoch)
        votes = votes_of_others(small_losses(losses, rates))
        kept = votes > 0
        # `where` first: an infinite loss that nobody selected must not become 0 * inf.
        means = (losses.where(kept, 0.0) * votes).sum(dim=2) / votes.sum(dim=2).clamp(min=1)
        return Outcome(means, kept, losses, rates)


def votes_of_others(selected: Tensor) -> Tensor:
    """Count the other networks that selected each example.

    Args:
        selected: bool [R, P, batch].

    Returns:
        int64 [R, P, batch], in [0, P - 1].
    """
    return selected.sum(dim=1, keepdim=True) - selected.long()
