"""What the networks predict of each input while they train: it finds wrong labels for free."""

import torch
from torch import Tensor

from tune_noise.methods.protocol import Batch

# Logits that wait to be taken in together: batch by batch takes long beside a small network.
_WAITING = 1_000_000


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
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []

    def learn(self, images: Tensor, batch: Batch) -> None:
        """Take in a batch that is trained on.

        Args:
            images: int64 [R, batch], the inputs that it shows.
            batch: a mixture counts for its first image, by the share of it.
        """
        ones = torch.ones((), device=images.device).expand(len(images))
        shares = ones if batch.mixing is None else batch.mixing.shares.float()
        weights = shares.unsqueeze(1).expand(images.shape)
        self._waiting.append((images, batch.logits.detach(), weights))
        # Batches of an epoch are equally large, to within one example.
        if len(self._waiting) * batch.logits.numel() >= _WAITING:
            self._take_in()

    def add(self, logits: Tensor) -> None:
        """End an epoch by what is predicted of the inputs that validate, [R, P, N_val, K]."""
        validates = self._validates.expand(len(logits), -1)
        self._waiting.append((validates, logits, torch.ones_like(validates, dtype=torch.float32)))
        self._take_in()

    def _take_in(self) -> None:
        images, logits, weights = zip(*self._waiting, strict=True)
        self._waiting = []
        probabilities = torch.cat(logits, dim=2).float().softmax(dim=3).mean(dim=1)
        shares = torch.cat(weights, dim=1).unsqueeze(2)
        # Rows of all replicates one after another: so one addition serves them all.
        firsts = torch.arange(len(shares), device=shares.device) * len(self._input_of)
        rows = (self._input_of[torch.cat(images, dim=1)] + firsts.view(-1, 1)).reshape(-1)
        for kept, values in ((self._total, probabilities * shares), (self._weights, shares)):
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
        self._waiting = []
        for name, kept in self.state().items():
            kept.copy_(tensors[name])
