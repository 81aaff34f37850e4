"""PES(semi): progressive early stopping, then MixMatch with the labels that the network predicts.

Bai et al. 2021, arXiv:2106.15853. The later a layer, the sooner it learns wrong labels. So the
whole network is trained for few epochs, and then its last layer anew, with the others fixed, for
fewer. From then on, at the start of each epoch, an example is confident where the network predicts
its label: these are the labelled part, whose classes are weighted by the mean size of a class over
their own, at most 3. The other labels are guessed from two views and sharpened; both parts are
mixed.

Deviations from the official code: the epochs of the last layer count as epochs, and have the
optimizer and learning rate of the trial (there Adam at 0.0001); the parts of one common batch
(`guessed_labels`), there halves where few are confident; examples are judged as they are, there by
two augmented views; the mixing share is of Beta(4, 4) throughout, there of Beta(0.75, 0.75) in the
second half; guesses are made in evaluation mode; the weight of the unlabelled part grows by epochs,
and its default is that of DivideMix: the authors take 5 to 150 by data and noise.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from tune_noise.methods.guessed_labels import GuessedLabels, mean_of_views
from tune_noise.methods.losses import cross_entropy
from tune_noise.methods.protocol import Batch, Outcome, TrainingFacts

MAX_CLASS_WEIGHT = 3.0


class ProgressiveStopping(GuessedLabels):
    """One network, which is trained in parts before it guesses labels."""

    def __init__(
        self,
        facts: TrainingFacts,
        *,
        warm_up_epochs: Sequence[int],
        last_layer_epochs: Sequence[int],
        view_strength: Sequence[float],
        unlabelled_weight: Sequence[float],
    ) -> None:
        """Take every example as confident at first."""
        first = list(warm_up_epochs)
        ready = [a + b for a, b in zip(first, last_layer_epochs, strict=True)]
        super().__init__(
            facts,
            warm_up_epochs=ready,
            view_strength=view_strength,
            unlabelled_weight=unlabelled_weight,
        )
        self.last_layer_epochs = [range(a, b) for a, b in zip(first, ready, strict=True)]
        self._noisy_labels, self._num_classes = facts.noisy_labels, facts.num_classes
        shape = (facts.num_replicates, facts.num_networks, facts.num_examples)
        # Made from the network at the start of each epoch, so it is no state.
        self._confident = torch.ones(shape, dtype=torch.bool, device=facts.device)

    def start_epoch(self, epoch: int, predict: Callable[[], Tensor]) -> None:
        """Find where the networks predict the labels, in the replicates that are ready."""
        if not self.is_ready(epoch).any():
            return
        predicts = predict().argmax(dim=3) == self._noisy_labels[:, None]
        self._confident = predicts | ~self.is_ready(epoch)[..., None]

    def __call__(self, batch: Batch) -> Outcome:
        """Return the losses; kept is the confident part."""
        networks = batch.logits.shape[1]
        places = batch.indices[:, None].expand(-1, networks, -1)
        confident = self._confident.gather(2, places)
        predicted = batch.logits if batch.guesses is None else batch.guesses
        cross_entropies = cross_entropy(predicted, batch.noisy_labels)
        losses = cross_entropy(batch.logits, batch.noisy_labels).mean(dim=2)
        if batch.guesses is not None:
            guesses = mean_of_views(batch)
            examples = guesses.shape[2]
            labels = F.one_hot(batch.noisy_labels[:, None, :examples], self._num_classes)
            given = torch.where(confident[:, :, :examples, None], labels.to(guesses.dtype), guesses)
            targets = self.mixed_targets(given, batch)
            weights = self._class_weights().to(targets.dtype)
            matched = self.losses(batch, targets, confident, weights)
            losses = torch.where(self.is_ready(batch.epoch), matched, losses)
        return Outcome(losses, confident, cross_entropies)

    def _class_weights(self) -> Tensor:
        """Return the weights of the confident examples' classes, float64 [R, P, 1, K]."""
        labels = F.one_hot(self._noisy_labels, self._num_classes)[:, None]
        sizes = (labels * self._confident[..., None]).sum(dim=2, keepdim=True).double()
        present = sizes > 0
        mean = sizes.sum(dim=3, keepdim=True) / present.sum(dim=3, keepdim=True).clamp(min=1)
        return (mean / sizes.clamp(min=1)).clamp(max=MAX_CLASS_WEIGHT).where(present, 0.0)
