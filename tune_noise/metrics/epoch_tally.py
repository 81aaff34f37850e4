"""What happened in one training epoch: noisy loss and accuracy, label precision and recall."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.methods.protocol import Batch, Outcome


class EpochTally:
    """Collects the batches of one epoch; reduces them once at its end.

    Args:
        is_clean: bool [R, examples], whether each example's noisy label is right; None: unknown.
    """

    def __init__(self, is_clean: Tensor | None) -> None:
        """Start empty."""
        self._is_clean = is_clean
        self._cross_entropies: list[Tensor] = []
        self._agreement: list[Tensor] = []
        self._kept: list[Tensor] = []
        self._indices: list[Tensor] = []
        self._forget_rates: Sequence[float] | None = None

    def add(self, batch: Batch, outcome: Outcome) -> None:
        """Take one batch into account."""
        self._cross_entropies.append(outcome.cross_entropies.detach())
        self._agreement.append(agreement(batch))
        self._kept.append(outcome.kept)
        self._indices.append(batch.indices)
        self._forget_rates = outcome.forget_rates

    def metrics(self) -> list[dict[str, float]]:
        """The metrics of each replicate; precision and recall only where the truth is known."""
        losses = torch.cat(self._cross_entropies, dim=2).double().mean(dim=(1, 2))
        accuracies = torch.cat(self._agreement, dim=2).double().mean(dim=(1, 2))
        rows = [
            {
                "train_loss_noisy": float(loss),
                "train_accuracy_noisy": float(accuracy),
                "forget_rate": rate,
            }
            for loss, accuracy, rate in zip(losses, accuracies, self._dropped(), strict=True)
        ]
        if self._is_clean is None:
            return rows
        return [row | quality for row, quality in zip(rows, self._label_quality(), strict=True)]

    def _dropped(self) -> list[float]:
        """What the schedule says of the last batch; without one, the share dropped in the epoch."""
        if self._forget_rates is not None:
            return list(self._forget_rates)
        dropped = (~torch.cat(self._kept, dim=2)).double().mean(dim=(1, 2))
        return [float(share) for share in dropped]

    def _label_quality(self) -> list[dict[str, float]]:
        assert self._is_clean is not None
        kept = torch.cat(self._kept, dim=2)
        is_clean = self._is_clean.gather(1, torch.cat(self._indices, dim=1)).unsqueeze(1)
        kept_clean = (kept & is_clean).sum(dim=2).double()
        # Of nothing kept, or without a single clean example, the share has no meaning; 0 / 1 keeps
        # it finite.
        precision = (kept_clean / kept.sum(dim=2).clamp(min=1)).mean(dim=1)
        recall = (kept_clean / is_clean.sum(dim=2).clamp(min=1)).mean(dim=1)
        return [
            {"train_label_precision": float(p), "train_label_recall": float(r)}
            for p, r in zip(precision, recall, strict=True)
        ]


def agreement(batch: Batch) -> Tensor:
    """Whether the predicted class is the noisy label; of a mixture, by each label's share in it.

    Returns:
        bool [R, P, batch]; float64 in [0, 1] of a mixture.
    """
    predicted, labels = batch.logits.detach().argmax(dim=3), batch.noisy_labels
    own = predicted == labels.unsqueeze(1)
    if batch.mixing is None:
        return own
    partners = predicted == labels.gather(1, batch.mixing.partners).unsqueeze(1)
    return torch.lerp(partners.double(), own.double(), batch.mixing.shares.view(-1, 1, 1))
