"""Forward correction: predict clean classes, and learn what noise would make of the prediction.

Patrini et al. 2017, arXiv:1609.03683: the loss is -log (T^t p)_y with T[i, j] = P(noisy j | clean
i), for y the noisy label. T is known, which is oracle knowledge, or estimated from anchor points:
the row of class i is the prediction for the example that looks most like
class i, where, as in the official code, the 3 percent most extreme examples are left out.

Deviations: the paper trains a network to its end, estimates T, and starts a second one; here one
network goes on from the warm-up. The official estimator clears the column of a class while it
looks for its anchor and uses the cleared table for the later rows; here every row is a prediction.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy, log_softmax
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import checked_state

ANCHOR_PERCENTILE = 0.97


class ForwardCorrection:
    """Cross-entropy during the warm-up; then through the transition matrix."""

    def __init__(
        self, facts: TrainingFacts, *, warm_up_epochs: Sequence[int], transition: str
    ) -> None:
        """Take T from the facts where it is known.

        Raises:
            ValueError: transition is known and the facts have no matrix.
        """
        self._warm_up_epochs = warm_up_epochs
        self._is_estimated = transition == "estimated"
        if facts.transition is None and not self._is_estimated:
            raise ValueError("transition known needs a transition matrix")
        # The identity, until there is an estimate: then the loss is cross-entropy.
        identity = torch.eye(facts.num_classes, dtype=torch.float64, device=facts.device)
        self._estimates = identity.repeat(facts.num_replicates, 1, 1)
        self._known = None if self._is_estimated else facts.transition

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Estimate T of the replicates whose warm-up has just ended."""
        ready = [r for r, epochs in enumerate(self._warm_up_epochs) if epochs == epoch]
        if self._is_estimated and ready:
            probabilities = predict()[ready, 0].softmax(dim=2)
            self._estimates[ready] = anchor_estimate(probabilities).to(self._estimates.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        in_warm_up = [batch.epoch < epochs for epochs in self._warm_up_epochs]
        if all(in_warm_up):
            return all_kept(losses, losses)
        matrices = self._estimates if self._known is None else self._known
        corrected = forward_loss(batch.logits, batch.noisy_labels, matrices.to(losses.dtype))
        still = torch.tensor(in_warm_up, device=losses.device).view(-1, 1, 1)
        return all_kept(torch.where(still, losses, corrected), losses)

    def state(self) -> dict[str, Tensor]:
        """Return the estimated matrices; the identity where there is no estimate yet."""
        return {"transition": self._estimates}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over matrices of the same shape."""
        self._estimates = checked_state(tensors, self.state())["transition"]


def forward_loss(logits: Tensor, labels: Tensor, matrices: Tensor) -> Tensor:
    """Return -log sum_i p_i T[i, y] of each example, in logarithms, so that it cannot overflow.

    Args:
        logits: float [R, P, batch, K].
        labels: int64 [R, batch].
        matrices: T, float [R, K, K], rows sum to 1.

    Returns:
        float [R, P, batch], nats.
    """
    columns = matrices.log().transpose(1, 2)  # [R, noisy, clean]
    index = labels.unsqueeze(2).expand(-1, -1, columns.shape[2])
    of_label = columns.gather(1, index).unsqueeze(1)  # [R, 1, batch, clean]
    return -torch.logsumexp(log_softmax(logits) + of_label, dim=3)


def anchor_estimate(probabilities: Tensor) -> Tensor:
    """Return T as the network's prediction for an anchor of each class.

    The anchor of class i has the largest probability of i below the 97th percentile of all
    examples'; where all have the same, the first.

    Args:
        probabilities: float [R, N, K], of all training examples.

    Returns:
        float64 [R, K, K], rows sum to 1.
    """
    num_examples = probabilities.shape[1]
    # Exact and the same everywhere: on the CPU, by rank, among equals the first.
    table = probabilities.double().cpu().transpose(1, 2)  # [R, K, N]
    place = math.ceil(ANCHOR_PERCENTILE * (num_examples - 1))
    limit = table.sort(dim=2).values[:, :, place : place + 1]
    below = table.masked_fill(table >= limit, -1.0)
    anchors = below.argmax(dim=2)  # [R, K]
    rows = table.transpose(1, 2).gather(
        1, anchors.unsqueeze(2).expand(-1, -1, probabilities.shape[2])
    )
    return rows / rows.sum(dim=2, keepdim=True)
