"""Hold back what a library writes to standard error in C++, past Python's `sys.stderr`."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def held_stderr() -> Iterator[None]:
    """Hold back what this process writes to standard error, from any language.

    At the end it is passed on; if an exception ends the block it becomes a note of the exception.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield
            except BaseException as error:
                error.add_note(_content(file.fileno()))
                raise
            else:
                with suppress(OSError):  # as in `system/output.py`
                    os.write(kept, _content(file.fileno()).encode())
            finally:
                os.dup2(kept, 2)
    finally:
        os.close(kept)


def _content(descriptor: int) -> str:
    sys.stderr.flush()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")
