"""The population of an audit: every label that the leader of a condition judged out of sample.

These are the training labels and the validation labels of a search. Networks that did not learn an
example predict it (`training.cross_fit`), so the share of right predictions is the accuracy of the
leader's configuration on new inputs, trained on the other folds.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tune_noise.errors import UserError
from tune_noise.record.folder import JUDGED_FILE, winner_dir
from tune_noise.reporting import ConditionSummary
from tune_noise.training.judgements import Judgements, read_judgements


@dataclass(frozen=True)
class Population:
    """The labels of one condition and what the leader's networks say of them.

    Attributes:
        condition: its name.
        trial_id: the trial that was cross-fitted.
        num_classes: K.
        judgements: of all labels, the most suspicious first.
    """

    condition: str
    trial_id: str
    num_classes: int
    judgements: Judgements

    @property
    def examples(self) -> np.ndarray:
        """Positions in the training set, int64 [N], the most suspicious first."""
        return self.judgements.examples

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.examples)

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Position in the training set -> row of the population."""
        return {example: row for row, example in enumerate(self.examples.tolist())}

    @cached_property
    def digest(self) -> str:
        """Sixteen digits that stand for the trial and the order of suspicion."""
        digest = hashlib.sha256(self.trial_id.encode())
        digest.update(self.examples.tobytes())
        digest.update(self.judgements.suspicion.tobytes())
        return digest.hexdigest()[:16]

    @property
    def predicted(self) -> np.ndarray:
        """The class that the leader's networks predict, int64 [N]."""
        return self.judgements.predicted

    @property
    def given(self) -> np.ndarray:
        """The labels as they are given, int64 [N]."""
        return self.judgements.given

    def right(self, labels: np.ndarray) -> np.ndarray:
        """Return the probability that each of these labels is right, given input and given label.

        Args:
            labels: int64 [N], a class for each label of the population.

        Returns:
            float64 [N] in [0, 1]; 0 where the class is not among the likeliest.
        """
        is_it = self.judgements.classes == labels[:, None]
        return np.asarray((self.judgements.chances * is_it).sum(axis=1), dtype=np.float64)


def read_population(folder: Path, condition: ConditionSummary, *, num_classes: int) -> Population:
    """Return the population of a condition.

    Args:
        folder: of a finished search.
        condition: judged.
        num_classes: K.

    Raises:
        UserError: it has no leader, nobody has judged its labels, or each example has several.
    """
    if condition.leader is None:
        raise UserError(
            f"{folder}, condition {condition.name}: it has no leader, as nothing was learned or "
            "confirmed, so that no labels are judged: choose another condition"
        )
    facts = condition.suspects
    judgements = None
    if facts is not None:
        path = winner_dir(folder, condition.name) / JUDGED_FILE
        judgements = read_judgements(path, {"trial_id": facts["trial_id"]})
    if facts is None or judgements is None:
        raise UserError(
            f"{folder}, condition {condition.name}: no networks have judged its labels, so that "
            f"no sample can be drawn; let them do so by: tune-noise suspects {folder}"
        )
    if judgements.copies.any():
        raise UserError(
            f"{folder}, condition {condition.name}: each of its examples has several labels, and "
            "an audit checks one label of each: choose a condition without dilution"
        )
    return Population(condition.name, facts["trial_id"], num_classes, judgements)
