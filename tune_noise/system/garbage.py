"""Keeps Python's collector of garbage away from a history that outlives its work.

It looks through every object again and again as new ones are made, and a search of ten thousand
trials has millions: that took a fifth of a report.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def all_is_kept() -> Iterator[None]:
    """What is made within it is there to stay: nothing is collected."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def what_is_here_is_kept() -> Iterator[None]:
    """Within it only what is made from now on is looked through, and collected."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
