"""What the networks predict of each input while they train: it finds wrong labels for free."""

import torch
from torch import Tensor

from tune_noise.methods.protocol import Batch


class TrainingMemory:
    """The mean prediction for each input over the training so far.

    An input that is trained on is predicted by the training pass itself, before the update that
    learns from it; one that validates, by the validation after each epoch. So nothing is predicted
    twice, and the memory is two numbers for each replicate, input and class, however long the
    training is. The first epochs count as much as the last ones: they have not learnt the wrong
    labels by heart.

    Args:
        input_of: int64 [N], for each input the first one that equals it: they share a mean.
        validates: int64, the inputs that validate, in the order of their logits.
        num_replicates: R.
        num_classes: K.

    Attributes:
        selected: float32 [R, N, K], the means at the epoch that was selected last of each
            replicate; 0 where an input was never predicted.

    Reference:
        Pleiss et al. 2020, "Identifying Mislabeled Data using the Area Under the Margin Ranking",
        arXiv:2001.10528, sums a margin over the epochs in this way.
    """

    def __init__(
        self, input_of: Tensor, validates: Tensor, *, num_replicates: int, num_classes: int
    ) -> None:
        """Begin before the first epoch."""
        self._input_of, self._validates = input_of, validates
        shape = num_replicates, len(input_of)
        self._total = torch.zeros(*shape, num_classes, device=input_of.device)
        self._weights = torch.zeros(*shape, 1, device=input_of.device)
        self.selected = torch.zeros_like(self._total)

    def learn(self, images: Tensor, batch: Batch) -> None:
        """Take in a batch that is trained on.

        Args:
            images: int64 [R, batch], the inputs that it shows.
            batch: a mixture counts for its first image, by the share of it.
        """
        mixing = batch.mixing
        shares = torch.ones(len(images), device=images.device) if mixing is None else mixing.shares
        self._add(images, batch.logits, shares)

    def add(self, logits: Tensor) -> None:
        """Take in what is predicted of the inputs that validate, float [R, P, N_val, K]."""
        replicates = len(logits)
        shares = torch.ones(replicates, device=logits.device)
        self._add(self._validates.expand(replicates, -1), logits, shares)

    def _add(self, images: Tensor, logits: Tensor, shares: Tensor) -> None:
        probabilities = logits.detach().float().softmax(dim=3).mean(dim=1)
        weights = shares.float().view(-1, 1, 1).expand(*images.shape, 1)
        # Rows of all replicates one after another: so one addition serves them all.
        firsts = torch.arange(len(images), device=images.device) * len(self._input_of)
        rows = (self._input_of[images] + firsts.view(-1, 1)).reshape(-1)
        for kept, values in ((self._total, probabilities * weights), (self._weights, weights)):
            kept.flatten(0, 1).index_add_(0, rows, values.flatten(0, 1))

    def select(self, r: int) -> None:
        """Select the epoch that ended last for one replicate."""
        least = torch.finfo(torch.float32).tiny
        torch.div(self._total[r], self._weights[r].clamp(min=least), out=self.selected[r])

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed training needs, by name; the caller copies it."""
        return {"total": self._total, "weights": self._weights, "selected": self.selected}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Continue exactly from what `state` returned; the tensors are copied."""
        for name, kept in self.state().items():
            kept.copy_(tensors[name])
