"""Early-learning regularisation: keep close to what was predicted before wrong labels were learnt.

Liu et al. 2020, arXiv:2007.00151:

    CE + lambda log(1 - <t, p>),   t <- beta t + (1 - beta) p,   t = 0 at first

with a target t for each training example. A gradient flows through p only. As in the official
code t is updated before the loss is taken, and probabilities are clipped to [1e-4, 1 - 1e-4] (and
for t normalised again), without which the logarithm would be unbounded.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import checked_state, column

CLIP = 1e-4


class EarlyLearning:
    """Remembers a running average of the predictions for every training example.

    Its memory takes 4 * N * K bytes per replicate, and stands in every checkpoint.
    """

    def __init__(
        self, facts: TrainingFacts, *, elr_lambda: Sequence[float], elr_beta: Sequence[float]
    ) -> None:
        self._lambda = column(elr_lambda, facts.device)
        self._beta = column(elr_beta, facts.device).unsqueeze(3)
        shape = (facts.num_replicates, facts.num_networks, facts.num_examples, facts.num_classes)
        self._targets = torch.zeros(shape, device=facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Update the targets of the batch and return the mean over it; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        probabilities = batch.logits.softmax(dim=3).clamp(CLIP, 1.0 - CLIP)
        targets = self._updated(batch.indices, probabilities.detach())
        regulariser = (1.0 - (targets * probabilities).sum(dim=3)).log()
        return all_kept(losses + self._lambda.to(losses.dtype) * regulariser, losses)

    def _updated(self, indices: Tensor, probabilities: Tensor) -> Tensor:
        """Blend predictions into the targets at `indices`; return them, [R, P, batch, K]."""
        places = indices[:, None, :, None].expand_as(probabilities)
        beta = self._beta.to(self._targets.dtype)
        normalised = (probabilities / probabilities.sum(dim=3, keepdim=True)).to(beta.dtype)
        targets = beta * self._targets.gather(2, places) + (1.0 - beta) * normalised
        self._targets.scatter_(2, places, targets)
        return targets.to(probabilities.dtype)

    def state(self) -> dict[str, Tensor]:
        """Return the targets."""
        return {"targets": self._targets}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over targets of the same shape."""
        self._targets = checked_state(tensors, self.state())["targets"]
