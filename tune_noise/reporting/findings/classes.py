"""What becomes of each class: recall with its interval, what is predicted instead, what is lost.

Recall is of the true labels of the test set, where there is one, and of the noisy validation
labels. Of those it is how often the prediction agrees with a label, which noise makes smaller.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tune_noise.config.words import class_name
from tune_noise.noise import Confusion, LabelCounts, mean_confusion
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.findings.noise_estimate import pooled_observations
from tune_noise.reporting.statistics import Floats, share_interval

LabelKind = Literal["true", "noisy"]
KINDS: tuple[LabelKind, ...] = ("true", "noisy")
# Tables, figures and `summary.json` show so many classes; `classes.csv` has all of them.
MAX_SHOWN = 20


@dataclass(frozen=True)
class ClassRecall:
    """One class; counts are means over the seeds, shares are fractions.

    Attributes:
        name: of the class.
        examples: images that bear its label.
        predicted: how often the class is predicted.
        recall: share of its images that are predicted to be of it.
        low: of the 95 % interval of the recall.
        high: of the same.
        instead: the class that is most often predicted in place of it; None where none is.
        instead_share: how often it is, as a share of the images of the class.
    """

    name: str
    examples: float
    predicted: float
    recall: float
    low: float
    high: float
    instead: str | None
    instead_share: float


@dataclass(frozen=True)
class ClassRecalls:
    """The classes of a finalist by one kind of label.

    Attributes:
        classes: those that bear a label, the lowest recall first.
        confusion: mean over the seeds.
        num_seeds: seeds behind it.
    """

    classes: list[ClassRecall]
    confusion: Confusion
    num_seeds: int

    @property
    def balanced(self) -> float:
        """The mean recall over the classes."""
        return float(np.mean([recall.recall for recall in self.classes]))

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `summary.json`."""
        return {
            "balanced": self.balanced,
            "lowest": [asdict(c) for c in self.classes[:MAX_SHOWN]],
            "left_out": len(self.classes[MAX_SHOWN:]),
        }


def class_recalls(
    finalist: Finalist, kind: LabelKind, names: Sequence[str] | None
) -> ClassRecalls | None:
    """Return what becomes of each class in the predictions of a finalist's seeds.

    Args:
        finalist: whose trials have ended.
        kind: the true labels of the test set, or the noisy labels of the validation set.
        names: of the classes; None where they are numbers.

    Returns:
        None where no seed tells: there is no test set, or an earlier version wrote the record.
    """
    confusions = _confusions(finalist, kind)
    if not confusions:
        return None
    mean = mean_confusion(confusions)
    low, high = _interval(confusions)
    images, right, predictions = mean.images, mean.right, mean.predictions
    instead, times = _instead(mean)
    classes = [
        ClassRecall(
            class_name(k, names),
            float(images[k]),
            float(predictions[k]),
            float(right[k] / images[k]),
            float(low[k]),
            float(high[k]),
            class_name(int(instead[k]), names) if times[k] > 0 else None,
            float(times[k] / images[k]),
        )
        for k in np.flatnonzero(images).tolist()
    ]
    # Of equal recall the larger class has lost more.
    classes.sort(key=lambda c: (c.recall, -c.examples))
    return ClassRecalls(classes, mean, len(confusions))


def never_predicted(finalist: Finalist) -> dict[int, int]:
    """Return class -> the seeds that never predict it, where these are at least half of the seeds.

    The inputs are those of validation and test together; of a class without a label among them
    nothing is said.
    """
    seeds = [
        [Confusion.from_plain(plain) for plain in _recorded(trial.noise).values() if plain]
        for trial in finalist.counted.values()
    ]
    seeds = [confusions for confusions in seeds if confusions]
    if not seeds:
        return {}
    is_lost = np.array(
        [
            sum(c.images for c in confusions) * (sum(c.predictions for c in confusions) == 0) > 0
            for confusions in seeds
        ]
    ).sum(axis=0)
    return {k: int(is_lost[k]) for k in np.flatnonzero(2 * is_lost >= len(seeds)).tolist()}


def _recorded(noise: dict[str, Any] | None) -> dict[str, Any]:
    recorded: dict[str, Any] = (noise or {}).get("confusion", {})
    return recorded


def _confusions(finalist: Finalist, kind: LabelKind) -> list[Confusion]:
    plain = [_recorded(trial.noise).get(kind) for trial in finalist.counted.values()]
    return [Confusion.from_plain(values) for values in plain if values]


def _interval(confusions: list[Confusion]) -> tuple[Floats, Floats]:
    """Return Wilson's interval of each recall.

    All seeds predict the same images, which are hard or easy for all of them: the images count
    once, though noisy labels may be drawn afresh. How far the seeds differ comes on top.
    """
    seeds = []
    for confusion in confusions:
        outcomes = np.stack([confusion.right, confusion.images - confusion.right], axis=1)
        seeds.append(LabelCounts(outcomes, outcomes, confusion.images, copies=1))
    worth = pooled_observations(seeds, share_labels=True)[:, 0]
    images = sum(confusion.images for confusion in confusions)
    right = sum(confusion.right for confusion in confusions)
    return share_interval(right / np.maximum(images, 1.0), worth)


def _instead(confusion: Confusion) -> tuple[np.ndarray, Floats]:
    """Return for each class the one most often predicted in place of it, and how often it is."""
    wrong = np.flatnonzero(confusion.rows != confusion.columns)
    # The last of each row is its largest.
    order = wrong[np.lexsort((confusion.counts[wrong], confusion.rows[wrong]))]
    instead = np.zeros(confusion.num_classes, dtype=np.int64)
    times = np.zeros(confusion.num_classes)
    instead[confusion.rows[order]] = confusion.columns[order]
    times[confusion.rows[order]] = confusion.counts[order]
    return instead, times
