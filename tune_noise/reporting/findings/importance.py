"""The share of the objective that each searched field explains, if the trials can tell.

Not `optuna.importance`: a report is made from the record alone, without Optuna, and its evaluators
give neither an interval nor an answer for fields that apply to some trials only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.reporting.findings.searched_fields import (
    Bools,
    SearchedField,
    full_length,
    searched_fields,
)
from tune_noise.reporting.statistics import Floats, Z

# With fewer no forest is fitted.
MIN_TRIALS = 20
# More make a report slow and hardly narrow an interval.
MAX_TRIALS = 1000
FOLDS = 5
TREES = 20
SHUFFLES = 5


@dataclass(frozen=True)
class Share:
    """A share of the objective's variance with its 95 % interval; it may come out below 0."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """The importance of one field by some trials of a condition.

    Attributes:
        field: its name.
        num_trials: full-length trials to which it applies.
        share: of the variance that is due to it, alone or with others; None: nothing to tell.
        explained: share of the variance of left-out trials that all fields explain together; None
            where there were too few trials to ask.
    """

    field: str
    num_trials: int
    share: Share | None
    explained: Share | None


def importances(trials: Sequence[TrialHistory], search: SearchConfig) -> list[Importance]:
    """Return a row per searched field that varies, the most important first, the unknown last.

    Random forests [1] predict the objective of trials that they were not fitted to (five folds),
    and again with one field's values shuffled among those. Half the loss in squared error is the
    variance that is due to the field and its interplay with others [2], its total Sobol index. The
    interval is that of the mean over the left-out trials [3]; it does not know the chance of the
    forests themselves. A field that applies to some trials is judged among these.

    The forest sees all fields at once. That is why it is a forest, from scikit-learn, and not the
    spread of the objective by one field: a sampler that learns tries good values together, and
    each would be praised for the other's.

    Args:
        trials: the trials of one condition's search.
        search: gives the space.

    Reference:
        [1] L. Breiman, Random Forests, Machine Learning 45, 2001, section 10. [2] M. J. W. Jansen,
        Computer Physics Communications 117, 1999. [3] J. Lei et al., arXiv:1604.04173, section 6.
    """
    full = _thinned(full_length(trials))
    scores = np.array([trial.score for trial in full], dtype=np.float64)
    fields = searched_fields(full, search)
    rows: list[Importance] = []
    # Fields that apply to the same trials are judged together.
    groups: dict[bytes, list[SearchedField]] = {}
    for field in fields:
        groups.setdefault(field.is_active.tobytes(), []).append(field)
    for members in groups.values():
        among = members[0].is_active
        varying = [field for field in fields if field.varies(among)]
        rows += _of_group(scores[among], among, members, varying)
    return sorted(rows, key=lambda row: math.inf if row.share is None else -row.share.value)


def _thinned(trials: list[TrialHistory]) -> list[TrialHistory]:
    """Return at most `MAX_TRIALS`, evenly from the whole search."""
    number = min(len(trials), MAX_TRIALS)
    return [trials[place * len(trials) // number] for place in range(number)]


def _of_group(
    scores: Floats, among: Bools, members: list[SearchedField], fields: list[SearchedField]
) -> list[Importance]:
    number = len(scores)
    if number < MIN_TRIALS or np.ptp(scores) == 0.0:
        return [Importance(field.name, number, None, None) for field in members]
    columns = np.stack([field.positions[among] for field in fields], axis=1)
    plain, shuffled = _left_out_errors(columns, scores)
    variance = float(np.var(scores))
    explained = _share((scores - scores.mean()) ** 2 - plain, variance)
    shares = {
        field.name: _share((errors - plain) / 2.0, variance)
        for field, errors in zip(fields, shuffled, strict=True)
    }
    can_tell = explained.low > 0.0
    return [
        Importance(f.name, number, shares[f.name] if can_tell else None, explained) for f in members
    ]


def _left_out_errors(columns: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return squared errors of predictions of trials that the forest was not fitted to.

    Args:
        columns: positions of the fields, [trials, fields].
        scores: [trials].

    Returns:
        Of each trial, [trials], and with each field's values shuffled, [fields, trials]: the mean
        over `SHUFFLES` of them.
    """
    # Takes half a second to import, and most reports have too few trials for it.
    from sklearn.ensemble import RandomForestRegressor

    random = np.random.default_rng(0)
    folds = random.permutation(len(scores)) % FOLDS
    plain = np.empty(len(scores))
    shuffled = np.empty((columns.shape[1], len(scores)))
    for fold in range(FOLDS):
        out = np.flatnonzero(folds == fold)
        forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=fold)
        forest.fit(columns[folds != fold], scores[folds != fold])
        # All at once: a call costs more than its rows.
        asked = np.tile(columns[out], (1 + columns.shape[1] * SHUFFLES, 1, 1))
        for number in range(len(asked) - 1):
            field = number // SHUFFLES
            asked[1 + number, :, field] = random.permutation(asked[0, :, field])
        predicted = forest.predict(asked.reshape(-1, columns.shape[1])).reshape(len(asked), -1)
        errors = (predicted - scores[out]) ** 2
        plain[out] = errors[0]
        shuffled[:, out] = errors[1:].reshape(-1, SHUFFLES, len(out)).mean(axis=1)
    return plain, shuffled


def _share(losses: Floats, variance: float) -> Share:
    """Return the mean of losses over the variance, with a 95 % interval of that mean."""
    mean = float(losses.mean())
    half_width = Z * float(losses.std(ddof=1)) / math.sqrt(len(losses))
    return Share(*(end / variance for end in (mean, mean - half_width, mean + half_width)))
