"""What happened in one training epoch: noisy loss and accuracy, label precision and recall."""

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
        self._correct: list[Tensor] = []
        self._kept: list[Tensor] = []
        self._indices: list[Tensor] = []
        self._forget_rates: list[float] = []

    def add(self, batch: Batch, outcome: Outcome) -> None:
        """Take one batch into account."""
        self._cross_entropies.append(outcome.cross_entropies.detach())
        predicted = batch.logits.detach().argmax(dim=3)
        self._correct.append(predicted == batch.noisy_labels.unsqueeze(1))
        self._kept.append(outcome.kept)
        self._indices.append(batch.indices)
        self._forget_rates = list(outcome.forget_rates)

    def metrics(self) -> list[dict[str, float]]:
        """The metrics of each replicate; precision and recall only where the truth is known."""
        losses = torch.cat(self._cross_entropies, dim=2).double().mean(dim=(1, 2))
        accuracies = torch.cat(self._correct, dim=2).double().mean(dim=(1, 2))
        rows = [
            {
                "train_loss_noisy": float(loss),
                "train_accuracy_noisy": float(accuracy),
                "forget_rate": rate,
            }
            for loss, accuracy, rate in zip(losses, accuracies, self._forget_rates, strict=True)
        ]
        if self._is_clean is None:
            return rows
        return [row | quality for row, quality in zip(rows, self._label_quality(), strict=True)]

    def _label_quality(self) -> list[dict[str, float]]:
        assert self._is_clean is not None
        kept = torch.cat(self._kept, dim=2)
        is_clean = self._is_clean.gather(1, torch.cat(self._indices, dim=1)).unsqueeze(1)
        kept_clean = (kept & is_clean).sum(dim=2).double()
        precision = (kept_clean / kept.sum(dim=2)).mean(dim=1)
        # Without a single clean example recall has no meaning; 0 / 1 keeps it finite.
        recall = (kept_clean / is_clean.sum(dim=2).clamp(min=1)).mean(dim=1)
        return [
            {"train_label_precision": float(p), "train_label_recall": float(r)}
            for p, r in zip(precision, recall, strict=True)
        ]
