"""Bootstrapping: part of the target is what the network itself predicts.

Reed et al. 2014, "Training Deep Neural Networks on Noisy Labels with Bootstrapping",
arXiv:1412.6596, with the paper's weights of the noisy label, 0.95 (soft) and 0.8 (hard):

    soft: -sum_k (beta t_k + (1 - beta) q_k) log q_k, differentiated through both q: the paper
          shows it to be cross-entropy with a minimum-entropy regulariser,
    hard: the same with the predicted class, one-hot, in place of the first q, without a gradient.

Deviation: none known; some re-implementations hold the soft target constant, which is another loss.
"""

from collections.abc import Sequence

from torch import Tensor

from tune_noise.methods.losses import all_kept, cross_entropy, log_softmax
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import column


class BootstrapSoft:
    """Noisy label and predicted probabilities make the target."""

    def __init__(self, facts: TrainingFacts, *, bootstrap_beta: Sequence[float]) -> None:
        self._beta = column(bootstrap_beta, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        log_probabilities = log_softmax(batch.logits)
        entropy = -(log_probabilities.exp() * log_probabilities).sum(dim=3)
        return _bootstrapped(batch, self._beta, entropy)


class BootstrapHard:
    """Noisy label and predicted class make the target."""

    def __init__(self, facts: TrainingFacts, *, bootstrap_beta: Sequence[float]) -> None:
        self._beta = column(bootstrap_beta, facts.device)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over the batch; everything is kept."""
        # The likeliest class is the one of which the log-probability is largest.
        prediction_losses = -log_softmax(batch.logits).amax(dim=3)
        return _bootstrapped(batch, self._beta, prediction_losses)


def _bootstrapped(batch: Batch, betas: Tensor, prediction_losses: Tensor) -> Outcome:
    losses = cross_entropy(batch.logits, batch.noisy_labels)
    beta = betas.to(losses.dtype)
    return all_kept(beta * losses + (1.0 - beta) * prediction_losses, losses)
