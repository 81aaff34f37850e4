"""Decoupling "when to update" from "how to update": learn only where two networks disagree.

Malach and Shalev-Shwartz 2017, arXiv:1706.02613, Algorithm 1, with the mean cross-entropy over the
disagreeing examples of a batch as the update rule.

Deviations: the official code divides by a tenth of the batch size where fewer disagree; here it is
their plain mean. A batch without disagreement has a zero gradient, while the paper makes no update:
momentum and Adam still move by what they remember, as one step serves all replicates of a stack.
"""

from tune_noise.methods.co_teaching_plus import disagreement
from tune_noise.methods.losses import cross_entropy, outcome_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts


class Decoupling:
    """Two networks, each trained by its own loss on the examples that they tell apart."""

    def __init__(self, facts: TrainingFacts) -> None:
        """Decoupling has no hyper-parameters."""

    def __call__(self, batch: Batch) -> Outcome:
        """Keep for both networks the examples on which their predictions differ."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        kept = disagreement(batch.logits).unsqueeze(1).expand_as(losses)
        return outcome_of_kept(losses, kept)
