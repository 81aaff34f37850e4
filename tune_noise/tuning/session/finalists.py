"""The choice of finalists: the best trial of each compared level, then the next best."""

from tune_noise.config.search import SearchConfig
from tune_noise.history.ranking import best_trial, different, ranked
from tune_noise.history.replay import TrialHistory


def choose_finalists(trials: list[TrialHistory], search: SearchConfig) -> list[TrialHistory]:
    """Return the best trial of each level of `compare` and the next best ones, best first.

    They differ in their configuration, so they are fewer where no more were tried. A trial that
    diverged or failed is no candidate, however good its epochs before were.

    Args:
        trials: of the search stage of one condition.
        search: says how many, and what is compared.
    """
    candidates = list(different(ranked(trials)))
    of_levels = (
        best_trial(t for t in candidates if search.level_of(t.config) == level)
        for level in search.levels
    )
    chosen = [trial for trial in of_levels if trial is not None]
    others = [trial for trial in candidates if trial not in chosen]
    return ranked(chosen + others[: search.num_finalists - len(chosen)])
