"""Who works on which example: nothing is handed out twice, and nothing is kept for ever."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

# A page says every 5 seconds what it holds; browsers slow the clock of a hidden tab to a minute.
LAPSE_SECONDS = 150.0
REOPENING_SECONDS = 6.0


@dataclass
class HandingOut:
    """Hands out places of a list to pages, in order.

    A page that is silent for longer than `LAPSE_SECONDS` loses what it holds. Nothing of this is
    recorded: after a restart the pages say what they hold.

    Attributes:
        number: of places, from 0 on.
        opens: by the monotonic clock; before, nothing new is handed out.
    """

    number: int
    opens: float = 0.0
    _holders: dict[int, str] = field(default_factory=dict)
    _last_seen: dict[str, float] = field(default_factory=dict)

    def take(
        self, page: str, holding: Sequence[int], count: int, closed: Collection[int]
    ) -> list[int]:
        """Hand out further places to a page.

        Args:
            page: who asks.
            holding: the open places that it holds; it keeps those that nobody else has.
            count: how many more it wants.
            closed: the places that are not handed out any more.
        """
        now = time.monotonic()
        self._last_seen[page] = now
        lapsed = {one for one, seen in self._last_seen.items() if now - seen > LAPSE_SECONDS}
        for silent in lapsed:
            self.release(silent)
        self._holders = {place: who for place, who in self._holders.items() if who != page}
        for place in holding:
            self._holders.setdefault(place, page)
        new = list(islice(self._free(closed), count)) if now >= self.opens else []
        self._holders |= dict.fromkeys(new, page)
        return new

    def release(self, page: str) -> None:
        """Take back what a page holds."""
        self._last_seen.pop(page, None)
        self._holders = {place: who for place, who in self._holders.items() if who != page}

    def _free(self, closed: Collection[int]) -> Iterator[int]:
        return (
            place
            for place in range(self.number)
            if place not in closed and place not in self._holders
        )
