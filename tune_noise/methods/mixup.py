"""Mixup: learn mixtures of two inputs, and of their labels in the same shares.

Zhang et al. 2018, arXiv:1710.09412: a share lambda ~ Beta(alpha, alpha), and the loss is
lambda CE(y) + (1 - lambda) CE(y of the partner). As in the official code, there is one lambda per
batch, and a permutation of the batch names the partners. The paper finds it to slow
down the memorising of wrong labels.
"""

from collections.abc import Sequence

import numpy as np
import torch

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Mixing, Outcome, TrainingFacts
from tune_noise.seeding import generator


class Mixup:
    """Each replicate mixes its own batch by its own seed."""

    def __init__(self, facts: TrainingFacts, *, mixup_alpha: Sequence[float]) -> None:
        self._alphas = mixup_alpha
        self._seeds = facts.seeds
        self._device = facts.device

    def mixing(self, epoch: int, batch_number: int, batch_size: int) -> Mixing:
        """Draw partners and shares from the seed, the epoch and the number of the batch."""
        partners, shares = [], []
        for seed, alpha in zip(self._seeds, self._alphas, strict=True):
            random = generator(seed, "mixup", epoch, batch_number)
            partners.append(random.permutation(batch_size))
            shares.append(random.beta(alpha, alpha))
        return Mixing(
            torch.from_numpy(np.stack(partners)).to(self._device),
            torch.tensor(shares, dtype=torch.float64, device=self._device),
        )

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept.

        Raises:
            ValueError: the batch was not mixed.
        """
        if batch.mixing is None:
            raise ValueError("mixup needs a mixed batch")
        losses_on_labels = cross_entropy(batch.logits, batch.noisy_labels)
        partner_labels = batch.noisy_labels.gather(1, batch.mixing.partners)
        partners = cross_entropy(batch.logits, partner_labels)
        share = batch.mixing.shares.to(losses_on_labels.dtype).view(-1, 1, 1)
        losses = share * losses_on_labels + (1.0 - share) * partners
        return all_kept(losses, losses)
