"""Predictions averaged over epochs: they find wrong labels better than the selected epoch alone."""

import torch
from torch import Tensor

# Weight of an epoch's predictions against those of the next: the selected epoch and some before it
# count, the first ones of a long training do not. Measured in docs/suspects.md.
EPOCH_DECAY = 0.75


class EpochAverage:
    """The mean of predictions over the epochs so far, each weighted `EPOCH_DECAY` times the next.

    Attributes:
        selected: float64 [C, N, K], the mean at the epoch that was selected last of each of C
            trainings; of one that never selected any, 0.
    """

    def __init__(self) -> None:
        """Begin before the first epoch."""
        self._total = self.selected = torch.zeros(0, dtype=torch.float64)
        self._weight = torch.zeros((), dtype=torch.float64)

    def add(self, logits: Tensor) -> None:
        """Take in what the P networks of each training predict after an epoch, [C, P, N, K]."""
        probabilities = logits.double().softmax(dim=3).mean(dim=1).cpu()
        if not len(self._total):
            self._total = torch.zeros_like(probabilities)
            self.selected = torch.zeros_like(probabilities)
        self._total = EPOCH_DECAY * self._total + probabilities
        self._weight = EPOCH_DECAY * self._weight + 1.0

    def select(self, r: int) -> None:
        """Select the epoch that was added last for one training."""
        self.selected[r] = self._total[r] / self._weight

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed training needs, by name; the caller copies it."""
        return {"total": self._total, "weight": self._weight, "selected": self.selected}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Continue exactly from what `state` returned; the tensors are copied."""
        self._total, self._weight, self.selected = (
            tensors[name].clone() for name in ("total", "weight", "selected")
        )
