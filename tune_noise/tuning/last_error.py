"""Ray's messages about failures, in words for people."""

from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_REASON_CHARACTERS = 300
# What Ray says of a lost process -> what it means for a person; the first that occurs counts.
_LOSSES = {
    "running low on memory": "Ray ended its process as memory ran low; see --max-concurrent",
    "node has died": "its node was lost",
    "worker process has died": "its process was killed or crashed (see `dmesg` if memory ran out)",
    "The actor never ran": "its process was killed or crashed before it had begun",
}


def last_error(trial: Any) -> str:
    """Return what Ray wrote of a trial's last failure, in one sentence."""
    text = ""
    if trial.error_file:
        with suppress(OSError):
            text = Path(trial.error_file).read_text("utf-8", errors="replace")
    last = text.rpartition("Failure #")[2]
    for said, meant in _LOSSES.items():
        if said in last:
            return meant
    # The last line of a traceback is the error itself.
    return last.strip().rpartition("\n")[2].strip()[:MAX_REASON_CHARACTERS]
