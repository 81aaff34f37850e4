"""Whether a process owns the folder of a search now, asked without getting in its way."""

import fcntl
import os
from pathlib import Path

LOCK_FILE = ".lock"
# How often a driver that finds its folder locked asks again: `is_owned` holds it for microseconds.
ATTEMPTS = 10
PAUSE_SECONDS = 0.02


def is_owned(folder: Path) -> bool:
    """Whether a driver, or another command that writes, is at work in a folder.

    Nothing is made or changed. On a file system that keeps locks to each machine one on another
    machine is not seen.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
