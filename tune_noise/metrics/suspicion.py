"""How suspicious a label is: the probability that it is wrong, given image and label.

By Bayes, for noise that depends on the true class alone, P(true class k | image, label j) is
proportional to P(k | image) T[k, j]. Networks that did not learn an example give the first factor
(`sharpened`), the labels of the images they are sure of the second (`estimated_transition`). So a
flip that the noise does not make is no reason to suspect a label: under pair flips a 3 that looks
like an 8 is not suspicious, one that looks like a 2 is. Where all flips are equally likely the
ranking is that of 1 - P(label | image), which cleanlab calls self-confidence (Northcutt et al.
2021, arXiv:1911.00068).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import rankdata

from tune_noise.metrics.information import Floats, Labels
from tune_noise.metrics.unmixing import confident_transition

# The most confident quarter of each class, which shows the zeros of T better than half of it does:
# at pair 45 % on MNIST an average precision of 0.96 against 0.95. A tenth gains little more, and
# has few labels where the data set is small.
CONFIDENT_SHARE = 0.25
# Of a prior, in labels; the largest leaves nothing to the rows themselves.
STRENGTHS = tuple(float(s) for s in 10.0 ** np.arange(-1.0, 6.01, 0.25))
# Of probabilities; 1 leaves them as they are.
EXPONENTS = tuple(float(e) for e in 2.0 ** np.arange(-1.0, 3.01, 0.25))
# Probabilities that are worked on at once.
_BLOCK = 10_000_000
# A label is called wrong where that is likelier than that it is right.
THRESHOLD = 0.5


@dataclass(frozen=True)
class Suspicion:
    """What is known of each of N labelled examples.

    Attributes:
        log_odds: float64 [N], log of P(label wrong) / P(label right); it ranks, also where the
            probability is 1 to all digits.
    """

    log_odds: Floats

    @property
    def probabilities(self) -> Floats:
        """P(label wrong | image, label), float64 [N] in [0, 1]."""
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * self.log_odds)))

    @property
    def order(self) -> Labels:
        """Positions of the examples, most suspicious first, the earlier of equals first."""
        return np.argsort(-self.log_odds, kind="stable")


def estimated_transition(probabilities: Floats, noisy_labels: Labels) -> Floats:
    """Estimate T, float64 [K, K]; no entry is 0, because few labels do not show all that happens.

    The counts of the confident images (`confident_transition`) are shrunk by empirical Bayes: rows
    to a common share of right labels, wrong labels to equal shares, each as far as the counts of
    all rows make likely. So few labels of symmetric noise give a symmetric T, and pair flips stay.

    Args:
        probabilities: float64 [N, K], of networks that did not learn the example.
        noisy_labels: int64 [N, copies].
    """
    num_classes = probabilities.shape[1]
    matrix, images = confident_transition(
        probabilities, noisy_labels, num_classes, share=CONFIDENT_SHARE
    )
    counts = matrix * (images * noisy_labels.shape[1])[:, None]
    diagonal = np.diag(counts)
    others = counts[~np.eye(num_classes, dtype=bool)].reshape(num_classes, num_classes - 1)
    total = others.sum(axis=1)
    right = (diagonal.sum() + 0.5) / (counts.sum() + 1.0)
    rates = shrunk(np.column_stack([diagonal, total]), np.array([right, 1.0 - right]))
    shares = shrunk(others, np.full(num_classes - 1, 1.0 / (num_classes - 1)))
    transition = np.diag(rates[:, 0])
    transition[~np.eye(num_classes, dtype=bool)] = (rates[:, 1:] * shares).reshape(-1)
    return transition


def shrunk(counts: Floats, centre: Floats) -> Floats:
    """Return the shares behind each row of counts, drawn towards a centre common to all rows.

    The posterior means under a Dirichlet prior with this mean; its strength, a number of counts,
    is the one of STRENGTHS that makes all rows together likeliest.

    Args:
        counts: float64 [rows, C], not negative.
        centre: float64 [C], positive, sum 1.

    Returns:
        float64 [rows, C], positive, rows sum to 1.

    Example:
        >>> shrunk(np.array([[5.0, 0.0], [0.0, 5.0]]), np.array([0.5, 0.5])).round(2).tolist()
        [[0.99, 0.01], [0.01, 0.99]]
    """
    totals = counts.sum(axis=1, keepdims=True)
    # Where nothing was counted a prior changes nothing, and of many classes that is nearly all.
    cells = np.nonzero(counts)

    def log_likelihood(strength: float) -> float:
        prior = strength * centre[cells[1]]
        seen = gammaln(counts[cells] + prior) - gammaln(prior)
        return float(seen.sum() - (gammaln(totals + strength) - gammaln(strength)).sum())

    strength = max(STRENGTHS, key=log_likelihood)
    return np.asarray((counts + strength * centre) / (totals + strength))


def sharpened(probabilities: Floats, noisy_labels: Labels, transition: Floats) -> Floats:
    """Return probabilities raised to the power that makes the noisy labels likeliest.

    The power is one of EXPONENTS.

    A mean over epochs is less sure than it could be. Seen through T, the labels of examples that
    nobody learned tell by how much: a temperature (Guo et al. 2017, arXiv:1706.04599) fitted to
    noisy labels.

    Args:
        probabilities: float64 [N, K], of networks that did not learn the example.
        noisy_labels: int64 [N, copies].
        transition: T, float64 [K, K], without zeros.

    Returns:
        float64 [N, K], rows sum to 1; each row in the order that it had.
    """
    logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))

    def powered(exponent: float) -> Floats:
        # In place: of many examples of many classes one array is large enough.
        powers = np.asarray(exponent * logs)
        powers -= powers.max(axis=1, keepdims=True)
        np.exp(powers, out=powers)
        powers /= powers.sum(axis=1, keepdims=True)
        return powers

    def log_likelihood(exponent: float) -> float:
        powers = powered(exponent)
        if noisy_labels.shape[1] >= len(transition):
            of_labels = np.take_along_axis(powers @ transition, noisy_labels, axis=1)
            return float(np.log(of_labels).sum())
        # A product with all of T would take K times as long, and of a thousand classes minutes.
        columns = ((powers * transition.T[labels]).sum(axis=1) for labels in noisy_labels.T)
        return float(sum(np.log(column).sum() for column in columns))

    return powered(max(EXPONENTS, key=log_likelihood))


def suspicion(probabilities: Floats, labels: Labels, transition: Floats) -> Suspicion:
    """Judge the label of each example.

    Args:
        probabilities: P(class | image), float64 [N, K], of networks that did not learn the example.
        labels: int64 [N], as they are given.
        transition: T, float64 [K, K], without zeros.

    Example:
        >>> probabilities = np.array([[0.6, 0.4, 0.0], [0.0, 0.4, 0.6]])
        >>> pair_flip = np.array([[0.6, 0.4, 1e-9], [1e-9, 0.6, 0.4], [0.4, 1e-9, 0.6]])
        >>> suspicion(probabilities, np.array([1, 1]), pair_flip).probabilities.round(3).tolist()
        [0.5, 0.0]
    """
    # A probability may be 0 to all digits; then it is as small as a number can be.
    least = np.finfo(np.float64).tiny
    joint = np.log(np.maximum(probabilities, least))
    joint += np.log(transition).T[labels]
    rows = np.arange(len(labels))
    right = joint[rows, labels]
    joint[rows, labels] = -np.inf
    wrong = np.logaddexp.reduce(joint, axis=1)
    return Suspicion(np.asarray(wrong - right))


def likeliest_classes(
    probabilities: Floats, noisy_labels: Labels, transition: Floats, *, most: int
) -> tuple[Labels, NDArray[np.float32]]:
    """Return which classes are the true one of each example, and how probably, given its labels.

    Args:
        probabilities: P(class | image), float64 [N, K], of networks that did not learn the example.
        noisy_labels: int64 [N, copies].
        transition: T, float64 [K, K], without zeros.
        most: how many classes of each example are returned at most.

    Returns:
        int64 and float32 [N, min(most, K)], the likeliest class first.

    Example:
        >>> noise, unsure = np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([[0.5, 0.5]])
        >>> classes, chances = likeliest_classes(unsure, np.array([[1]]), noise, most=2)
        >>> classes.tolist(), chances.tolist()
        ([[1, 0]], [[0.75, 0.25]])
    """
    number, width = len(probabilities), min(most, len(transition))
    classes = np.empty((number, width), dtype=np.int64)
    chances = np.empty((number, width), dtype=np.float32)
    least = np.finfo(np.float64).tiny
    # In blocks: of many examples of many classes another whole array takes much memory.
    for rows in np.array_split(np.arange(number), max(1, number * len(transition) // _BLOCK)):
        joint = np.log(np.maximum(probabilities[rows], least))
        for labels in noisy_labels[rows].T:
            joint += np.log(transition).T[labels]
        joint = np.exp(joint - joint.max(axis=1, keepdims=True))
        joint /= joint.sum(axis=1, keepdims=True)
        classes[rows] = np.argsort(-joint, axis=1, kind="stable")[:, :width]
        chances[rows] = np.take_along_axis(joint, classes[rows], axis=1)
    return classes, chances


def matched(values: Floats, reference: Floats) -> Floats:
    """Return the values of a reference that stand at the same places in its ranking.

    Args:
        values: of any shape, not empty; only their order matters.
        reference: not empty.

    Returns:
        As `values`, in the same order; a trace of it is left where they are beyond the ends of the
        reference.

    Example:
        >>> matched(np.array([7.0, 8.0, 9.0, 9.5]), np.array([-1.0, 1.0])).round(6).tolist()
        [-1.0, -0.5, 0.5, 1.0]
    """
    # Each counts as the middle of its share of the ranking.
    places = (rankdata(values.reshape(-1)) - 0.5) / values.size
    middles = (np.arange(reference.size) + 0.5) / reference.size
    new = np.interp(places, middles, np.sort(reference.reshape(-1)))
    return np.asarray((new + 1e-9 * places).reshape(values.shape))


def average_precision(scores: Floats, is_wrong: NDArray[Any]) -> float | None:
    """Return the mean precision, over the wrong labels, among all that score at least as high.

    Equal scores are taken together, so their order does not matter.

    Args:
        scores: float64 [N], larger is more suspicious.
        is_wrong: bool [N].

    Returns:
        In [0, 1]; None where no label is wrong, and nothing could be found.

    Example:
        >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True]))
        0.8333333333333333
    """
    if not is_wrong.any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_wrong[order])
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    gained = np.diff(hits[ends], prepend=0)
    return float((gained * hits[ends] / (ends + 1)).sum() / hits[-1])


def detection(judgement: Suspicion, is_wrong: NDArray[Any]) -> dict[str, float]:
    """Measure how well suspicion finds the wrong labels; undefined figures are left out.

    Args:
        judgement: of N examples.
        is_wrong: bool [N], the truth.

    Returns:
        `average_precision` of the ranking; `precision` and `recall` of the labels that are more
        likely wrong than right.
    """
    flagged = judgement.probabilities > THRESHOLD
    hits = float((flagged & is_wrong).sum())
    figures: dict[str, float | None] = {
        "precision": hits / float(flagged.sum()) if flagged.any() else None,
        "recall": hits / float(is_wrong.sum()) if is_wrong.any() else None,
        "average_precision": average_precision(judgement.log_odds, is_wrong),
    }
    return {name: value for name, value in figures.items() if value is not None}
