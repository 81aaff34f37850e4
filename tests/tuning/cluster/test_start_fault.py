"""What Ray says when it cannot be started, and the variable that helps."""

import errno
import resource
from pathlib import Path

import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.errors import UserError
from tune_noise.tuning.cluster.connect import cluster
from tune_noise.tuning.cluster.start_fault import LEAST_OPEN_FILES, check_settings, start_fault


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR"])
def test_a_path_that_is_too_long_for_sockets(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real Ray, which refuses before it starts anything."""
    folder = tmp_path / ("é" * 60)
    monkeypatch.setenv(variable, str(folder))
    with pytest.raises(UserError) as failure, cluster(make_search(), address=None, folder=tmp_path):
        pass
    message = str(failure.value)
    assert f"{variable}={folder} has {len(str(folder).encode())} bytes" in message
    most = int(message.rpartition(" ")[2])
    assert "set RAY_TMPDIR to a folder whose path has at most" in message
    added = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
    assert most == 107 - len(added)


@pytest.mark.parametrize(
    ("error", "fragments"),
    [
        (RuntimeError("Could not determine home directory."), ("HOME=/home/me", "set HOME")),
        (PermissionError(errno.EACCES, "Permission denied", "/home/me/.ray"), ("set HOME",)),
        (PermissionError(errno.EACCES, "Permission denied", "/home"), ("set HOME",)),
        (OSError(errno.ENOSPC, "No space left", "/home/me/.ray/auth_token"), ("set HOME",)),
        (PermissionError(errno.EACCES, "Permission denied", "/tmp/ray"), ("set RAY_TMPDIR",)),
        (OSError(errno.ENOSPC, "No space left", "/tmp/ray/session_1"), ("set RAY_TMPDIR",)),
        (FileExistsError(errno.EEXIST, "File exists", "/tmp/ray"), ("/tmp/ray", "RAY_TMPDIR")),
    ],
)
def test_the_variable_that_helps_is_named(error: Exception, fragments: tuple[str, ...]) -> None:
    fault = start_fault(error)
    assert isinstance(fault, UserError)
    assert str(fault).startswith("Ray cannot be started on this machine: ")
    for fragment in fragments:
        assert fragment in str(fault)


@pytest.mark.parametrize(
    "error", [Exception("The node timed out"), OSError(errno.ENOMEM, "Cannot allocate", "/dev/shm")]
)
def test_what_no_variable_helps_against_is_not_the_users_fault(error: Exception) -> None:
    assert not isinstance(start_fault(error), UserError)


def test_a_limit_of_open_files_that_is_too_low(monkeypatch: pytest.MonkeyPatch) -> None:
    check_settings()
    limit = LEAST_OPEN_FILES - 1
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    with pytest.raises(UserError, match=f"may open only {limit} files .*`ulimit -n"):
        check_settings()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1023, 1023))
    check_settings()
    fault = start_fault(Exception("The node timed out"))
    assert isinstance(fault, UserError)
    assert "The node timed out; a process may open only 1023 files" in str(fault)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, resource.RLIM_INFINITY))
    check_settings()


@pytest.mark.parametrize("folder", ["", "scratch"])
def test_a_relative_temporary_folder(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", folder)
    with pytest.raises(UserError, match=f"RAY_TMPDIR={folder} is a relative path"):
        check_settings()
