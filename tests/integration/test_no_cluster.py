"""Clusters that are gone or cannot be started: one message within seconds, and nothing begun."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.ports import free_port
from tests.support.shell import Shell

pytestmark = pytest.mark.long


def prefix(shell: Shell, *command: str) -> None:
    """Run the commands of a shell by another one, or skip where that does not work."""
    done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {done.stderr}")
    shell.prefix = list(command)


def refused(shell: Shell, *arguments: str) -> str:
    message = shell.run("tune_noise.search", "--space", shell.space(), *arguments, code=2)
    assert message.count("error: ") == 1
    assert not (shell.folder / "runs").exists()
    return message


def test_auto_where_a_cluster_that_is_gone_has_left_its_address(shell: Shell) -> None:
    # Where other Rays of this machine are not seen, as `auto` would mean one of those.
    prefix(shell, "unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    file, address = shell.folder / "ray" / "ray_current_cluster", f"127.0.0.1:{free_port()}"
    file.parent.mkdir()
    file.write_text(address)
    shell.environment["RAY_TMPDIR"] = str(shell.folder)
    message = refused(shell, "--address", "auto")
    assert f"--address auto ({address}, from {file}): no Ray cluster answers there" in message
    assert "leave --address out" in message


def test_a_home_folder_that_may_not_be_written(shell: Shell) -> None:
    if os.geteuid() == 0:
        prefix(shell, "setpriv", "--bounding-set", "-dac_override")
    del shell.environment["RAY_AUTH_MODE"]
    home = shell.folder / "home"
    home.mkdir(mode=0o555)
    shell.environment["HOME"] = str(home)
    assert f"HOME={home}" in (message := refused(shell))
    assert "set HOME" in message


def test_a_temporary_folder_of_ray_that_another_user_has_made(shell: Shell) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder to another user")
    prefix(shell, "setpriv", "--bounding-set", "-dac_override,-fowner")
    # Not in the folder of the test, whose path is too long for Ray.
    with TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short, "ray")
        folder.mkdir()
        os.chown(folder, 12345, 12345)
        shell.environment["TMPDIR"] = short
        assert str(folder) in (message := refused(shell))
        assert "set RAY_TMPDIR" in message


def test_too_few_open_files(shell: Shell) -> None:
    prefix(shell, "prlimit", "--nofile=48:48")
    assert "ulimit -n" in refused(shell)
