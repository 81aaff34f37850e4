"""Disks that fill up, fail or are taken away: a search stops with a word, and goes on after."""

import shutil
from pathlib import Path

import pytest

from tests.support.disks import Disks
from tests.support.search_audit import audit
from tests.support.shell import MANY_EPOCHS, STEADY, Shell, events, kill

pytestmark = pytest.mark.long

# Some seconds in all, of which the disk sees the first.
SHORT = {**STEADY, "trials": 3, "epochs": 100}
FULL = ("No space left on device", "database or disk is full")
READ_ONLY = ("Read-only file system", "readonly database", "disk I/O error")


def check_message(err: str, folder: Path, reasons: tuple[str, ...]) -> None:
    """It says where, why, and how to go on."""
    first = err.strip().splitlines()[0]
    assert first.startswith(f"error: {folder}")
    assert any(reason in first for reason in reasons)
    assert "continue with" in err
    assert str(folder) in err.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_full_disk_stops_the_search_until_there_is_room(shell: Shell, disks: Disks) -> None:
    disk = disks.small(shell.folder / "disk", "24m")
    folder = disk.path / "tiny"
    space = ["--space", shell.space(**SHORT), "--output", "disk", "--max-concurrent", "2"]
    driver = shell.start("tune_noise.search", *space)
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    disk.fill()
    _, err = shell.ending_of(driver, code=1)
    check_message(err, folder, FULL)
    # Still no room: the same again, and nothing is lost by it.
    again = shell.run("tune_noise.search", *space, "--resume", code=1)
    check_message(again, folder, FULL)
    disk.make_room()
    shell.go_on(err)
    audit(folder)


@pytest.mark.slow
def test_a_disk_that_turns_read_only_stops_the_search_until_it_is_mended(
    shell: Shell, disks: Disks
) -> None:
    disk = disks.failing(shell.folder / "disk")
    folder = disk.path / "tiny"
    space = ["--space", shell.space(**SHORT), "--output", "disk", "--max-concurrent", "2"]
    driver = shell.start("tune_noise.search", *space)
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    disk.fail()
    _, err = shell.ending_of(driver, code=1)
    check_message(err, folder, READ_ONLY)
    disk.repair()
    shell.go_on(err)
    audit(folder)


def test_a_search_whose_folder_is_removed_stops(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
    _, err = shell.ending_of(driver, code=1)
    check_message(err, folder, ("No such file or directory", "it was removed"))


@pytest.mark.slow
def test_what_ray_says_of_a_failure_may_find_no_room(shell: Shell, disks: Disks) -> None:
    folder = shell.folder / "runs" / "tiny"
    space = shell.space(**{**SHORT, "trials": 1, "epochs": 400})
    disk = disks.small(folder / ".ray", "64k")
    driver = shell.start("tune_noise.search", "--space", space, "--resume")
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    disk.fill()
    kill(*shell.actors())
    out, _ = shell.ending_of(driver, code=0)
    assert "failed and is given to another process: its process was killed" in out
    audit(folder)


@pytest.mark.slow
def test_each_part_of_the_folder_may_be_what_is_full(shell: Shell, disks: Disks) -> None:
    folder = shell.folder / "runs" / "tiny"
    space = ["--space", shell.space(**{**SHORT, "trials": 1, "epochs": 400}), "--resume"]
    # The states of trials after some seconds, and the outputs at the end.
    for part in ("checkpoints", "figures"):
        disk = disks.small(folder / part, "4k")
        err = shell.run("tune_noise.search", *space, code=1)
        check_message(err, folder, FULL)
        shell.wait_until_all_ended()
        disk.resize("64m")
    shell.go_on(err)
    audit(folder)
