"""The scores of a confirmation, as the record tells them."""

from collections.abc import Hashable, Iterable, Sequence

from tune_noise.config.search import Confirm
from tune_noise.history.replay import TrialHistory
from tune_noise.verdict.looks import looks_of
from tune_noise.verdict.standing import Standing, decide

# Stopped by its own patience, a trial has done its work; diverged or failed, it has not.
COUNTED = ("completed", "stopped")


def standing_of(
    trials: Iterable[TrialHistory],
    confirm: Confirm,
    *,
    finalists: Sequence[str] = (),
    seeds: Sequence[Hashable] | None = None,
    no_more: bool = False,
) -> Standing:
    """How the finalists of one condition stand by the trials of its confirmation.

    Args:
        trials: of its confirmation, those that still run included.
        confirm: says when they are judged.
        finalists: that may have no trial yet.
        seeds: all that may be spent, in order; None for those of the trials.
        no_more: no further results will come.
    """
    trials = list(trials)
    scores: dict[str, dict[Hashable, float | None]] = {name: {} for name in finalists}
    for trial in trials:
        ended = scores.setdefault(trial.finalist or trial.trial_id, {})
        if trial.status is not None:
            ended[trial.config.seed] = trial.score if trial.status in COUNTED else None
    in_order = sorted({trial.config.seed for trial in trials}) if seeds is None else seeds
    looks = looks_of(confirm.seeds, confirm.max_seeds)
    return decide(scores, in_order, looks, no_more=no_more)
