"""UNICON: the clean part has as many examples of each class; the other labels are guessed.

Karim et al. 2022, arXiv:2203.14542, without its contrastive loss, which needs a second head of the
network. After a warm-up, at the start of each epoch, d is the Jensen-Shannon divergence, in [0, 1],
of the mean prediction of both networks from the label. The share of examples whose d is below its
mean, which is lowered by (mean - least) / 5 where it is above 0.7, says how many are clean, and of
each label the same number with the least d is taken. Labels are refined with the weight 1 - d, or 1
where d is below 1/2, others are guessed, and both are learnt as in `divide_mix`, from strong views.

Deviations from the official code: those of `divide_mix`; both networks learn from one division,
there the second from one that follows the first's epoch; the divergence is in bits, as the paper's
range of it, and in the code in nats, which never reach 0.7.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from tune_noise.methods.divide_mix import CoGuessing
from tune_noise.methods.protocol import Batch, TrainingFacts

HIGH_DIVERGENCE = 0.7
FILTER = 5.0
LEAST_REFINED = 0.5


class UniformDivision:
    """The same number of examples of each label, those that both networks agree with most.

    Args:
        facts: of the stack.
        warm_up_epochs: of each replicate; until they are over, every label counts as clean.
    """

    def __init__(self, facts: TrainingFacts, warm_up_epochs: Sequence[int]) -> None:
        self._warm_up_epochs, self._networks = warm_up_epochs, facts.num_networks
        self._noisy_labels, self._num_classes = facts.noisy_labels, facts.num_classes
        shape, device = facts.noisy_labels.shape, facts.device
        # Made from the networks at the start of each epoch, so they are no state.
        self._weights = torch.ones(shape, dtype=torch.float64, device=device)
        self._clean = torch.ones(shape, dtype=torch.bool, device=device)

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Divide all training examples, in the replicates whose warm-up is over."""
        ready = [r for r, epochs in enumerate(self._warm_up_epochs) if epochs <= epoch]
        if not ready:
            return
        probabilities = predict()[ready].double().softmax(dim=3).mean(dim=1)
        for r, of_replicate in zip(ready, probabilities, strict=True):
            labels = self._noisy_labels[r]
            distances = divergences(of_replicate, labels)
            self._weights[r] = 1.0 - distances.where(distances >= LEAST_REFINED, 0.0)
            self._clean[r] = uniform_part(distances, labels, self._num_classes)

    def of_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the weight of each label in its target, and whether it is clean, [R, P, batch]."""
        weights, clean = (
            kept.gather(1, batch.indices).unsqueeze(1).expand(-1, self._networks, -1)
            for kept in (self._weights, self._clean)
        )
        return weights, clean


def divergences(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of predictions from labels, in bits, float [N].

    Args:
        probabilities: float [N, K].
        labels: int64 [N].
    """
    targets = F.one_hot(labels, probabilities.shape[1]).to(probabilities.dtype)
    middle = (probabilities + targets) / 2.0
    halves = (torch.special.entr(x).sum(dim=1) for x in (probabilities, targets))
    entropy: Tensor = torch.special.entr(middle).sum(dim=1) - sum(halves) / 2.0
    return entropy / torch.log(torch.tensor(2.0))


def uniform_part(distances: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Return which examples are clean, bool [N]: of each label those with the least distance.

    Args:
        distances: float [N].
        labels: int64 [N].
        num_classes: K.
    """
    limit = distances.mean()
    if limit > HIGH_DIVERGENCE:
        limit = limit - (limit - distances.min()) / FILTER
    number = int((distances < limit).sum()) // num_classes
    clean = torch.zeros_like(labels, dtype=torch.bool)
    for label in range(num_classes):
        [of_label] = (labels == label).nonzero(as_tuple=True)
        clean[of_label[distances[of_label].argsort(stable=True)[:number]]] = True
    return clean


class Unicon(CoGuessing):
    """The networks' mean prediction divides the examples of both."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        warm_up_epochs: Sequence[int],
        view_strength: Sequence[float],
        unlabelled_weight: Sequence[float],
        confidence_penalty: Sequence[float],
    ) -> None:
        """Take every label as clean at first."""
        super().__init__(
            facts,
            UniformDivision(facts, warm_up_epochs),
            warm_up_epochs=warm_up_epochs,
            view_strength=view_strength,
            unlabelled_weight=unlabelled_weight,
            confidence_penalty=confidence_penalty,
        )
