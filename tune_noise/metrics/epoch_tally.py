"""What happened in one training epoch: loss, accuracy, label precision and recall, memorisation."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.methods.protocol import Batch, Outcome
from tune_noise.metrics.memorisation import View, memorisation, shared_agreement


class EpochTally:
    """Collects the batches of one epoch; reduces them once at its end.

    Predictions are those of the training pass itself, so they cost no further one: each example is
    judged in training mode, before the update that learns from it.

    Args:
        true_labels: int64 [R, examples], or [examples] that all replicates share; -1 for an image
            that is of no class; None: unknown.
    """

    def __init__(self, true_labels: Tensor | None) -> None:
        self._true_labels = true_labels
        self._cross_entropies: list[Tensor] = []
        self._predicted: list[Tensor] = []
        self._kept: list[Tensor] = []
        self._indices: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._partners: list[Tensor] = []
        self._shares: list[Tensor] = []
        self._num_examples = 0
        self._forget_rates: Sequence[float] | None = None

    def add(self, batch: Batch, outcome: Outcome) -> None:
        """Take one batch into account."""
        self._cross_entropies.append(outcome.cross_entropies.detach())
        # Not `argmax`, which takes five times as long where the classes lie first in memory. Of at
        # most 10,000 classes; an epoch of them is held until its end.
        predicted = batch.logits.detach().max(dim=3).indices
        self._predicted.append(predicted.to(torch.int16))
        self._kept.append(outcome.kept)
        self._indices.append(batch.indices)
        self._labels.append(batch.noisy_labels)
        if batch.mixing is not None:
            self._partners.append(batch.mixing.partners + self._num_examples)
            self._shares.append(batch.mixing.shares.unsqueeze(1).expand(batch.indices.shape))
        self._num_examples += batch.indices.shape[1]
        self._forget_rates = outcome.forget_rates

    def metrics(self) -> list[dict[str, float]]:
        """Return the metrics of each replicate; some exist only where the true labels are known."""
        predicted, views = torch.cat(self._predicted, dim=2), self._views()
        losses = torch.cat(self._cross_entropies, dim=2).double().mean(dim=(1, 2))
        accuracies = shared_agreement(predicted, views)
        rows = [
            {
                "train_loss_noisy": float(loss),
                "train_accuracy_noisy": float(accuracy),
                "forget_rate": rate,
            }
            for loss, accuracy, rate in zip(losses, accuracies, self._dropped(), strict=True)
        ]
        if self._true_labels is None:
            return rows
        groups = zip(rows, self._label_quality(), memorisation(predicted, views), strict=True)
        return [row | quality | memorised for row, quality, memorised in groups]

    def _views(self) -> list[View]:
        """Return the labels and shares that each prediction is judged by; a mixture has two."""
        labels, truth = torch.cat(self._labels, dim=1), self._truth()
        if not self._partners:
            return [View(None, labels, truth)]
        partners, shares = torch.cat(self._partners, dim=1), torch.cat(self._shares, dim=1)
        partner_truth = None if truth is None else truth.gather(1, partners)
        partner = View(1.0 - shares, labels.gather(1, partners), partner_truth)
        return [View(shares, labels, truth), partner]

    def _truth(self) -> Tensor | None:
        """Return the true labels in the order of training, int64 [R, examples]."""
        if self._true_labels is None:
            return None
        indices = torch.cat(self._indices, dim=1)
        return self._true_labels.expand(len(indices), -1).gather(1, indices)

    def _dropped(self) -> list[float]:
        """Return the schedule's rate in the last batch or, without one, the share dropped."""
        if self._forget_rates is not None:
            return [float(rate) for rate in self._forget_rates]
        dropped = (~torch.cat(self._kept, dim=2)).double().mean(dim=(1, 2))
        return [float(share) for share in dropped]

    def _label_quality(self) -> list[dict[str, float]]:
        kept = torch.cat(self._kept, dim=2)
        truth = self._truth()
        assert truth is not None
        is_clean = (torch.cat(self._labels, dim=1) == truth).unsqueeze(1)
        kept_clean = (kept & is_clean).sum(dim=2).double()
        # Of nothing kept, or without a single clean example, the share has no meaning; 0 / 1 keeps
        # it finite.
        precision = (kept_clean / kept.sum(dim=2).clamp(min=1)).mean(dim=1)
        recall = (kept_clean / is_clean.sum(dim=2).clamp(min=1)).mean(dim=1)
        return [
            {"train_label_precision": float(p), "train_label_recall": float(r)}
            for p, r in zip(precision, recall, strict=True)
        ]
