"""Losses that are robust by their shape: NCE + RCE, AGCE, and the active negative loss.

All rest on bounded losses of p_y, the probability of the given label. Alone they learn slowly where
p_y is small, so an active part, the normalised cross-entropy NCE = CE_y / sum_k CE_k, is added:

    nce_rce: a NCE + b RCE, RCE = -A (1 - p_y) with log 0 = A = -4.
             Ma et al. 2020, arXiv:2006.13554; defaults of CIFAR-10.
    agce:    ((a + 1)^q - (a + p_y)^q) / q, and NCE with a weight of its own, 0 by default.
             Zhou et al. 2021, arXiv:2106.03110; defaults of CIFAR-10.
    anl:     a NCE + b NNCE, NNCE = 1 - (A + log p_y) / sum_k (A + log p_k), A = -log 1e-7, with
             probabilities of at least 1e-7. Ye et al. 2023, arXiv:2412.02373; defaults of CIFAR-10.

With K classes, NCE of an untrained network is 1 / K, and its gradient about K log K times smaller
than that of cross-entropy: with SGD the learning rate or the weights must be larger for many
classes (the papers have 10 and 0.1 for CIFAR-100); Adam does not mind the scale. The papers have
other weights for MNIST, too: `rce_weight: 100`; `agce_a: 4`, `agce_q: 0.2`; 1 and 1 for anl.

Deviations: the official code of NCE + RCE clips the one-hot label at 1e-4, of which the natural
logarithm is -9.2, not -4: its b is 2.3 times as strong. ANL has no L1 penalty of the weights (5e-5
for CIFAR-10), as a method does not see the weights; use `weight_decay`. The official trainers clip
gradients to a norm of 5.
"""

import math
from collections.abc import Sequence

from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy, log_softmax, of_labels
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.robust_losses import reverse_cross_entropy
from tune_noise.methods.values import column

LEAST_LOG_PROBABILITY = math.log(1e-7)


def normalised_cross_entropy(losses: Tensor, logits: Tensor) -> Tensor:
    """Return CE_y / sum_k CE_k of each example, in [0, 1]; float [R, P, batch]."""
    return losses / -log_softmax(logits).sum(dim=3)


class ActivePassive:
    """NCE + RCE."""

    def __init__(
        self, facts: TrainingFacts, *, nce_weight: Sequence[float], rce_weight: Sequence[float]
    ) -> None:
        self._active = column(nce_weight, facts.device)
        self._passive = column(rce_weight, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        active, passive = self._active.to(losses.dtype), self._passive.to(losses.dtype)
        normalised = normalised_cross_entropy(losses, batch.logits)
        return all_kept(active * normalised + passive * reverse_cross_entropy(losses), losses)


class AsymmetricGeneralised:
    """AGCE, alone or with NCE."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        nce_weight: Sequence[float],
        agce_a: Sequence[float],
        agce_q: Sequence[float],
    ) -> None:
        self._active = column(nce_weight, facts.device)
        self._a, self._q = column(agce_a, facts.device), column(agce_q, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        a, q = self._a.to(losses.dtype), self._q.to(losses.dtype)
        passive = ((a + 1.0) ** q - (a + (-losses).exp()) ** q) / q
        normalised = normalised_cross_entropy(losses, batch.logits)
        return all_kept(self._active.to(losses.dtype) * normalised + passive, losses)


class ActiveNegative:
    """NCE + NNCE, the normalised loss of naming any other class."""

    def __init__(
        self, facts: TrainingFacts, *, nce_weight: Sequence[float], nnce_weight: Sequence[float]
    ) -> None:
        self._active = column(nce_weight, facts.device)
        self._negative = column(nnce_weight, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        above = log_softmax(batch.logits).clamp(min=LEAST_LOG_PROBABILITY) - LEAST_LOG_PROBABILITY
        negative = 1.0 - of_labels(above, batch.noisy_labels) / above.sum(dim=3)
        active, weight = self._active.to(losses.dtype), self._negative.to(losses.dtype)
        normalised = normalised_cross_entropy(losses, batch.logits)
        return all_kept(active * normalised + weight * negative, losses)
