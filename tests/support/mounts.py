"""Small file systems of one's own, to fill or to break; only root may mount them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


@contextmanager
def small_disk(folder: Path, *, kilobytes: int) -> Iterator[Path]:
    """A tmpfs that is soon full; skips the test where it cannot be mounted."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class BreakableDisk:
    """An ext4 file system in a file.

    Attributes:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path, device: str) -> None:
        """Use `breakable_disk`."""
        self.folder, self._device = folder, device

    def break_down(self) -> None:
        """Make it read-only as the kernel does after an error, also for open files."""
        trigger = Path("/sys/fs/ext4", Path(self._device).name, "trigger_fs_error")
        trigger.write_text("broken by a test\n")


@contextmanager
def breakable_disk(folder: Path) -> Iterator[BreakableDisk]:
    """A file system that can break down; skips the test where it cannot be mounted."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a file system")
    image = folder.with_suffix(".img")
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(8 * 2**20)
    run("mkfs.ext4", "-q", "-F", image)
    run("mount", "-o", "loop,errors=remount-ro", image, folder)
    try:
        yield BreakableDisk(folder, run("findmnt", "-n", "-o", "SOURCE", folder))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only_view(folder: Path, *, of: Path) -> Iterator[Path]:
    """Another folder, seen through one in which nothing can be written."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a folder")
    folder.mkdir()
    run("mount", "--bind", "-o", "ro", of, folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
