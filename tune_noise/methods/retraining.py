"""Two trainings: the first one finds wrong labels, the second one starts afresh without them.

`prune` and `relabel`, confident learning (Northcutt et al. 2021, arXiv:1911.00068): the training
examples are split into as many folds as there are networks; in the first training each network
learns all folds but one, and predicts that one. `label_issues` names wrong labels by these
predictions. `prune` drops them, `relabel` replaces them by the predicted class, as many do with
cleanlab; then all networks start afresh and learn all folds. Deviations: two folds by default, not
four or five, as a network is trained for each; it is not trained to its end, but for first_epochs;
and the second training has several networks, each of which counts.

`aum_prune`, the area under the margin (Pleiss et al. 2020, arXiv:2001.10528): in the first training
of one network, the mean over its epochs of the margin z_y - max_k z_k, k other than y, before each
update. The share tau of the examples with the smallest areas is dropped. Deviation: the paper gives
some examples a label of an additional class, and drops what looks as bad as 99 % of them. A network
here has no output for such a class, so tau says how many are dropped; search it.

Both trainings are part of the trial's epochs, and only an epoch of the second is selected. The
schedule of the learning rate goes on; the optimiser starts afresh.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tune_noise.methods.losses import cross_entropy, mean_of_kept, of_labels, outcome_of_kept
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts
from tune_noise.methods.selection import num_kept, small_loss_selection
from tune_noise.methods.values import checked_state
from tune_noise.seeding import generator


class Prune:
    """Learns the other folds, then all examples that no other network takes for wrong."""

    def __init__(self, facts: TrainingFacts, *, first_epochs: int) -> None:
        self._first_epochs = first_epochs
        self._noisy_labels = facts.noisy_labels
        folds = [
            generator(seed, "folds").permutation(facts.num_examples) % facts.num_networks
            for seed in facts.seeds
        ]
        self._folds = torch.from_numpy(np.stack(folds)).to(facts.device)
        networks = torch.arange(facts.num_networks, device=facts.device).view(1, -1, 1)
        self._kept = self._folds.unsqueeze(1) != networks
        self._targets = facts.noisy_labels.clone()

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Look for wrong labels at the end of the first training."""
        if epoch != self._first_epochs:
            return
        logits = predict()
        places = self._folds[:, None, :, None].expand(-1, 1, -1, logits.shape[3])
        probabilities = logits.gather(1, places).squeeze(1).double().softmax(dim=2)
        issues = [
            label_issues(p, y)
            for p, y in zip(
                probabilities.cpu().numpy(), self._noisy_labels.cpu().numpy(), strict=True
            )
        ]
        wrong = torch.from_numpy(np.stack(issues)).to(self._kept.device)
        self._treat(wrong, probabilities.argmax(dim=2))

    def _treat(self, issues: Tensor, predicted: Tensor) -> None:
        """Drop the labels that seem wrong; both are [R, N]."""
        self._kept = (~issues).unsqueeze(1).expand_as(self._kept).clone()

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over what is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        kept = self._kept.gather(2, batch.indices.unsqueeze(1).expand_as(losses))
        learnt = cross_entropy(batch.logits, self._targets.gather(1, batch.indices))
        return Outcome(mean_of_kept(learnt, kept), kept, losses)

    def state(self) -> dict[str, Tensor]:
        """Return what each network learns, and as which class."""
        return {"kept": self._kept, "targets": self._targets}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        loaded = checked_state(tensors, self.state())
        self._kept, self._targets = loaded["kept"], loaded["targets"]


class Relabel(Prune):
    """As `Prune`, with the predicted class in place of a label that seems wrong."""

    def _treat(self, issues: Tensor, predicted: Tensor) -> None:
        self._kept = torch.ones_like(self._kept)
        self._targets = torch.where(issues, predicted, self._noisy_labels)


class MarginPrune:
    """Adds up margins in the first training; the second one leaves out the smallest."""

    def __init__(self, facts: TrainingFacts, *, tau: list[float], first_epochs: int) -> None:
        self._tau, self._first_epochs = tau, first_epochs
        shape = (facts.num_replicates, facts.num_networks, facts.num_examples)
        self._sums = torch.zeros(shape, device=facts.device)
        self._counts = torch.zeros(shape, device=facts.device)
        self._kept = torch.ones(shape, dtype=torch.bool, device=facts.device)

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Drop the smallest areas at the end of the first training."""
        if epoch == self._first_epochs:
            areas = self._sums / self._counts.clamp(min=1.0)
            numbers = [num_kept(areas.shape[2], tau) for tau in self._tau]
            self._kept = small_loss_selection(-areas, numbers)

    def __call__(self, batch: Batch) -> Outcome:
        """Return the mean over what is kept."""
        losses = cross_entropy(batch.logits, batch.noisy_labels)
        places = batch.indices.unsqueeze(1).expand_as(losses)
        if batch.epoch < self._first_epochs:
            margins = label_margins(batch.logits.detach(), batch.noisy_labels)
            self._sums.scatter_add_(2, places, margins.to(self._sums.dtype))
            self._counts.scatter_add_(2, places, torch.ones_like(margins, dtype=torch.float32))
        return outcome_of_kept(losses, self._kept.gather(2, places))

    def state(self) -> dict[str, Tensor]:
        """Return the margins so far, and what is kept."""
        return {"sums": self._sums, "counts": self._counts, "kept": self._kept}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        loaded = checked_state(tensors, self.state())
        self._sums, self._counts, self._kept = (loaded[n] for n in ("sums", "counts", "kept"))


def label_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Return z_y - max_k z_k, k other than y, of each example; float [R, P, batch]."""
    index = labels[:, None, :, None].expand(*logits.shape[:3], 1)
    others = logits.scatter(3, index, float("-inf"))
    return of_labels(logits, labels) - others.amax(dim=3)


def label_issues(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which labels are wrong, by the confident joint; prune by noise rate.

    An example counts as of the likeliest class among those whose probability reaches its own mean
    over the examples with that label. These counts, scaled to the frequencies of the labels,
    estimate how many labels i should be j; as many examples of largest p_j - p_i are taken. A label
    that is itself the prediction is never taken.

    Args:
        probabilities: P(class | input) by networks that did not learn it, float64 [N, K].
        labels: int64 [N].

    Returns:
        bool [N].
    """
    num_examples, num_classes = probabilities.shape
    counts = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(labels, probabilities[np.arange(num_examples), labels], num_classes)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reaching = np.where(probabilities >= thresholds, probabilities, -np.inf)
    sure = np.isfinite(reaching).any(axis=1)
    joint = np.zeros((num_classes, num_classes))
    np.add.at(joint, (labels[sure], reaching[sure].argmax(axis=1)), 1.0)
    expected = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1.0) * counts[:, None]
    predicted = probabilities.argmax(axis=1)
    issues = np.zeros(num_examples, dtype=bool)
    for given, other in zip(*np.nonzero(expected), strict=True):
        if given != other:
            examples = np.flatnonzero(labels == given)
            margins = probabilities[examples, other] - probabilities[examples, given]
            order = np.argsort(-margins, kind="stable")
            issues[examples[order[: round(expected[given, other])]]] = True
    issues &= predicted != labels
    return issues
