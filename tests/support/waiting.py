"""Tests wait for events: one way to wait, and one bound, which only a fault reaches."""

import time
from collections.abc import Callable

# A busy machine takes half a minute to start a process of Ray, and minutes for a small search.
PATIENCE_SECONDS = 900.0


def wait_for(
    condition: Callable[[], object],
    what: str = "it",
    *,
    shown: Callable[[], object] | None = None,
) -> None:
    """Wait until a condition is true.

    Args:
        condition: asked again and again.
        what: its name in the message.
        shown: returns what the message shows beside it.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            details = f": {shown()}" if shown else ""
            raise AssertionError(f"no {what} within {PATIENCE_SECONDS:g} s{details}")
        time.sleep(0.05)
