"""Write files that are whole at any time, even after a crash of the machine."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from tune_noise.errors import DISK_ERRORS, UserError


def expand_home(path: str) -> str:
    """Return a path with the home folder in place of `~`, or that of a user in place of `~USER`.

    Raises:
        UserError: there is no such home folder.
    """
    expanded = os.path.expanduser(path)
    if path.startswith("~") and expanded == path:
        raise UserError(
            f"{path}: there is no home folder {path.partition('/')[0]}: write the whole path, or "
            f"./{path} if the name begins with ~"
        )
    return expanded


def replace_file(path: Path, *parts: bytes | memoryview, previous: Path | None = None) -> None:
    """Write a file that survives a crash of the machine, or leave the old one as it is.

    Args:
        path: the file; its folder exists.
        parts: the content, in pieces.
        previous: where the file that was there is kept.

    Raises:
        OSError: the file cannot be written.
    """
    with replacement(path, previous=previous) as partial, partial.open("wb") as file:
        for part in parts:
            file.write(part)


@contextmanager
def replacement(path: Path, *, previous: Path | None = None) -> Iterator[Path]:
    """Yield where to write a file that takes its place only if the block ends without an error.

    Readers see the old file or the whole new one. Of several writers the last one to end wins.

    Args:
        path: the file; its folder exists.
        previous: where the file that was there is kept.

    Raises:
        OSError: the file cannot be brought to the disk or to its place.
    """
    # Machines that share the folder may use the same process ids.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        yield partial
        _sync(partial)
        if previous is not None:
            # There is none at first, nor after a writer that was killed right here.
            with suppress(FileNotFoundError):
                path.replace(previous)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()
    # A new name in a folder survives a crash only if the folder is written, too.
    try:
        _sync(path.parent)
    except OSError as error:
        # Network file systems that cannot sync a folder answer so.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partials(path: Path) -> None:
    """Remove what killed writers of a file left behind; what cannot be removed does no harm."""
    with suppress(OSError):
        # SQLite leaves further files beside its own: NAME-wal, NAME-shm.
        for partial in path.parent.glob(f".{escape(path.name)}.*.partial*"):
            partial.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Check that the folder of a search can be made and written; nothing is written.

    Raises:
        UserError: the folder cannot be made or written.
    """
    try:
        os.fsencode(folder).decode("utf-8")
        parent = next(path for path in (folder, *folder.parents) if path.exists())
    except UnicodeError:
        raise UserError(f"--output: {folder!r} is not UTF-8: choose another one") from None
    except OSError as error:  # e.g. a name that is too long
        raise UserError(
            f"--output: {folder} cannot be made ({error.strerror}): choose another one"
        ) from None
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        reason = "may not be written" if parent.is_dir() else "is not a folder"
        raise UserError(f"--output: {folder} cannot be made, {parent} {reason}: choose another one")


def storage_fault(error: OSError, folder: Path) -> str | None:
    """Return what an error says about the disk of a folder: full, failing, read-only or gone.

    Returns:
        A sentence without a full stop; None if the error is about something else.
    """
    place = Path(error.filename) if isinstance(error.filename, str) else None
    if error.errno not in DISK_ERRORS and not (place and place.is_relative_to(folder)):
        return None
    return f"{place or folder} cannot be written: {error.strerror}"
