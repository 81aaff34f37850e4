"""Who is confirmed: the best trial of each compared level, then the next best."""

from typing import Any

from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.history.replay import TrialHistory


def level_of(config: TrialConfig, search: SearchConfig) -> Any:
    """The level of `compare` that a trial belongs to; None where nothing is compared."""
    return None if search.compare is None else getattr(config, search.compare)


def choose_finalists(trials: list[TrialHistory], search: SearchConfig) -> list[TrialHistory]:
    """The best trial of each level of `compare`, then the next best ones, best first.

    A trial that diverged or failed is no candidate, however good its epochs before were.

    Args:
        trials: of the search stage of one condition.
        search: says how many, and what is compared.
    """
    sound = (t for t in trials if t.status not in ("diverged", "failed") and t.score is not None)
    ranked = sorted(sound, key=_rank)
    chosen: list[TrialHistory] = []
    for level in search.levels:
        of_level = [t for t in ranked if level_of(t.config, search) == level]
        chosen += of_level[:1]
    others = [t for t in ranked if t not in chosen]
    return sorted(chosen + others[: search.num_finalists - len(chosen)], key=_rank)


def _rank(trial: TrialHistory) -> tuple[bool, float, str]:
    """Sort key, best first: a trial whose classes look renamed comes after all others."""
    renamed = bool((trial.selected or {}).get("val_renamed"))
    return renamed, -(trial.score if trial.score is not None else 0.0), trial.trial_id
