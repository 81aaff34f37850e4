"""Co-teaching+: co-teaching on the examples of a batch on which the two networks disagree.

Yu et al. 2019, "How does Disagreement Help Generalization against Label Corruption?",
arXiv:1901.04215, Algorithm 1. During warm_up_epochs it is plain co-teaching, as in the official
code; the forget rate rises from the first epoch, warm-up or not.

Deviations of the official code that are not here: it feeds softmax outputs into a cross-entropy
that applies a softmax, drops the example of index 0 from the disagreement, divides the mean loss
by the number of kept examples once more, and learns from the whole batch where the networks agree
on all of it (in its first 5,000 steps). Here such a batch teaches nothing, as in the paper.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.methods.losses import cross_entropy, outcome_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.selection import ForgetRates, small_loss_selection


class CoTeachingPlus:
    """Two peers that exchange the small-loss examples of those on which they disagree."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        tau: Sequence[float],
        ramp_epochs: Sequence[int],
        exponent: Sequence[float],
        warm_up_epochs: Sequence[int],
    ) -> None:
        self._forget_rates = ForgetRates(tau, ramp_epochs, exponent)
        self._warm_up_epochs = warm_up_epochs

    def __call__(self, batch: Batch) -> Outcome:
        """Keep for each network what its peer selected among the candidates."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        rates = self._forget_rates(batch.epoch)
        in_warm_up = [batch.epoch < epochs for epochs in self._warm_up_epochs]
        candidates = disagreement(batch.logits)
        candidates |= torch.tensor(in_warm_up, device=losses.device).view(-1, 1)
        kept = select_among(candidates, losses, rates).flip(dims=(1,))
        return outcome_of_kept(losses, kept)


def disagreement(logits: Tensor) -> Tensor:
    """Mark the examples that the two networks of a replicate put into different classes.

    Args:
        logits: float [R, 2, batch, K].

    Returns:
        bool [R, batch].
    """
    predicted = logits.detach().argmax(dim=3)
    return predicted[:, 0] != predicted[:, 1]


def select_among(candidates: Tensor, losses: Tensor, rates: Sequence[float]) -> Tensor:
    """Mark the candidates of smallest loss: floor((1 - rate) * candidates), but 1 if there is any.

    Args:
        candidates: bool [R, batch].
        losses: float [R, P, batch].
        rates: forget rate of each replicate.

    Returns:
        bool [R, P, batch].
    """
    available = candidates.sum(dim=1)
    # 1e-9 as in `num_kept`; in float64, as there.
    exact = (
        available * (1.0 - torch.as_tensor(rates, dtype=torch.float64, device=losses.device)) + 1e-9
    )
    counts = exact.floor().long().clamp(min=1).minimum(available)
    among = candidates.unsqueeze(1)
    ranked = losses.detach().masked_fill(~among, torch.inf)
    # An infinite or undefined loss of a candidate ranks with or behind the others.
    return small_loss_selection(ranked, counts) & among
