"""The places where stacks are trained: each is one trial of Ray Tune's, and one process."""

import time
from collections.abc import Callable
from pathlib import Path

from tune_noise.system.signals import Interrupt
from tune_noise.tuning.checkpoints import remove_checkpoints
from tune_noise.tuning.round_trips import report_seconds
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack

# How long a place waits for something to train: some times what its process took to start.
MAX_WAIT_SECONDS = 10.0


class Places:
    """The stacks in training and the places that wait for one; the adapters of Ray Tune share it.

    Args:
        session: gives the stacks.
        output: folder of the search.
        interrupt: once requested, nothing begins.
        capacity: says how many stacks may be under way now.

    Attributes:
        stacks: place -> the stack that is trained there.
        waiting: place without a stack -> since when it waits for one, by the monotonic clock.
    """

    def __init__(
        self, session: Session, output: Path, interrupt: Interrupt, capacity: Callable[[], int]
    ) -> None:
        self._session, self._output = session, output
        self._interrupt, self._capacity = interrupt, capacity
        self.stacks: dict[str, Stack] = {}
        self.waiting: dict[str, float] = {}

    @property
    def report_seconds(self) -> float:
        """Seconds that an actor is to train between two reports."""
        return report_seconds(len(self.stacks) + len(self.waiting))

    def has_room(self) -> bool:
        """Return whether one more stack may be under way now."""
        return self._has_room_beside(len(self.stacks))

    def has_room_for_place(self) -> bool:
        """Return whether there may be one more place, those that wait counted."""
        return self._has_room_beside(len(self.stacks) + len(self.waiting))

    def _has_room_beside(self, taken: int) -> bool:
        return not self._interrupt.requested and taken < self._capacity()

    def begin(self, place: str) -> Stack | None:
        """Return the next stack, to be trained at this place; None where there is none now."""
        if (stack := self._session.next_stack()) is not None:
            self.stacks[place] = stack
            self.waiting.pop(place, None)
        return stack

    def end(self, place: str) -> None:
        """Forget what was trained at a place, and the checkpoints of a stack that has ended."""
        self.waiting.pop(place, None)
        stack = self.stacks.pop(place, None)
        if stack is not None and self._session.has_ended(stack):
            remove_checkpoints(self._output, stack.stack_id)

    def may_wait(self, place: str) -> bool:
        """Return whether a place for which there is no stack now waits for one; else it ends.

        Its process is ready to train, another would take seconds to start, and the trials that
        still run may decide what comes next at any moment, e.g. whose finalists are confirmed.
        """
        since = self.waiting.setdefault(place, time.monotonic())
        taken = len(self.stacks) + len(self.waiting) - 1
        may_come = bool(self.stacks) and self._has_room_beside(taken)
        if may_come and time.monotonic() - since < MAX_WAIT_SECONDS:
            return True
        del self.waiting[place]
        return False
