import errno
import os
import re
import resource

import pytest
import torch

from tune_noise.training import checkpoint
from tune_noise.training.checkpoint import (
    read_checkpoint,
    write_checkpoint,
)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, code):
    file, before = tmp_path / "state", tmp_path / "before"
    write_checkpoint(file, {"a": torch.zeros(1)}, {"epoch": 1})

    def fails(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(checkpoint.os, "fsync", fails)
    with pytest.raises(OSError, match=re.escape(os.strerror(code))):
        write_checkpoint(file, {"a": torch.ones(1)}, {"epoch": 2}, previous=before)
    tensors, values = read_checkpoint(file)
    assert values == {"epoch": 1}
    assert tensors["a"].item() == 0.0
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_file_that_grows_too_large_leaves_the_old_one(tmp_path):
    file = tmp_path / "state"
    write_checkpoint(file, {"a": torch.zeros(1)}, {"epoch": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_checkpoint(file, {"a": torch.ones(100_000)}, {"epoch": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_checkpoint(file)[1] == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_new_checkpoint_replaces_the_old_one_and_leaves_nothing_else(tmp_path):
    for epoch in (1, 2):
        write_checkpoint(tmp_path / "state", {"a": torch.zeros(1)}, {"epoch": epoch})
    assert read_checkpoint(tmp_path / "state")[1] == {"epoch": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_the_one_before_is_kept_where_it_is_asked_for(tmp_path):
    state, before = tmp_path / "state", tmp_path / "before"
    for epoch in (1, 2, 3):
        write_checkpoint(state, {}, {"epoch": epoch}, previous=before)
    assert read_checkpoint(state)[1] == {"epoch": 3}
    assert read_checkpoint(before)[1] == {"epoch": 2}


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_checkpoint(tmp_path / "unmounted" / "checkpoints" / "state", {}, {})
    assert list(tmp_path.iterdir()) == []
