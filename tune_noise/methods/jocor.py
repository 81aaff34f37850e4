"""JoCoR: two networks select and learn by one joint loss that pulls their predictions together.

Wei et al. 2020, "Combating Noisy Labels by Agreement", arXiv:2003.02752, Algorithm 1:

    l(x) = (1 - lambda) (CE_1 + CE_2) + lambda (KL(p_1 || p_2) + KL(p_2 || p_1))

and both networks learn its mean over the small-loss examples. The divergence is differentiated
through both networks, as in the paper and in the official code. The schedule of the forget rate is
co-teaching's; the official code, like co-teaching's, raises tau instead of the epoch to the
exponent.
"""

from collections.abc import Sequence

from torch import Tensor

from tune_noise.methods.losses import cross_entropy, log_softmax, mean_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.selection import ForgetRates, small_losses
from tune_noise.methods.values import column


class Jocor:
    """Two networks with one loss."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        tau: Sequence[float],
        ramp_epochs: Sequence[int],
        exponent: Sequence[float],
        jocor_lambda: Sequence[float],
    ) -> None:
        self._forget_rates = ForgetRates(tau, ramp_epochs, exponent)
        self._lambda = column(jocor_lambda, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Keep for both networks the examples of small joint loss."""
        cross_entropies = cross_entropy(batch.logits, batch.noisy_labels)
        weight = self._lambda.to(cross_entropies.dtype)
        joint = (1.0 - weight) * cross_entropies.sum(dim=1, keepdim=True)
        joint = joint + weight * symmetric_divergence(batch.logits)
        rates = self._forget_rates(batch.epoch)
        kept = small_losses(joint, rates)
        # Half of the joint loss for each network: their sum is minimised.
        halves = mean_of_kept(joint, kept).expand(-1, 2) / 2
        return Outcome(halves, kept.expand_as(cross_entropies), cross_entropies, rates)


def symmetric_divergence(logits: Tensor) -> Tensor:
    """Return KL(p_1 || p_2) + KL(p_2 || p_1) of the two networks' predictions.

    Args:
        logits: float [R, 2, batch, K].

    Returns:
        float [R, 1, batch], nats, not negative.
    """
    first, second = log_softmax(logits).unbind(dim=1)
    divergence = ((first.exp() - second.exp()) * (first - second)).sum(dim=2)
    return divergence.unsqueeze(1)
