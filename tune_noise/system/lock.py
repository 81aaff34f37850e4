"""Locks on files. They are the operating system's, so they end with the process that holds them."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from tune_noise.errors import UserError

LOCK_FILE = ".lock"
# `is_owned` holds the lock of a folder for microseconds: a driver waits that long for it.
PROBE_SECONDS = 0.2


def take_lock(
    path: Path,
    *,
    seconds: float = -1.0,
    pause_seconds: float = 0.02,
    give_up: Callable[[], bool] | None = None,
) -> AbstractContextManager[Any]:
    """Lock a file, which is made if it does not exist, and return the context that frees it.

    Args:
        path: the file; its content is neither read nor changed.
        seconds: how long to wait for another holder; negative: without an end.
        pause_seconds: time between two attempts.
        give_up: asked between two attempts; true ends the wait.

    Raises:
        TimeoutError: another process, or another part of this one, still holds the lock.
        OSError: the file cannot be opened, or its file system has no locks.
    """
    # A file that only stands for a lock would outlive a process that is killed.
    lock = FileLock(path, fallback_to_soft=False, thread_local=False)
    return lock.acquire(timeout=seconds, poll_interval=pause_seconds, cancel_check=give_up)


@contextmanager
def own_folder(folder: Path, *, seconds: float = PROBE_SECONDS) -> Iterator[None]:
    """Make the folder of a search and keep every other driver out of it.

    Args:
        folder: of the search.
        seconds: how long to wait for another one that writes.

    Raises:
        UserError: the folder cannot be made or locked, or another driver runs in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = take_lock(folder / LOCK_FILE, seconds=seconds)
    except TimeoutError:
        raise UserError(
            f"{folder}: a search is running in it: wait for its end, or choose another --name"
        ) from None
    except OSError as error:
        raise UserError(
            f"--output: {folder} cannot be made ({error.strerror}): choose another one"
        ) from None
    with lock:
        yield


def check_unowned(folder: Path) -> None:
    """Check that no other driver runs in a folder now, before anything costly begins.

    Raises:
        UserError: another driver runs in it.
    """
    if (folder / LOCK_FILE).exists():
        with own_folder(folder):
            pass


def is_owned(folder: Path) -> bool:
    """Return whether a driver, or another command that writes, is at work in a folder.

    Nothing is made or changed. A file system that keeps its locks to each machine hides a driver
    on another machine.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        # A shared lock, which filelock does not offer: two that ask see no driver in each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
