"""The objective for several annotators: what predicted classes tell about each one's answers.

Annotators err in their own ways, so each has a transition matrix of their own. The objective is the
information that the predicted class has about an answer when one knows whose answer it is,

    I(class; answer | annotator) = H(answer | annotator) - H(answer | class, annotator),

estimated by the mean over all answers of log That_w[class, answer] - log qhat_w[answer]. For
answers that depend on annotator and true class alone, predicting the true class maximises the
information about every annotator at once, so it maximises the mean, whatever their matrices.

All counts are of other items: the answers of one item are left out together, as one prediction is
judged by all of them. A row of That_w has few answers, often none, so it is drawn towards the same
row of all other annotators, who count for few answers, s:

    That_w[k, j] = (n_w[k, j] + s * share_k[j]) / (n_w[k] + s),
    share_k[j] = (m[k, j] + 0.5) / (m[k] + K / 2),    s = min(max(10, K), m[k] + K / 2)

with n the counts of this annotator and m those of the others. With a single annotator it is the
table of `information`. qhat_w is the same estimate as if all items were predicted to be of one
class, or, where that foretells answers better, one distribution for all annotators. It does not
depend on predictions: it decides what is 0, a prediction that says nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tune_noise.metrics.information import PSEUDO_COUNT, Floats, Information, Labels

# How many answers the other annotators count for.
FROM_OTHERS = 10.0
# Items are deleted by groups: one by one would cost N times the estimate.
GROUPS = 20
# Above it, cells are numbered by what occurs, so that a table does not fill the memory.
MAX_CELLS = 1_000_000


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers that a split has, one after another.

    Attributes:
        items: int64 [A], position of the item in the split.
        annotators: int64 [A]; each answers an item once.
        labels: int64 [A], in [0, K).
        num_classes: K.
    """

    items: Labels
    annotators: Labels
    labels: Labels
    num_classes: int

    @classmethod
    def of(cls, table: Labels, num_classes: int) -> "Answers":
        """Return the answers in a table of items by annotators, int64 [N, W], -1 for none."""
        items, annotators = np.nonzero(table >= 0)
        return cls(items, annotators, table[items, annotators], num_classes)

    def of_items(self, items: Labels) -> "Answers":
        """Return the answers to some items, int64, which are numbered by their position there."""
        place = np.full(max(self.items.max(initial=0), items.max(initial=0)) + 1, -1)
        place[items] = np.arange(len(items))
        kept = np.flatnonzero(place[self.items] >= 0)
        return Answers(
            place[self.items[kept]], self.annotators[kept], self.labels[kept], self.num_classes
        )

    @cached_property
    def without_a_group(self) -> list["Answers"]:
        """The answers without each of GROUPS groups of items."""
        items, number_of = np.unique(self.items, return_inverse=True)
        # Interleaved, so that each group has its part of whatever the items are ordered by.
        group_of = number_of % GROUPS
        kept = [np.flatnonzero(group_of != group) for group in range(min(GROUPS, len(items)))]
        return [
            Answers(self.items[k], self.annotators[k], self.labels[k], self.num_classes)
            for k in kept
        ]

    @cached_property
    def log_likelihood_untold(self) -> float:
        """The mean log qhat_w[answer]."""
        untold = np.zeros_like(self.items)
        one_for_all = self.log_transitions(untold, from_others=np.inf)
        return float(max(self.log_transitions(untold).mean(), one_for_all.mean()))

    def log_transitions(self, classes: Labels, from_others: float = FROM_OTHERS) -> Floats:
        """Return log That_w[class, answer] of each answer, [A].

        Args:
            classes: int64 [A], the predicted class of the item of each answer.
            from_others: how many answers the other annotators count for, at most; or as many as
                there are classes, if that is more.
        """
        items, annotators, labels = self.items, self.annotators, self.labels
        own, own_row = _times(annotators, classes, labels), _times(annotators, classes)
        others = _times(classes, labels) - own - (_times(items, labels) - 1)
        others_row = _times(classes) - own_row - (_times(items) - 1)
        total = others_row + self.num_classes * PSEUDO_COUNT
        strength = np.minimum(max(from_others, self.num_classes), total)
        counts = own - 1 + strength * (others + PSEUDO_COUNT) / total
        return np.asarray(np.log(counts / (own_row - 1 + strength)))


def answers_information(predicted: Labels, answers: Answers) -> Information:
    """Estimate I(predicted class; answer | annotator), in nats for an answer.

    Args:
        predicted: int64 [N], the class of each item.
        answers: of these items, to at least two of them.

    Returns:
        The estimate, and its standard error over new items: a jackknife over groups of items.
    """
    without = [_estimate(predicted, part) for part in answers.without_a_group]
    error = np.sqrt((len(without) - 1) * np.var(without))
    return Information(_estimate(predicted, answers), float(error))


def _estimate(predicted: Labels, answers: Answers) -> float:
    told = answers.log_transitions(predicted[answers.items]).mean()
    return float(told) - answers.log_likelihood_untold


def _times(*columns: Labels) -> Labels:
    """Return how often each row of some columns occurs, int64 [A]."""
    keys = columns[0]
    for column in columns[1:]:
        keys = keys * (column.max() + 1) + column
    if keys.max() > MAX_CELLS:
        keys = np.unique(keys, return_inverse=True)[1]
    return np.asarray(np.bincount(keys)[keys])
