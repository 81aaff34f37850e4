"""Real disks of some megabytes that fill up, fail, and are mended again; only root has them."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def run_tool(*command: str) -> None:
    """Run a program of the system and expect it to succeed."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"


def _mount(*arguments: str) -> None:
    """Mount, or skip the test where that is not allowed."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a disk")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"this machine mounts no such disk: {done.stderr.strip()}")


class SmallDisk:
    """A tmpfs, which is full when `size` is used up.

    Args:
        path: where it is mounted; the folder is made.
        size: as mount takes it, e.g. 16m.
    """

    def __init__(self, path: Path, size: str) -> None:
        """Mount it."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={size}", "tune_noise_test", str(path))

    def resize(self, size: str) -> None:
        """Make room, or take it away."""
        run_tool("mount", "-o", f"remount,size={size}", str(self.path))

    def fill(self) -> None:
        """Leave not one byte."""
        with (self.path / "filling").open("wb", buffering=0) as file:
            block = bytes(1 << 16)
            while block:
                try:
                    file.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def make_room(self) -> None:
        """Remove what `fill` has written."""
        (self.path / "filling").unlink()

    def remove(self) -> None:
        """Unmount it."""
        run_tool("umount", str(self.path))


class FailingDisk:
    """An ext4 file system in a file, which turns read-only when it fails.

    Args:
        path: where it is mounted; the folder is made.
        megabytes: its size.
    """

    def __init__(self, path: Path, megabytes: int = 64) -> None:
        """Make and mount it."""
        self.path = path
        self._image = path.with_name(f"{path.name}.img")
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("mkfs.ext4 is not installed")
        with self._image.open("wb") as file:
            file.truncate(megabytes << 20)
        run_tool("mkfs.ext4", "-q", "-F", str(self._image))
        path.mkdir(parents=True)
        self._is_mounted = False
        self._mount()

    def _mount(self) -> None:
        _mount("-o", "loop", str(self._image), str(self.path))
        self._is_mounted = True

    def fail(self) -> None:
        """As after an I/O error: what it does not hold yet is lost, and nothing can be written."""
        run_tool("mount", "-o", "remount,abort", str(self.path))

    def repair(self) -> None:
        """Unmount, check, mount."""
        self.remove()
        # 1: errors were corrected.
        done = subprocess.run(["e2fsck", "-fy", str(self._image)], capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        self._mount()

    def remove(self) -> None:
        """Unmount it; its loop device goes with it."""
        if self._is_mounted:
            run_tool("umount", str(self.path))
            self._is_mounted = False


class Disks:
    """Makes disks and removes all of them at the end.

    Args:
        end_users: ends the processes that may still use a disk.
    """

    def __init__(self, end_users: Callable[[], None]) -> None:
        """None yet."""
        self._end_users = end_users
        self._disks: list[SmallDisk | FailingDisk] = []

    def small(self, path: Path, size: str) -> SmallDisk:
        """See `SmallDisk`."""
        self._disks.append(disk := SmallDisk(path, size))
        return disk

    def failing(self, path: Path) -> FailingDisk:
        """See `FailingDisk`."""
        self._disks.append(disk := FailingDisk(path))
        return disk

    def remove_all(self) -> None:
        """Unmount them, the last one first."""
        self._end_users()
        for disk in reversed(self._disks):
            disk.remove()
