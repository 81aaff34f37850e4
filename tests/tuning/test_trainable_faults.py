"""An actor that is paused, or whose output folder cannot be used."""

import errno
import json
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tune_noise.data import Dataset
from tune_noise.record.folder import (
    checkpoint_file,
    checkpoints_dir,
    previous_checkpoint_file,
    weights_file,
)
from tune_noise.training import checkpoint
from tune_noise.training.checkpoint import read_checkpoint
from tune_noise.tuning.trainable import FAULT, RESTORED

from .actors import actor, epochs_of, has_ended, news_of, stack_of, untimed

pytestmark = pytest.mark.usefixtures("long_steps")


def full_disk(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# Ray's save, before it pauses a trial.


def test_a_pause_writes_what_was_trained_since_the_last_checkpoint_and_gives_ray_nothing(
    tmp_path: Path, few_digits: Dataset
) -> None:
    made = actor(stack_of("t"), few_digits, tmp_path, [1, 3])
    assert made.save().checkpoint is None
    assert not checkpoints_dir(tmp_path).exists()
    for epoch in (1, 3):
        made.step()
        assert made.save().checkpoint is None
        made.save()
        assert read_checkpoint(checkpoint_file(tmp_path, "t"))[1]["epoch"] == epoch
    # The second save of the same state did not push the one before out.
    assert read_checkpoint(previous_checkpoint_file(tmp_path, "t"))[1]["epoch"] == 1
    again = actor(stack_of("t"), few_digits, tmp_path, [1, 3])
    assert json.loads(again.step()[RESTORED])["epoch"] == 3
    again.save()
    assert read_checkpoint(previous_checkpoint_file(tmp_path, "t"))[1]["epoch"] == 1


def test_a_stack_that_has_ended_is_not_checkpointed_by_ray(
    tmp_path: Path, few_digits: Dataset
) -> None:
    made = actor(stack_of("t", epochs=1), few_digits, tmp_path, [])
    assert has_ended(made.step())
    made.save()
    assert not checkpoints_dir(tmp_path).exists()


def test_a_pause_on_a_full_disk_is_no_failure(
    tmp_path: Path, few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = actor(stack_of("t"), few_digits, tmp_path, [1])
    made.step()
    monkeypatch.setattr(checkpoint.os, "fsync", full_disk)
    assert made.save().checkpoint is None
    assert list(checkpoints_dir(tmp_path).iterdir()) == []


# Faults.


@pytest.mark.usefixtures("each_epoch")
@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE]
)
def test_a_checkpoint_that_cannot_be_written_is_told_and_kills_nothing(
    code: int, tmp_path: Path, few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = actor(stack_of("t"), few_digits, tmp_path, [2])
    made.step()

    def fails(*arguments: Any, **options: Any) -> None:
        raise OSError(code, os.strerror(code), "some file")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fails)
        result = made.step()
    # The epoch is trained and reported; the state before it is still there.
    assert epochs_of(result) == [3]
    assert not has_ended(result)
    assert news_of(result)["status"] is None
    assert result[FAULT] == f"{checkpoints_dir(tmp_path)} cannot be written: {os.strerror(code)}"
    assert read_checkpoint(checkpoint_file(tmp_path, "t"))[1]["epoch"] == 2
    # Where the driver did not stop there is room again.
    result = made.step()
    assert epochs_of(result) == [4, 5]
    assert FAULT not in result
    assert has_ended(result)


@pytest.mark.usefixtures("each_epoch")
def test_an_output_folder_that_is_gone_is_told_and_not_made_anew(
    tmp_path: Path, few_digits: Dataset
) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    made = actor(stack_of("t"), few_digits, output, [2])
    made.step()
    shutil.rmtree(output)
    result = made.step()
    assert result[FAULT].endswith("cannot be written: No such file or directory")
    assert epochs_of(result) == [3]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """The kernel refuses every file of more than a kilobyte, as a quota would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("each_epoch", "small_files_only")
def test_a_write_that_the_kernel_refuses_leaves_no_part_of_a_file(
    tmp_path: Path, few_digits: Dataset
) -> None:
    result = actor(stack_of("t"), few_digits, tmp_path, []).step()
    assert result[FAULT].endswith("cannot be written: File too large")
    assert epochs_of(result) == [1]
    assert list(checkpoints_dir(tmp_path).iterdir()) == []


def test_a_confirmation_whose_weights_cannot_be_written_has_not_ended(
    tmp_path: Path, few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_of("t", "u", stage="confirm", epochs=2)
    made = actor(stack, few_digits, tmp_path, [])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", full_disk)
        result = made.step()
    assert result[FAULT].endswith("No space left on device")
    assert not has_ended(result)
    for trial_id in ("t", "u"):
        assert epochs_of(result, trial_id) == [1, 2]
        assert news_of(result, trial_id)["status"] is None
    # Whoever takes it up again trains it to its end, and the weights are there.
    again = actor(stack, few_digits, tmp_path, []).step()
    assert has_ended(again)
    for trial_id in ("t", "u"):
        news = news_of(again, trial_id)
        assert untimed(news["epochs"]) == untimed(news_of(result, trial_id)["epochs"])
        assert news["status"] == "completed"
    assert weights_file(tmp_path, "t").exists()


def test_weights_that_could_be_written_at_last_end_the_confirmation(
    tmp_path: Path, few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = actor(stack_of("t", stage="confirm", epochs=2), few_digits, tmp_path, [])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", full_disk)
        made.step()
    result = made.step()
    assert has_ended(result)
    assert (epochs_of(result), news_of(result)["status"]) == ([], "completed")
    assert weights_file(tmp_path, "t").exists()


@pytest.mark.usefixtures("each_epoch")
def test_a_folder_that_cannot_be_read_stops_the_stack_before_it_starts_anew(
    tmp_path: Path, few_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor(stack_of("t"), few_digits, tmp_path, [2]).step()

    def fails(*arguments: Any) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    again = actor(stack_of("t"), few_digits, tmp_path, [2])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_check", fails)
        result = again.step()
    assert result[FAULT] == (
        f"{checkpoints_dir(tmp_path)} cannot be read: {os.strerror(errno.ESTALE)}"
    )
    assert RESTORED not in result
    assert (epochs_of(result), has_ended(result)) == ([], False)
    # Nothing was overwritten.
    result = again.step()
    assert json.loads(result[RESTORED])["epoch"] == 2
    assert epochs_of(result) == [1, 2]
