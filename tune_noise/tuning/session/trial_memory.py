"""The sampler's memory of a long search: all that still runs, the best, a sample of the rest.

TPE fits two densities to the trials that it sees, so a proposal takes 4 ms at 250 trials, 17 at
1,000, 155 at 10,000, and the search waits for it. It splits the trials into the best, never more
than 25, and the others; a density of the others needs no more than a fair sample of them.
"""

import heapq
from bisect import insort
from collections.abc import Container, Sequence
from copy import deepcopy as copied
from operator import attrgetter
from zlib import crc32

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState

# Ended trials that are all seen; of more only so many are drawn, and the best beside them.
MAX_SAMPLED = 250
# As many as TPE takes for good ones at most (Optuna 5.0, `default_gamma`).
NUM_BEST = 25


class TrialMemory(InMemoryStorage):
    """A storage of one study, to be maximised, that shows a bounded selection of its trials.

    Which trials are shown depends on the trials alone, not on the order of their ends: a sampler
    that is rebuilt from the record sees the same. Of up to MAX_SAMPLED ended trials none is left
    out. As there is one study, a trial's number is its id, which Optuna keeps private.
    """

    def __init__(self) -> None:
        super().__init__()
        # Trial -> how many were asked for before it; those that were withdrawn do not count.
        self._places: dict[int, int] = {}
        self._open: set[int] = set()
        self._best: list[tuple[tuple[float, ...], int]] = []
        # A heap, the first to be left out on top. Those with the smallest hashes are a fair sample.
        self._sampled: list[tuple[int, int]] = []
        # Those of both, in the order of asking; None where it is to be made again.
        self._ended: list[FrozenTrial] | None = None

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """See `InMemoryStorage`."""
        trial_id = super().create_new_trial(study_id, template_trial)
        self._open.add(trial_id)
        self._places[trial_id] = len(self._places)
        return trial_id

    def withdraw(self, trial: Trial) -> None:
        """Forget the trial that was asked for last: it is not to be made."""
        self._open.discard(trial.number)
        del self._places[trial.number]

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """See `InMemoryStorage`; a trial that has ended may be remembered."""
        is_set = super().set_trial_state_values(trial_id, state, values)
        if state.is_finished():
            self._open.discard(trial_id)
            self._remember(self.get_trial(trial_id))
        return is_set

    def _remember(self, trial: FrozenTrial) -> None:
        trial_id, self._ended = trial.number, None
        if trial.state != TrialState.FAIL:  # a failure says nothing about its configuration
            insort(self._best, (_rank(trial), trial_id))
            del self._best[NUM_BEST:]
        # Neighbours must not follow each other in the order of the hashes.
        place = self._places[trial_id].to_bytes(8, "big")
        heapq.heappush(self._sampled, (-crc32(place), trial_id))
        if len(self._sampled) > MAX_SAMPLED:
            heapq.heappop(self._sampled)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the selection, in the order of asking."""
        # Every ask begins with a look for one that waits, and none of those has ended.
        ended = [] if states == (TrialState.WAITING,) else self._remembered()
        still_open = [self.get_trial(trial_id) for trial_id in self._open]
        trials = sorted([*ended, *still_open], key=attrgetter("number"))
        selected = [trial for trial in trials if states is None or trial.state in states]
        return copied(selected) if deepcopy else selected

    def _remembered(self) -> list[FrozenTrial]:
        if self._ended is None:
            remembered = {i for _, i in self._sampled} | {i for _, i in self._best}
            self._ended = [self.get_trial(trial_id) for trial_id in sorted(remembered)]
        return self._ended


def _rank(trial: FrozenTrial) -> tuple[float, ...]:
    """Sort key in TPE's order, best first: complete trials by value, then the longest others."""
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return 0.0, -trial.value
    if not trial.intermediate_values:
        return 2.0, 0.0
    step, value = max(trial.intermediate_values.items())
    return 1.0, -float(step), -value
