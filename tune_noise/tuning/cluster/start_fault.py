"""Explain why Ray cannot be started on this machine, and which setting helps."""

import os
import resource
from pathlib import Path

from tune_noise.errors import TuneNoiseError, UserError

# With fewer, processes of Ray fail one by one, and the start is given up after half a minute.
LEAST_OPEN_FILES = 64
# With fewer, a start that fails has probably failed for it: the more cores, the more files.
ENOUGH_OPEN_FILES = 1024
# The longest path of a socket on Linux: 108 bytes less the zero at its end.
MAX_SOCKET_BYTES = 107
# The longest number of a process on Linux.
MAX_PID_DIGITS = 7
_START = "Ray cannot be started on this machine"


def check_settings() -> None:
    """Check the settings with which Ray fails after half a minute, and does not say why.

    Raises:
        UserError: the path of its temporary folder is relative, or it may open too few files.
    """
    variable, temporary = _temporary_folder()
    if not os.path.isabs(temporary):
        raise UserError(
            f"{_START}: {variable}={temporary} is a relative path: set RAY_TMPDIR to an absolute "
            "one"
        )
    if _may_open_fewer(LEAST_OPEN_FILES):
        raise _too_few_files("")


def _temporary_folder() -> tuple[str, str]:
    """Return the folder in which Ray makes its own, and the variable that names it."""
    variable = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    return variable, os.environ.get(variable, "/tmp")


def _may_open_fewer(count: int) -> bool:
    # Ray raises the soft limit to the hard one itself.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return limit != resource.RLIM_INFINITY and limit < count


def _too_few_files(reason: str) -> UserError:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return UserError(
        f"{_START}: {reason}a process may open only {limit} files (`ulimit -Hn`): raise the limit, "
        "e.g. by `ulimit -n 8192`"
    )


def start_fault(error: Exception) -> TuneNoiseError:
    """Return the error to raise where `ray.init` could not start a cluster on this machine.

    Args:
        error: what `ray.init` raised.

    Returns:
        A `UserError` where a variable that the user may set helps.
    """
    reason = str(error).partition("\n")[0]
    variable, temporary = _temporary_folder()
    home = os.path.expanduser("~")
    if "AF_UNIX path length" in reason:
        length = len(os.fsencode(temporary))
        # Ray adds the number of this process, among others; the next one may be longer.
        added = len(os.fsencode(reason.rpartition(": ")[2])) - length
        most = MAX_SOCKET_BYTES - added - (MAX_PID_DIGITS - len(str(os.getpid())))
        return UserError(
            f"{_START}: {variable}={temporary} has {length} bytes, which leaves too little for the "
            f"paths of Ray's sockets: set RAY_TMPDIR to a folder whose path has at most {most}"
        )
    path = error.filename if isinstance(error, OSError) else None
    if "home directory" in reason or _is_on_way(path, Path(home, ".ray", "auth_token")):
        return UserError(
            f"{_START}: it keeps a token in the home folder, HOME={os.environ.get('HOME', '')} "
            f"({reason}): set HOME to a folder that you may write"
        )
    if _is_on_way(path, Path(temporary, "ray")):
        return UserError(
            f"{_START}: its folder {temporary}/ray cannot be used ({reason}): set RAY_TMPDIR to a "
            "short path of a folder that you may write"
        )
    if _may_open_fewer(ENOUGH_OPEN_FILES):
        return _too_few_files(f"{reason}; ")
    return TuneNoiseError(f"{_START}: {reason}; try again, or join a cluster with --address")


def _is_on_way(path: object, end: Path) -> bool:
    """Return whether a path is one of the folders above a file, the file, or below it."""
    return isinstance(path, str) and (Path(path) in end.parents or Path(path).is_relative_to(end))
