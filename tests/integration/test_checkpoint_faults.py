"""Checkpoints that are damaged while nobody trains: the one before is used, and it is said."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.search_audit import notes
from tests.support.shell import MANY_EPOCHS, STEADY, Shell, events, recorded
from tune_noise.record.folder import checkpoint_file, previous_checkpoint_file
from tune_noise.training.checkpoint import read_checkpoint

pytestmark = pytest.mark.long

CUT_OFF, FLIPPED, LOST = "c1-t0001", "c1-t0002", "c1-t0003"


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(shell: Shell) -> None:
    space = shell.space(**STEADY, trials=3, epochs=MANY_EPOCHS)
    folder = shell.folder / "runs" / "tiny"
    # Half a CPU each: all three train at once on two CPUs as well.
    share = ["--cpus-per-trial", "0.5", "--max-concurrent", "3"]
    driver = shell.start("tune_noise.search", "--space", space, *share)
    previous = {i: previous_checkpoint_file(folder, i) for i in (CUT_OFF, FLIPPED, LOST)}
    current = {i: checkpoint_file(folder, i) for i in previous}
    states = [*previous.values(), *current.values()]
    shell.wait_for(driver, lambda: all(path.exists() for path in states), "two states each")
    shell.end_all()
    shell.wait_until_all_ended()

    expected = {i: read_checkpoint(path)[1]["epoch"] for i, path in previous.items()} | {LOST: 0}
    cut_off(current[CUT_OFF])
    flip_a_bit(current[FLIPPED])
    cut_off(current[LOST])
    flip_a_bit(previous[LOST])
    before = {i: events(folder, "epoch").count(i) for i in previous}
    driver = shell.start("tune-noise", "resume", str(folder))
    for i, known in before.items():
        shell.wait_for(
            driver, lambda i=i, n=known: events(folder, "epoch").count(i) > n, "new epoch"
        )
    driver.send_signal(signal.SIGINT)
    out, _ = shell.ending_of(driver, code=130)

    restored = {note.trial_id: note.data for note in notes(folder) if "restored_epoch" in note.data}
    assert {i: data["restored_epoch"] for i, data in restored.items()} == expected
    for i, data in restored.items():
        assert current[i].name in data["text"]
        assert data["text"] in out
    assert previous[LOST].name in restored[LOST]["text"]
    for i in expected:
        numbers = [epoch["epoch"] for trial_id, epoch in recorded(folder, "epoch") if trial_id == i]
        assert numbers == list(range(1, len(numbers) + 1))
