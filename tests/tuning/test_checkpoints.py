"""The two newest states of a stack: rotation, damage, and writers that are killed."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tune_noise.config.trial import TrialConfig
from tune_noise.record.folder import (
    checkpoint_file,
    checkpoints_dir,
    previous_checkpoint_file,
    weights_file,
)
from tune_noise.training import checkpoint
from tune_noise.training.checkpoint import write_checkpoint
from tune_noise.tuning.checkpoints import StackCheckpoints, remove_checkpoints
from tune_noise.tuning.session.session import Session
from tune_noise.tuning.session.stacks import Stack

from .fake_trainer import FakeTrainer, fresh_record, make_search


def stack(stack_id: str = "c1-t0001", **fields: Any) -> Stack:
    return Stack(stack_id, "search", "all", (stack_id,), (TrialConfig(**fields),))


def write(checkpoints: StackCheckpoints, *epochs: int) -> None:
    for epoch in epochs:
        checkpoints.write({"a": torch.full((3,), float(epoch))}, {"epoch": epoch})


def restored(output: Path, of: Stack | None = None) -> tuple[int, list[str]]:
    """The epoch found, 0 for none, and what was said."""
    epochs = [0]

    def load(tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        assert values.keys() == {"epoch"}
        assert torch.equal(tensors["a"], torch.full((3,), float(values["epoch"])))
        epochs.append(values["epoch"])

    damage = StackCheckpoints(output, of or stack()).restore(load)
    return epochs[-1], damage


def files(output: Path) -> list[str]:
    return sorted(path.name for path in checkpoints_dir(output).iterdir())


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def test_without_a_checkpoint_nothing_is_restored_and_nothing_said(tmp_path: Path) -> None:
    assert restored(tmp_path) == (0, [])


def test_the_newest_state_is_restored_and_the_one_before_is_kept(tmp_path: Path) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1, 2, 3)
    assert restored(tmp_path) == (3, [])
    assert files(tmp_path) == ["c1-t0001.previous.safetensors", "c1-t0001.safetensors"]
    checkpoint_file(tmp_path, "c1-t0001").unlink()
    assert restored(tmp_path) == (2, [])


@pytest.mark.parametrize("damage", [flip_a_byte, cut_off, empty])
def test_of_a_damaged_checkpoint_the_one_before_is_used_and_it_is_said(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1, 2)
    damage(checkpoint_file(tmp_path, "c1-t0001"))
    epoch, said = restored(tmp_path)
    assert epoch == 1
    [sentence] = said
    assert sentence.startswith("checkpoint c1-t0001.safetensors is ")


def test_where_both_are_damaged_both_are_named_and_nothing_is_restored(tmp_path: Path) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1, 2)
    flip_a_byte(checkpoint_file(tmp_path, "c1-t0001"))
    empty(previous_checkpoint_file(tmp_path, "c1-t0001"))
    assert restored(tmp_path) == (
        0,
        [
            "checkpoint c1-t0001.safetensors is damaged: its content does not match its checksum",
            "checkpoint c1-t0001.previous.safetensors is cut off, or not a checkpoint",
        ],
    )


def test_damage_of_the_one_before_goes_unnoticed_while_it_is_not_needed(tmp_path: Path) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1, 2)
    flip_a_byte(previous_checkpoint_file(tmp_path, "c1-t0001"))
    assert restored(tmp_path) == (2, [])


def test_a_damaged_checkpoint_does_not_take_the_place_of_the_good_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1, 2)
    flip_a_byte(checkpoint_file(tmp_path, "c1-t0001"))
    again = StackCheckpoints(tmp_path, stack())
    again.restore(lambda tensors, values: None)
    monkeypatch.setattr(Path, "replace", lambda path, target: (_ for _ in ()).throw(OSError()))
    with pytest.raises(OSError):  # noqa: PT011
        write(again, 3)
    monkeypatch.undo()
    assert restored(tmp_path)[0] == 1
    write(again, 3)
    assert restored(tmp_path) == (3, [])
    checkpoint_file(tmp_path, "c1-t0001").unlink()
    assert restored(tmp_path) == (1, [])


def test_the_state_of_another_configuration_is_not_used(tmp_path: Path) -> None:
    write(StackCheckpoints(tmp_path, stack(lr=0.1)), 1)
    epoch, said = restored(tmp_path, stack(lr=0.2))
    assert epoch == 0
    assert said == [
        "checkpoint c1-t0001.safetensors is that of other trials or configurations",
    ]


def test_a_stack_is_known_again_when_it_comes_from_the_record(tmp_path: Path) -> None:
    search = make_search()
    with fresh_record(tmp_path / "record.db", search) as record:
        session = Session(search, record)
        trainer = FakeTrainer(session)
        while told := session.next_stack():
            write(StackCheckpoints(tmp_path, Stack.from_json(told.to_json())), 1)
            resumed = Session(search, record).next_stack()
            assert restored(tmp_path, resumed) == (1, [])
            trainer.train(told)
        assert trainer.trained[-1].startswith("c2-f")


def test_a_state_that_cannot_be_loaded_is_passed_over(tmp_path: Path) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1, 2)
    loaded = []

    def load(tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        if values["epoch"] == 2:
            raise RuntimeError("size mismatch")
        loaded.append(values["epoch"])

    said = StackCheckpoints(tmp_path, stack()).restore(load)
    assert loaded == [1]
    assert said == ["checkpoint c1-t0001.safetensors does not fit the networks of its trials"]


def test_a_folder_that_cannot_be_read_is_not_taken_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(StackCheckpoints(tmp_path, stack()), 1)

    def fails(*arguments: Any) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(checkpoint, "_check", fails)
    with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
        restored(tmp_path)
    monkeypatch.undo()
    assert restored(tmp_path) == (1, [])


def test_the_checkpoints_of_an_ended_stack_are_removed_and_no_others(tmp_path: Path) -> None:
    for stack_id in ("c1-f1", "c1-f10"):
        write(StackCheckpoints(tmp_path, stack(stack_id)), 1, 2)
    write_checkpoint(weights_file(tmp_path, "c1-f1"), {}, {})
    for name in (".c1-f1.safetensors.ab.partial", ".c1-f1.weights.safetensors.ab.partial"):
        (checkpoints_dir(tmp_path) / name).touch()
    remove_checkpoints(tmp_path, "c1-f1")
    assert files(tmp_path) == [
        "c1-f1.weights.safetensors",
        "c1-f10.previous.safetensors",
        "c1-f10.safetensors",
    ]
    remove_checkpoints(tmp_path, "c1-f1")
    remove_checkpoints(tmp_path / "gone", "c1-f1")


# Killed writers.


class KilledBefore:
    """Kills the process in place of the call of this number, of those that touch the disk."""

    def __init__(self, number: int) -> None:
        self._left = number

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return guarded


# Open, sync of the content, rotation, renaming, removal of what is left (nothing), opening and
# sync of the folder; after them all the writer lives to its end.
DISK_CALLS = 8


def write_and_be_killed(checkpoints: StackCheckpoints, epoch: int, number: int) -> int:
    """Write in a process of its own that is killed before its call of this number."""
    child = os.fork()
    if child == 0:
        killer = KilledBefore(number)
        for owner, name in (
            (Path, "open"),
            (Path, "replace"),
            (Path, "unlink"),
            (os, "open"),
            (os, "fsync"),
        ):
            setattr(owner, name, killer.guard(getattr(owner, name)))
        try:
            write(checkpoints, epoch)
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


# A process that is forked beside threads may hang for ever: run these alone.
@pytest.mark.slow
@pytest.mark.parametrize("number", range(DISK_CALLS + 1))
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_writer_killed_at_any_point_leaves_the_old_state_or_the_new(
    tmp_path: Path, number: int, before: int
) -> None:
    mine = StackCheckpoints(tmp_path, stack())
    checkpoints_dir(tmp_path).mkdir()
    write(mine, *range(1, before + 1))
    killed = write_and_be_killed(mine, before + 1, number)
    # At first there is nothing to rotate.
    assert killed == (signal.SIGKILL if number < DISK_CALLS - (before == 0) else 0)
    epoch, said = restored(tmp_path)
    assert epoch in (before, before + 1)
    assert said == []
    # What it left behind is gone, and the next writer is not disturbed.
    assert not [name for name in files(tmp_path) if "partial" in name]
    again = StackCheckpoints(tmp_path, stack())
    again.restore(lambda tensors, values: None)
    write(again, 8, 9)
    assert restored(tmp_path) == (9, [])
    flip_a_byte(checkpoint_file(tmp_path, "c1-t0001"))
    assert restored(tmp_path)[0] == 8
    assert len(files(tmp_path)) == 2
