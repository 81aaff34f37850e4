"""What `fuzz.py` runs on bytes: for each reader its seeds, its mutations and what must hold."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tune_noise.errors import UserError
from tune_noise.training.checkpoint import DamagedCheckpoint

Mutator = Callable[[bytes, int, int], bytes]
# Of the inputs of this process; it is removed at an orderly end, and by `fuzz.py` at any other.
_FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-")
SCRATCH = Path(_FOLDER.name)


@dataclass(frozen=True)
class Target:
    """One reader of untrusted bytes.

    Attributes:
        run: raises where the reader does anything but succeed or say its clear error.
        seeds: makes valid inputs to start from.
        mutate: (bytes, most bytes, seed) -> bytes; None: the fuzzer's own.
        words: what is worth inserting.
        max_bytes: of an input.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    mutate: Mutator | None = None
    words: tuple[bytes, ...] = ()
    max_bytes: int = 4096


def check_message(error: UserError | DamagedCheckpoint, *, start: str = "") -> None:
    """The one clear error is the user's, short enough to read, and begins with the place."""
    text = str(error)
    if len(text) > 20_000 or not text.startswith(start):
        raise AssertionError(f"not a clear message: {text[:1000]!r}")


def mutated(data: bytes, max_bytes: int) -> bytes:
    """One mutation of the fuzzer's own."""
    import atheris

    return bytes(atheris.Mutate(data or b"0", max(max_bytes, 1)))
