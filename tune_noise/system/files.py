"""Write files that are whole at any time, also after a crash of the machine."""

import errno
import os
import uuid
from contextlib import suppress
from glob import escape
from pathlib import Path


def replace_file(path: Path, *parts: bytes | memoryview, previous: Path | None = None) -> None:
    """Write a file that survives a crash of the machine, or leave the old one as it is.

    Args:
        path: the file; its folder exists.
        parts: the content, in pieces.
        previous: where the file that was there is kept.
    """
    # Machines that share the folder may use the same process ids.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None:
            # Nothing stands there at first, and after a writer that was killed right here.
            with suppress(FileNotFoundError):
                path.replace(previous)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # What network file systems say that know no such thing.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_partials(path: Path) -> None:
    """Remove what killed writers of a file left behind; what cannot be removed does no harm."""
    with suppress(OSError):
        for partial in path.parent.glob(f".{escape(path.name)}.*.partial"):
            partial.unlink(missing_ok=True)
