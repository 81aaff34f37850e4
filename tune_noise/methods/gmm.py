"""GMM: a mixture of two Gaussians tells clean from wrong labels by their losses.

This is the selection of DivideMix (Li et al. 2020, arXiv:2002.07394, co-divide) without its
semi-supervised half: at the start of each epoch after the warm-up, two Gaussians are fitted to
each network's losses on all training examples, scaled to [0, 1]; an example is kept where the
component of smaller mean has at least the probability gmm_threshold, and each network learns from
what the other one's mixture keeps. Dropped examples teach nothing: no MixMatch, no refined labels,
and no confidence penalty during the warm-up.

The mixture is scikit-learn's with the official settings. Deviation: it starts from the best
division of the losses in two groups instead of from k-means on random centres, which looks for the
same; so it needs no seed.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tune_noise.methods.losses import cross_entropy, outcome_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.values import column

# The official code's: added to both variances.
COVARIANCE_FLOOR = 5e-4


class CoDivision:
    """Two networks, each of which estimates for the other which labels are clean, once per epoch.

    Args:
        facts: of the stack.
        warm_up_epochs: of each replicate; until they are over, every label counts as clean.
        thresholds: of each replicate, the least probability of a label that is kept.
    """

    def __init__(
        self, facts: TrainingFacts, warm_up_epochs: Sequence[int], thresholds: Sequence[float]
    ) -> None:
        self._warm_up_epochs = warm_up_epochs
        self._thresholds = column(thresholds, facts.device)
        self._noisy_labels = facts.noisy_labels
        shape = (facts.num_replicates, facts.num_networks, facts.num_examples)
        # Made from the networks at the start of each epoch, so it is no state.
        self._clean = torch.ones(shape, dtype=torch.float64, device=facts.device)

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Estimate for all training examples, in the replicates whose warm-up is over."""
        ready = [r for r, epochs in enumerate(self._warm_up_epochs) if epochs <= epoch]
        if not ready:
            return
        losses = cross_entropy(predict()[ready], self._noisy_labels[ready]).cpu().numpy()
        for r, pair in zip(ready, losses, strict=True):
            for network in (0, 1):
                clean = clean_probabilities(pair[1 - network].astype(np.float64))
                self._clean[r, network] = torch.from_numpy(clean).to(self._clean.device)

    def of_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return what the other network's mixture says of a batch.

        Returns:
            The probabilities that the labels are clean, float64 [R, P, batch], and whether they
            are kept, bool [R, P, batch].
        """
        networks = self._clean.shape[1]
        clean = self._clean.gather(2, batch.indices.unsqueeze(1).expand(-1, networks, -1))
        return clean, clean >= self._thresholds


class GaussianMixtureSelection:
    """Each of two networks learns from the labels that the other one's mixture keeps."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        warm_up_epochs: Sequence[int],
        gmm_threshold: Sequence[float],
    ) -> None:
        """Keep every example at first."""
        self._division = CoDivision(facts, warm_up_epochs, gmm_threshold)

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """See `CoDivision`."""
        self._division.start_epoch(epoch, predict)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over what the other network's mixture keeps of the batch."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        _, kept = self._division.of_batch(batch)
        return outcome_of_kept(losses, kept)


def clean_probabilities(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each example to belong to the component of smaller losses.

    Args:
        losses: float64 [N].

    Returns:
        float64 [N] in [0, 1]; all 1 where losses are all alike or not all finite, which tells
        nothing.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    width = np.ptp(losses)
    if not np.isfinite(width) or width == 0.0:
        return np.ones_like(losses)
    scaled = ((losses - losses.min()) / width)[:, None]
    halves = two_groups(scaled)
    mixture = GaussianMixture(
        n_components=2,
        max_iter=10,
        tol=1e-2,
        reg_covar=COVARIANCE_FLOOR,
        weights_init=[len(half) / len(scaled) for half in halves],
        means_init=[[half.mean()] for half in halves],
        precisions_init=[[[1.0 / (half.var() + COVARIANCE_FLOOR)]] for half in halves],
    )
    with warnings.catch_warnings():
        # Ten iterations are the official code's, converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(scaled)
    probabilities = mixture.predict_proba(scaled)[:, mixture.means_.argmin()]
    return np.asarray(probabilities, dtype=np.float64)


def two_groups(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the small and the large values, divided so that both vary least, as k-means would.

    Args:
        values: float64 [N, 1], not all alike.
    """
    ordered = np.sort(values[:, 0])
    sums, sizes = np.cumsum(ordered)[:-1], np.arange(1, len(ordered))
    # What varies within both groups is least where the squares of their sums are largest.
    between = sums**2 / sizes + (ordered.sum() - sums) ** 2 / (len(ordered) - sizes)
    is_small = values[:, 0] <= ordered[between.argmax()]
    return [values[is_small], values[~is_small]]
