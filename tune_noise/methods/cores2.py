"""CORES2: a confidence regulariser, and a sieve of the examples that it leaves improbable.

Cheng et al. 2021, arXiv:2010.02347, its first phase:

    loss:  CE_y - beta sum_k pi_k CE_k, which rewards a network that is sure, whatever it says,
    sieve: an example is learnt only while CE_y <= mean_k CE_k.

pi is the distribution of the noisy labels among what the sieve let through in the epoch before; at
first, that of the training set. beta is 0 in the warm-up and then grows to cores_beta over
ramp_epochs; the sieve works once two thirds of the ramp are over. The defaults are the authors'
schedule for 100 epochs: 0 for 10, growing to 2 over 30, the sieve from epoch 31. With fewer epochs
lower both.

As in the official code, CE_k in the regulariser is -log(p_k + 1e-8), without which the loss would
have no lower bound, and the rate of learning is divided by 1 + beta (here the loss is, which is the
same for SGD). Deviation: the second phase, consistency training on what was dropped, is left out.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tune_noise.methods.losses import cross_entropy, log_softmax, mean_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import checked_state, column

LEAST_PROBABILITY = 1e-8
# Share of the ramp after which the sieve begins.
SIEVE_BEGINS = 2 / 3


class ConfidenceRegularised:
    """Remembers how often each label was kept, which an epoch's prior is made from."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        cores_beta: Sequence[float],
        warm_up_epochs: Sequence[int],
        ramp_epochs: Sequence[int],
    ) -> None:
        self._schedules = list(zip(cores_beta, warm_up_epochs, ramp_epochs, strict=True))
        self._device = facts.device
        counts = torch.stack(
            [row.bincount(minlength=facts.num_classes) for row in facts.noisy_labels]
        )
        # float [R, P, K]; a prior needs no more than float32.
        self._counts = counts.float().unsqueeze(1).repeat(1, facts.num_networks, 1)
        self._set_prior()

    def _set_prior(self) -> None:
        self._prior = self._counts / self._counts.sum(dim=2, keepdim=True).clamp(min=1.0)

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Take the prior from what was kept in the epoch before."""
        self._set_prior()
        self._counts = torch.zeros_like(self._counts)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over what the sieve lets through."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        of_classes = -(log_softmax(batch.logits).exp() + LEAST_PROBABILITY).log()
        progress = [(batch.epoch - begin) / ramp for _, begin, ramp in self._schedules]
        betas = [
            beta * min(max(share, 0.0), 1.0)
            for (beta, _, _), share in zip(self._schedules, progress, strict=True)
        ]
        beta = column(betas, self._device).to(losses.dtype)
        sieves = column([share > SIEVE_BEGINS for share in progress], self._device) > 0
        kept = (losses <= of_classes.mean(dim=3)).logical_or(~sieves)
        self._count(batch.noisy_labels, kept)
        expected = (self._prior.to(losses.dtype).unsqueeze(2) * of_classes).sum(dim=3)
        learnt = mean_of_kept((losses - beta * expected) / (1.0 + beta), kept)
        return Outcome(learnt, kept, losses)

    def _count(self, labels: Tensor, kept: Tensor) -> None:
        index = labels.unsqueeze(1).expand_as(kept)
        self._counts.scatter_add_(2, index, kept.to(self._counts.dtype))

    def state(self) -> dict[str, Tensor]:
        """Return how often each label was kept in the last epoch."""
        return {"counts": self._counts}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over counts of the same shape."""
        self._counts = checked_state(tensors, self.state())["counts"]
