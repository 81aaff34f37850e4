"""SOP+: over-parameterisation with a consistency and a balance term.

Liu et al. 2022, arXiv:2202.14026. To the loss of `sop` on the first view are added

    lambda_C KL(p of the first view || p of the second),  in which the former is held constant,
    lambda_B -(mean over the classes of log of the batch's mean corrected prediction).

As in the official code the balance term also moves u. There the second view is made by AutoAugment;
here it is distorted by view_strength, and the first is not.
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from tune_noise.methods.losses import cross_entropy, log_softmax
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.sop import LEAST_PROBABILITY, OverParameterised
from tune_noise.methods.values import column


class OverParameterisedPlus(OverParameterised):
    """Remembers u and v like `OverParameterised`, and sees two views of each batch."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        sop_lr_u: Sequence[float],
        sop_lr_v: Sequence[float],
        view_strength: Sequence[float],
        sop_consistency: Sequence[float],
        sop_balance: Sequence[float],
    ) -> None:
        super().__init__(facts, sop_lr_u=sop_lr_u, sop_lr_v=sop_lr_v)
        self.view_strengths = [[0.0] * facts.num_replicates, view_strength]
        self._consistency = column(sop_consistency, facts.device)[..., 0]
        self._balance_weight = column(sop_balance, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Move u and v of the batch and return the mean over it; everything is kept."""
        examples = batch.indices.shape[1] // batch.num_views
        first = replace(
            batch,
            logits=batch.logits[:, :, :examples],
            noisy_labels=batch.noisy_labels[:, :examples],
            indices=batch.indices[:, :examples],
            num_views=1,
        )
        outcome = super().__call__(first)
        plain = log_softmax(first.logits.detach())
        distorted = log_softmax(batch.logits[:, :, -examples:])
        apart = (plain.exp() * (plain - distorted)).sum(dim=3).mean(dim=2)
        return Outcome(
            outcome.losses + self._consistency.to(apart.dtype) * apart,
            outcome.kept.repeat(1, 1, batch.num_views),
            cross_entropy(batch.logits, batch.noisy_labels),
            outcome.forget_rates,
        )

    def _balance(self, corrected: Tensor) -> Tensor:
        means = corrected.mean(dim=2).clamp(min=LEAST_PROBABILITY)
        distances = -means.log().mean(dim=2, keepdim=True)
        return self._balance_weight.to(distances.dtype) * distances
