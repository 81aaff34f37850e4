"""Label Wave: stop when the predictions of training examples change least, without validation.

Yuan et al. 2024, arXiv:2502.07551: while a network learns what is common its predictions settle;
when it begins to fit wrong labels they change again. Training ends at the first minimum of the
number of predictions that changed since the epoch before, averaged over wave_epochs epochs (k), and
the epoch of the minimum is the one that is selected. Its objective on noisy validation labels still
says how good the trial is, so trials are compared as always; it does not choose the epoch.

As in the official code the predictions are those of the training pass, so they cost nothing. The
loss is cross-entropy. The official code leaves the average and the minimum to a spreadsheet; k = 3
is a choice made here. With `class_balance: equal` an example that is not drawn in an epoch is
compared when it is drawn again, and of one that is drawn twice the last counts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import checked_state

UNSEEN = -1


class LabelWave:
    """Standard training that remembers the last prediction of every example."""

    def __init__(self, facts: TrainingFacts, *, wave_epochs: Sequence[int]) -> None:
        self._lengths = wave_epochs
        shape = (facts.num_replicates, facts.num_networks, facts.num_examples)
        self._before = torch.full(shape, UNSEEN, dtype=torch.int32, device=facts.device)
        self._now = self._before.clone()
        # Shares of the last epochs, the newest last; a share below 0 was not measured.
        self._shares = torch.full(
            (facts.num_replicates, max(wave_epochs)), -1.0, dtype=torch.float64
        )

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        predicted = batch.logits.detach().max(dim=3).indices.to(self._now.dtype)
        self._now.scatter_(2, batch.indices.unsqueeze(1).expand_as(predicted), predicted)
        return all_kept(losses, losses)

    def epoch_metrics(self) -> list[dict[str, float]]:
        """Return the mean share of changed predictions, once there are enough epochs."""
        seen = self._before != UNSEEN
        changed = (seen & (self._now != self._before)).double().sum(dim=(1, 2))
        shares = torch.where(
            seen.any(dim=(1, 2)), changed / seen.sum(dim=(1, 2)).clamp(min=1), -1.0
        )
        self._shares = torch.cat([self._shares[:, 1:], shares.cpu().unsqueeze(1)], dim=1)
        self._before = self._now.clone()
        return [
            {"train_prediction_changes": float(last.mean())} if (last >= 0.0).all() else {}
            for last in (
                row[-length:] for row, length in zip(self._shares, self._lengths, strict=True)
            )
        ]

    def state(self) -> dict[str, Tensor]:
        """Return the predictions, and the shares of the last epochs."""
        return {"before": self._before, "shares": self._shares}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        loaded = checked_state(tensors, self.state())
        self._before, self._shares = loaded["before"], loaded["shares"]
        self._now = self._before.clone()
