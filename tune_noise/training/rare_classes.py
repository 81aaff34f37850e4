"""Two ways to learn classes that are labelled seldom: adjusted logits and weights of classes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig


class RareClasses:
    """Changes what a method learns from logits, by how often each class is labelled.

    Logit adjustment (Menon et al. 2021, arXiv:2007.07314) adds `logit_adjustment` times the
    logarithm of a class's share of the training labels, so that a rare class must win by more; the
    network itself predicts without it. Balanced weights multiply the gradient of an example by the
    mean number of labels of a class over that of its own label.

    Args:
        configs: one per replicate, alike in `class_weights`.
        noisy_labels: int64 [R, N], of the training set.
        num_classes: K.
    """

    def __init__(
        self, configs: Sequence[TrialConfig], noisy_labels: Tensor, num_classes: int
    ) -> None:
        rows = [torch.bincount(row, minlength=num_classes) for row in noisy_labels]
        counts = torch.stack(rows).double()
        # A class without a label is taken to have one: its logarithm would be infinite.
        shares = counts.clamp(min=1.0) / counts.sum(dim=1, keepdim=True)
        strengths = [config.logit_adjustment or 0.0 for config in configs]
        strength = torch.tensor(strengths, dtype=torch.float64, device=noisy_labels.device)
        shift = (strength.view(-1, 1) * shares.log()).view(len(configs), 1, 1, num_classes)
        self._shift = shift if any(strengths) else None
        present = (counts > 0).sum(dim=1, keepdim=True)
        is_weighted = configs[0].class_weights == "balanced"
        self._weights = 1.0 / (present * shares) if is_weighted else None

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return what the method is given.

        Args:
            logits: float [R, P, batch, K].
            labels: int64 [R, batch].
        """
        if self._weights is not None:
            weights = self._weights.gather(1, labels)[:, None, :, None].to(logits.dtype)
            values = logits.detach()
            # The same values, with a weighted gradient.
            logits = values + weights * (logits - values)
        return logits if self._shift is None else logits + self._shift.to(logits.dtype)
