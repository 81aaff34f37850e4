"""The scores of a confirmation, as the record tells them."""

from collections.abc import Hashable, Iterable, Sequence

from tune_noise.config.search import Confirm
from tune_noise.history.ranking import by_finalist
from tune_noise.history.replay import TrialHistory
from tune_noise.verdict.looks import looks_of
from tune_noise.verdict.standing import Standing, decide


def standing_of(
    trials: Iterable[TrialHistory],
    confirm: Confirm,
    *,
    finalists: Sequence[str] = (),
    seeds: Sequence[Hashable] | None = None,
    no_more: bool = False,
) -> Standing:
    """Return how the finalists of one condition stand by the trials of its confirmation.

    Args:
        trials: of its confirmation, those that still run included.
        confirm: says when they are judged.
        finalists: that may have no trial yet.
        seeds: all that may be spent, in order; None for those of the trials.
        no_more: no further results will come.
    """
    trials = list(trials)
    scores: dict[str, dict[Hashable, float | None]] = {name: {} for name in finalists}
    for finalist, seeds_of_it in by_finalist(trials).items():
        scores[finalist] = {
            trial.config.seed: trial.score if trial.ended_well else None
            for trial in seeds_of_it
            if trial.status is not None
        }
    in_order = sorted({trial.config.seed for trial in trials}) if seeds is None else seeds
    looks = looks_of(confirm.seeds, confirm.max_seeds)
    return decide(scores, in_order, looks, no_more=no_more)
