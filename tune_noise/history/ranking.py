"""Which trial is the best, and which trials confirm it: the one definition of each."""

from collections.abc import Iterable, Iterator

from tune_noise.config.search import SEED_FIELDS
from tune_noise.history.replay import TrialHistory


def rank(trial: TrialHistory) -> tuple[bool, float, str]:
    """Return the key that sorts sound trials, best first.

    A trial whose classes look renamed comes after all others; of equals, the first asked is first.

    Args:
        trial: with a score, see `TrialHistory.is_sound`.
    """
    return trial.is_renamed, -(trial.score or 0.0), trial.trial_id


def ranked(trials: Iterable[TrialHistory]) -> list[TrialHistory]:
    """Return the sound trials, best first; those that diverged or failed are left out."""
    return sorted((trial for trial in trials if trial.is_sound), key=rank)


def different(trials: Iterable[TrialHistory]) -> Iterator[TrialHistory]:
    """Yield the first trial of each configuration: of those that differ in their seeds alone."""
    seen = set()
    for trial in trials:
        configuration = trial.config.model_copy(update=dict.fromkeys(SEED_FIELDS, 0))
        if configuration not in seen:
            seen.add(configuration)
            yield trial


def best_trial(trials: Iterable[TrialHistory]) -> TrialHistory | None:
    """Return the best sound trial; None where there is none."""
    return min((trial for trial in trials if trial.is_sound), key=rank, default=None)


def by_finalist(trials: Iterable[TrialHistory]) -> dict[str, list[TrialHistory]]:
    """Return the confirmation trials of each finalist, all in the order of asking.

    Args:
        trials: of the stage `confirm`.

    Returns:
        Identity of the search trial that is confirmed -> its trials on fresh seeds.
    """
    groups: dict[str, list[TrialHistory]] = {}
    for trial in trials:
        groups.setdefault(trial.finalist or trial.trial_id, []).append(trial)
    return groups
