"""ELR+: early-learning regularisation with two networks, mean teachers and mixup.

Liu et al. 2020, arXiv:2007.00151, section 4.3. Each network has a target t for each example, which
follows the other network with averaged weights, w, on the input before it is mixed:

    t <- beta t + (1 - beta) w,   t = 0 at first
    CE(l y + (1 - l) y') + lambda log(1 - <q, p>),   q = l t + (1 - l) t'

where ' is the partner in a mixture, l >= 1/2 its larger share, and p what the network predicts of
the mixture, clipped to [1e-4, 1 - 1e-4] as in the official code.

Unlike there, both networks see the same mixtures of the same batches; weights are averaged as
`WeightAverage` does (in the code for CIFAR-10 the decay rises to 0.997 over 40,000 steps); and the
averaged networks predict in evaluation mode, by averaged statistics of batch normalisation (there
in training mode). The regulariser has its whole weight at once, as there for CIFAR-10. What is
evaluated are the networks themselves, as there, unless `weight_average` says otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace

from tune_noise.methods.elr import CLIP, EarlyLearning
from tune_noise.methods.losses import all_kept
from tune_noise.methods.mixup import Mixup
from tune_noise.methods.protocol import Batch, Mixing, Outcome, TrainingFacts


class EarlyLearningPlus(EarlyLearning):
    """Remembers targets like `EarlyLearning`, 8 * N * K bytes per replicate."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        elr_lambda: Sequence[float],
        elr_beta: Sequence[float],
        mixup_alpha: Sequence[float],
        teacher_decay: Sequence[float],
    ) -> None:
        super().__init__(facts, elr_lambda=elr_lambda, elr_beta=elr_beta)
        self._mixup = Mixup(facts, mixup_alpha=mixup_alpha)
        self.teacher_decays = teacher_decay

    def mixing(self, epoch: int, batch_number: int, batch_size: int) -> Mixing:
        """Draw as mixup does; each image has the larger share of its own mixture."""
        drawn = self._mixup.mixing(epoch, batch_number, batch_size)
        return replace(drawn, shares=drawn.shares.max(1.0 - drawn.shares))

    def __call__(self, batch: Batch) -> Outcome:
        """Update the targets of the batch and return the mean over it; everything is kept.

        Raises:
            ValueError: the batch was not mixed, or nothing was averaged.
        """
        if batch.mixing is None or batch.averaged_logits is None:
            raise ValueError("elr_plus needs a mixed batch and averaged networks")
        # Each network follows the other one.
        taught = batch.averaged_logits.flip(1).softmax(dim=3)
        targets = self._updated(batch.indices, taught.to(batch.logits.dtype))
        partners = batch.mixing.partners[:, None, :, None].expand_as(targets)
        share = batch.mixing.shares.to(targets.dtype).view(-1, 1, 1, 1)
        mixed = share * targets + (1.0 - share) * targets.gather(2, partners)
        probabilities = batch.logits.softmax(dim=3).clamp(CLIP, 1.0 - CLIP)
        regulariser = (1.0 - (mixed * probabilities).sum(dim=3)).log()
        losses = self._mixup(batch).cross_entropies
        return all_kept(losses + self._lambda.to(losses.dtype) * regulariser, losses)
