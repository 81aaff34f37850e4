"""MixMatch with wrong labels: soft targets, mixed, and the losses on labelled and guessed ones.

Berthelot et al. 2019, arXiv:1905.02249, as Li et al. 2020, arXiv:2002.07394, use it. Each network
has its own labelled and unlabelled part of one common batch, instead of a batch of each: so both
parts are as large as their shares of the training set.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.methods.losses import log_softmax, mean_of_kept
from tune_noise.methods.mixup import Mixup
from tune_noise.methods.protocol import Batch, Mixing, TrainingFacts
from tune_noise.methods.values import column

# As the papers have them in all experiments on CIFAR.
TEMPERATURE = 0.5
# Of the beta distribution of mixing shares; the larger one of share and 1 - share is taken.
MIXUP_ALPHA = 4.0
# Epochs after the warm-up until the unlabelled part has its weight.
RAMP_EPOCHS = 16


class GuessedLabels:
    """What the semi-supervised methods share: views, mixing, and the losses after a warm-up.

    Args:
        facts: of the stack.
        warm_up_epochs: of each replicate; until they are over, nothing is mixed.
        view_strength: of both views.
        unlabelled_weight: of the loss on guessed labels.
    """

    guesses_first = True

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        warm_up_epochs: Sequence[int],
        view_strength: Sequence[float],
        unlabelled_weight: Sequence[float],
    ) -> None:
        self.view_strengths = [view_strength, view_strength]
        self._mixup = Mixup(facts, mixup_alpha=[MIXUP_ALPHA] * facts.num_replicates)
        self._warm_up, self._weights = (
            column(values, facts.device) for values in (warm_up_epochs, unlabelled_weight)
        )

    def is_ready(self, epoch: int) -> Tensor:
        """Return the replicates whose warm-up is over, bool [R, 1]."""
        return self._warm_up[..., 0] <= epoch

    def mixing(self, epoch: int, batch_number: int, batch_size: int) -> Mixing:
        """Mix each row with a partner of either part and view; the row itself has most of it."""
        drawn = self._mixup.mixing(epoch, batch_number, batch_size)
        shares = torch.maximum(drawn.shares, 1.0 - drawn.shares)
        return Mixing(drawn.partners, shares.where(self.is_ready(epoch)[:, 0], 1.0))

    def mixed_targets(self, probabilities: Tensor, batch: Batch) -> Tensor:
        """Sharpen the targets of a batch's examples, show each in every view, and mix them.

        Args:
            probabilities: float [R, P, examples, K].
            batch: that was mixed.

        Returns:
            float [R, P, batch, K].
        """
        assert batch.mixing is not None
        least = torch.finfo(probabilities.dtype).tiny
        sharp = (probabilities.clamp(min=least).log() / TEMPERATURE).softmax(dim=3)
        rows = sharp.repeat(1, 1, batch.num_views, 1)
        return batch.mixing.applied_to(rows.transpose(1, 2)).transpose(1, 2)

    def losses(
        self,
        batch: Batch,
        targets: Tensor,
        labelled: Tensor,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Return cross-entropy where labelled plus the weighted square error elsewhere, [R, P].

        Args:
            batch: of which some are labelled.
            targets: float [R, P, batch, K], mixed.
            labelled: bool [R, P, batch].
            class_weights: float [R, P, 1, K], of the classes in the cross-entropy; None: 1.
        """
        log_probabilities = log_softmax(batch.logits)
        weighted = targets if class_weights is None else targets * class_weights
        cross_entropies = -(weighted * log_probabilities).sum(dim=3)
        errors = (log_probabilities.exp() - targets).square().mean(dim=3)
        # The middle of the epoch, as the official weight grows with each batch.
        grown = ((batch.epoch + 0.5 - self._warm_up) / RAMP_EPOCHS).clamp(0.0, 1.0)
        weights = (self._weights * grown)[..., 0].to(errors.dtype)
        return mean_of_kept(cross_entropies, labelled) + weights * mean_of_kept(errors, ~labelled)


def mean_of_views(batch: Batch) -> Tensor:
    """Return each network's mean guess over the views of an example, [R, P, examples, K]."""
    assert batch.guesses is not None
    views = batch.guesses.softmax(dim=3).chunk(batch.num_views, dim=2)
    return torch.stack(views).mean(dim=0)
