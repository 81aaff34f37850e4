"""Files that are whole at any time, and folders that can be written."""

import errno
import os
from pathlib import Path

import pytest

from tune_noise.errors import UserError
from tune_noise.system.files import (
    check_writable,
    remove_partials,
    replace_file,
    replacement,
    storage_fault,
)
from tune_noise.system.lock import own_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "mine"


def test_a_replacement_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")

    def cut_off() -> None:
        with replacement(path) as partial:
            partial.write_bytes(b"half")
            raise ValueError("cut off")

    with pytest.raises(ValueError, match="cut off"):
        cut_off()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_is_synced_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    replace_file(tmp_path / "file", b"new")
    assert len(synced) == 2
    assert synced[0].endswith(".partial")
    assert synced[1] == str(tmp_path)


def test_a_file_system_that_cannot_sync_a_folder_is_written_to_all_the_same(tmp_path, monkeypatch):
    real = os.fsync

    def refuses_folders(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuses_folders)
    replace_file(tmp_path / "file", b"a", memoryview(b"b"))
    assert (tmp_path / "file").read_bytes() == b"ab"


def test_leftovers_of_killed_writers_are_told_from_all_other_files(tmp_path, monkeypatch):
    # No two writers have the same name for what they write, on whatever machine.
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(Path, "unlink", lambda path, **options: None)
    monkeypatch.setattr(Path, "replace", lambda path, target: None)
    for name in ("c1.safetensors", "c1.safetensors", "c10.safetensors", "c1.weights.safetensors"):
        replace_file(tmp_path / name, b"part")
    monkeypatch.undo()
    (tmp_path / "c1.safetensors").touch()
    assert len(list(tmp_path.iterdir())) == 5
    remove_partials(tmp_path / "c1.safetensors")
    left = sorted(path.name.partition("safetensors")[0] for path in tmp_path.iterdir())
    assert left == [".c1.weights.", ".c10.", "c1."]
    remove_partials(tmp_path / "missing" / "c1.safetensors")


def test_a_folder_that_can_be_made_is_accepted_and_not_made(folder: Path) -> None:
    check_writable(folder)
    assert list(folder.parent.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(UserError, match="is not a folder: choose another one"):
        check_writable(folder)
    with pytest.raises(UserError, match="cannot be made"), own_folder(folder):
        pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left"), "runs/mine cannot be written: No space left"),
        (OSError(errno.EROFS, "Read-only", "/x/y"), "/x/y cannot be written: Read-only"),
        (OSError(errno.ENOENT, "No such file", "runs/mine/a"), "runs/mine/a cannot be written"),
        (OSError(errno.ENOENT, "No such file", "/etc/x"), None),
        (OSError(errno.ENOENT, "No such file"), None),
        (OSError(errno.ECONNREFUSED, "Connection refused"), None),
    ],
)
def test_errors_of_the_disk_below_a_folder_are_told_from_others(
    error: OSError, expected: str | None
) -> None:
    fault = storage_fault(error, Path("runs/mine"))
    assert (fault is None) == (expected is None)
    assert expected is None or expected in str(fault)
