"""Tests that start Ray take turns: each of its searches wants memory and several CPUs."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# As many files of tests at once as this machine has room for; on two CPUs both processes of tests.
PLACES = max(2, (os.cpu_count() or 1) // 2)


@contextmanager
def ray_turn() -> Iterator[None]:
    """Wait for one of the places, and hold it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir())
    locks = [FileLock(folder / f"tune-noise-tests-{run}-{n}.lock") for n in range(PLACES)]
    with ExitStack() as stack:
        while not _take_one(locks, stack):
            time.sleep(0.2)
        yield


def _take_one(locks: list[FileLock], stack: ExitStack) -> bool:
    for lock in locks:
        with suppress(Timeout):
            stack.enter_context(lock.acquire(timeout=0))
            return True
    return False
