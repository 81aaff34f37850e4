"""Per-example losses that several methods share."""

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each example, not reduced.

    Args:
        logits: float [R, P, batch, K].
        labels: int64 [R, batch]; every network of a replicate sees the same.

    Returns:
        float [R, P, batch], nats.
    """
    networks = logits.shape[1]
    repeated = labels.unsqueeze(1).expand(-1, networks, -1)
    losses = F.cross_entropy(logits.flatten(0, 2), repeated.flatten(), reduction="none")
    return losses.view(logits.shape[:3])
