"""Commands as a user runs them, and disks that fill up or fail under them."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.disks import Disks
from tests.support.shell import Shell, running_shell


@pytest.fixture(scope="module", autouse=True)
def _turn(ray_room: None) -> None:
    """Every file here starts searches."""


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_arrives() -> None:
    # Under nohup or behind `&` the tests ignore SIGINT, and every command would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with running_shell(tmp_path) as shell:
        yield shell


@pytest.fixture
def disks(shell: Shell) -> Iterator[Disks]:
    def end_users() -> None:
        shell.end_all()
        shell.wait_until_all_ended()

    disks = Disks(end_users)
    try:
        yield disks
    finally:
        disks.remove_all()
