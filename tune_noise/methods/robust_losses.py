"""Losses that bound what one wrong label can do: generalised and symmetric cross-entropy."""

from collections.abc import Sequence

from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import column

# The value of log 0 in the reverse cross-entropy (paper: A).
LOG_ZERO = -4.0


def reverse_cross_entropy(losses: Tensor) -> Tensor:
    """Return -sum_k p_k log t_k = -A (1 - p_y) of examples with some cross-entropies -log p_y."""
    return LOG_ZERO * (-losses).expm1()


class GeneralisedCrossEntropy:
    """L_q = (1 - p_y^q) / q: cross-entropy as q goes to 0, mean absolute error / 2 at 1.

    Zhang and Sabuncu 2018, arXiv:1805.07836; not its truncated variant, which from time to time
    drops the examples whose label is improbable.
    """

    def __init__(self, facts: TrainingFacts, *, gce_q: Sequence[float]) -> None:
        self._q = column(gce_q, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        q = self._q.to(losses.dtype)
        # expm1: for small q the difference 1 - p^q would lose all its digits.
        return all_kept(-(-q * losses).expm1() / q, losses)


class SymmetricCrossEntropy:
    """alpha CE + beta RCE, RCE = -sum_k p_k log t_k with log 0 = A: so it is -A (1 - p_y).

    Wang et al. 2019, arXiv:1908.06112, with A = -4. Deviation: the official code clips the one-hot
    label at 1e-4, of which the natural logarithm is -9.2, not -4; its beta is 2.3 times as strong.
    """

    def __init__(
        self, facts: TrainingFacts, *, sce_alpha: Sequence[float], sce_beta: Sequence[float]
    ) -> None:
        self._alpha = column(sce_alpha, facts.device)
        self._beta = column(sce_beta, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        alpha, beta = self._alpha.to(losses.dtype), self._beta.to(losses.dtype)
        return all_kept(alpha * losses + beta * reverse_cross_entropy(losses), losses)
