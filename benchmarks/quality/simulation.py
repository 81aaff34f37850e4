"""A search on simulated slots: the real session, sampler and rungs; the order of events by cost.

Every trial takes the CPU time that its epochs took when they were trained, so a report comes when
it would have come on so many cores with nothing else to do. What the sampler is asked, and what a
rung has seen, follows from that order, as in a real asynchronous search.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.quality.trained import Run, TrainedTrials
from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import TrialHistory
from tune_noise.record import Record
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack


@dataclass(frozen=True)
class Step:
    """After a report.

    Attributes:
        cpu_seconds: that all reports so far have cost.
        ended: how many trials have ended.
        first_ended: how many of the first trials have, without a gap.
        score: of the configuration that would be chosen now, by noisy validation alone.
        test_accuracy: its own, at the epoch that validation selects; a fraction.
    """

    cpu_seconds: float
    ended: int
    first_ended: int
    score: float
    test_accuracy: float


def simulate(search: SearchConfig, trained: TrainedTrials, *, slots: int) -> Iterator[Step]:
    """The steps of a search, without end where its trials are; the caller stops when it has enough.

    Args:
        search: what to run; nothing is confirmed.
        trained: gives the epochs.
        slots: trials that run at once.
    """
    with TemporaryDirectory() as folder:
        record = Record(Path(folder) / "record.db", writer=True)
        try:
            yield from _Slots(Session(search, record), trained, slots).steps()
        finally:
            record.close()


class _Slots:
    def __init__(self, session: Session, trained: TrainedTrials, slots: int) -> None:
        self._session, self._trained, self._slots = session, trained, slots
        # (when it is reported, a number that tells equals apart, stack, epoch).
        self._due: list[tuple[float, int, Stack, int]] = []
        self._numbers = itertools.count()
        self._spent = 0.0
        self._best: TrialHistory | None = None

    def steps(self) -> Iterator[Step]:
        self._fill(now=0.0)
        while self._due:
            now, _, stack, epoch = heapq.heappop(self._due)
            run = self._trained.up_to(stack.configs[0], epoch)
            if self._report(stack, run, epoch):
                self._plan(stack, epoch + 1, now)
            else:
                self._trained.leave(stack.configs[0])
            yield self._step(self._session.history.trials[stack.stack_id])
            self._fill(now)

    def _fill(self, now: float) -> None:
        while len(self._due) < self._slots:
            stack = self._session.next_stack()
            if stack is None or stack.stage != "search":
                return
            self._plan(stack, 1, now)

    def _plan(self, stack: Stack, epoch: int, now: float) -> None:
        run = self._trained.up_to(stack.configs[0], epoch)
        cost = run.cpu_seconds[min(epoch, len(run.cpu_seconds)) - 1]
        heapq.heappush(self._due, (now + cost, next(self._numbers), stack, epoch))

    def _report(self, stack: Stack, run: Run, epoch: int) -> bool:
        """Whether the trial goes on."""
        self._spent += run.cpu_seconds[min(epoch, len(run.cpu_seconds)) - 1]
        is_last = epoch >= len(run.epochs)
        news = {
            "facts": run.facts,
            "epochs": run.epochs[epoch - 1 : epoch],
            "status": run.status if is_last else None,
            "stop_reason": "",
        }
        return self._session.report({stack.trial_ids[0]: news})

    def _step(self, trial: TrialHistory) -> Step:
        if trial.score is not None and (
            self._best is None or trial.score > (self._best.score or 0.0)
        ):
            self._best = trial
        best = self._best
        chosen = None if best is None else best.selected
        trials = list(self._session.history.trials.values())
        return Step(
            cpu_seconds=self._spent,
            ended=sum(each.status is not None for each in trials),
            first_ended=len(list(itertools.takewhile(lambda t: t.status is not None, trials))),
            score=float("-inf") if best is None or best.score is None else best.score,
            test_accuracy=0.0 if chosen is None else chosen["test_accuracy_clean"],
        )
