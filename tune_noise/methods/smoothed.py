"""Label smoothing, and Rolnick's infinite batch, which is the same in other words.

Label smoothing (Szegedy et al. 2016, arXiv:1512.00567) learns (1 - e) onehot(y) + e / K. Here e is
spread over all K classes, y included, as in the paper.

Rolnick et al. 2017, arXiv:1705.10694, replace alpha uniform labels per given one by their
expectation, as a batch of infinite size would: H_alpha = -log p_y - (alpha / K) sum_k log p_k.
That is (1 + alpha) times label smoothing with e = alpha / (1 + alpha). Here it is divided by
1 + alpha, so that its scale, and with it the learning rate, is that of a mean over 1 + alpha
labels. So `infinite_batch` on labels without noise shows what dilution by h_alpha would do to an
ideal batch, at the cost of one label per image.
"""

from collections.abc import Sequence

from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy, log_softmax
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import column


class LabelSmoothing:
    """A share of every label is spread evenly over all classes."""

    def __init__(self, facts: TrainingFacts, *, smoothing: Sequence[float]) -> None:
        self._share = column(smoothing, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        return _smoothed(batch, self._share)


class InfiniteBatch:
    """The expectation over h_alpha uniform labels beside each given one, per label."""

    def __init__(self, facts: TrainingFacts, *, h_alpha: Sequence[float]) -> None:
        shares = [alpha / (1.0 + alpha) for alpha in h_alpha]
        self._share = column(shares, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        return _smoothed(batch, self._share)


def _smoothed(batch: Batch, shares: Tensor) -> Outcome:
    losses = cross_entropy(batch.logits, batch.noisy_labels)
    uniform = -log_softmax(batch.logits).mean(dim=3)
    share = shares.to(losses.dtype)
    return all_kept((1.0 - share) * losses + share * uniform, losses)
