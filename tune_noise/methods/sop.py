"""SOP, sparse over-parameterisation: each example has a correction of its label, learnt beside it.

Liu et al. 2022, arXiv:2202.14026, without the consistency and balance terms (that is SOP+). For
each example, u^2 at its label and v^2 at the other classes say how wrong the label is:

    CE of (p + u^2 onehot(y) - v^2) / its sum,  in which v is held constant
    + |onehot(argmax p) + u^2 onehot(y) - v^2 - onehot(y)|^2,  which moves u and v alone.

Both begin near 0 (normal with standard deviation 1e-8) and grow where the network keeps to another
class than the label; u^2 then explains the label, and the network no longer needs to. They are
updated by plain SGD with rates of their own, as in the official code by the gradient of the batch's
mean. So what one example moves in an epoch is the rate divided by the batch size, and a growth
from 1e-8 takes some ten epochs with the paper's rates at batches of 128: shorter trials need larger
rates, larger batches too. Where clean examples are few, or learnt slowly, u explains their labels
away as well.

As in the official code squares are cut at 1, and probabilities are at least 1e-4. The paper moves u
by the cross-entropy alone; as in the official code, the second term moves it, too. The defaults are
those for CIFAR-10 with symmetric noise; for asymmetric noise the authors use a tenth of sop_lr_u
and ten times sop_lr_v (CIFAR-100).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import checked_state, column
from tune_noise.seeding import generator

FIRST_SCALE = 1e-8
LEAST_PROBABILITY = 1e-4


class OverParameterised:
    """Remembers u and v: 4 * N * (K + 1) bytes per replicate, in every checkpoint."""

    def __init__(
        self, facts: TrainingFacts, *, sop_lr_u: Sequence[float], sop_lr_v: Sequence[float]
    ) -> None:
        self._rates = tuple(
            column(rates, facts.device).unsqueeze(3) for rates in (sop_lr_u, sop_lr_v)
        )
        shape = (facts.num_networks, facts.num_examples, facts.num_classes + 1)
        drawn = [
            generator(seed, "sop").normal(scale=FIRST_SCALE, size=shape) for seed in facts.seeds
        ]
        both = torch.from_numpy(np.stack(drawn)).float().to(facts.device)
        self._u, self._v = both[..., :1].contiguous(), both[..., 1:].contiguous()

    def __call__(self, batch: Batch) -> Outcome:
        """Move u and v of the batch and return the mean over it; everything is kept."""
        probabilities = batch.logits.softmax(dim=3)
        one_hot = torch.zeros_like(probabilities).scatter_(
            3, batch.noisy_labels[:, None, :, None].expand(*probabilities.shape[:3], 1), 1.0
        )
        u, v = (
            memory.gather(2, self._places(batch.indices, memory)).to(probabilities.dtype)
            for memory in (self._u, self._v)
        )
        u.requires_grad_()
        v.requires_grad_()
        added = (u**2 * one_hot).clamp(max=1.0)
        taken = (v**2 * (1.0 - one_hot)).clamp(max=1.0)
        corrected = (probabilities + added - taken.detach()).clamp(min=LEAST_PROBABILITY)
        corrected = (corrected / corrected.sum(dim=3, keepdim=True)).clamp(min=LEAST_PROBABILITY)
        losses = -(corrected * one_hot).sum(dim=3).log() + self._balance(corrected)
        predicted = torch.zeros_like(one_hot).scatter_(
            3, batch.logits.detach().argmax(dim=3, keepdim=True), 1.0
        )
        squares = ((predicted + added - taken - one_hot) ** 2).sum(dim=3)
        # The networks' own step follows, from the same u and v.
        moves = torch.autograd.grad((losses + squares).mean(dim=2).sum(), (u, v), retain_graph=True)
        self._move(batch.indices, (u, v), moves)
        return all_kept(losses, cross_entropy(batch.logits, batch.noisy_labels))

    def _balance(self, corrected: Tensor) -> Tensor:
        """Return what is added to each loss for the corrected predictions of a batch."""
        return corrected.new_zeros(())

    def _move(self, indices: Tensor, values: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        memories = (self._u, self._v)
        for memory, value, gradient, rate in zip(
            memories, values, gradients, self._rates, strict=True
        ):
            moved = value.detach() - rate.to(value.dtype) * gradient
            memory.scatter_(2, self._places(indices, memory), moved.to(memory.dtype))

    @staticmethod
    def _places(indices: Tensor, memory: Tensor) -> Tensor:
        return indices[:, None, :, None].expand(-1, memory.shape[1], -1, memory.shape[3])

    def state(self) -> dict[str, Tensor]:
        """Return u and v."""
        return {"u": self._u, "v": self._v}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over u and v of the same shapes."""
        loaded = checked_state(tensors, self.state())
        self._u, self._v = loaded["u"], loaded["v"]
