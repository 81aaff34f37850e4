import math

import pytest
import torch

from tune_noise.training import checkpoint
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint


def test_tensors_and_values_come_back_as_they_were(tmp_path):
    tensors = {
        "a.weight": torch.randn(3, 4),
        "transposed": torch.randn(4, 3).T,
        "step": torch.tensor(5.0),
        "mask": torch.tensor([True, False]),
        "count": torch.tensor([2**40]),
    }
    values = {"epoch": 3, "loss": 0.1 + 0.2, "none": None, "best": -math.inf, "rows": [{"a": 1e-9}]}
    file = tmp_path / "new" / "folder" / "state.safetensors"
    write_checkpoint(file, tensors, values)
    found, plain = read_checkpoint(file)
    assert plain == values
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert torch.equal(found[name], value)
        assert found[name].dtype == value.dtype


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "state"
    write_checkpoint(file, {"a": torch.zeros(1)}, {"epoch": 1})

    def full_disk(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_checkpoint(file, {"a": torch.ones(1)}, {"epoch": 2})
    tensors, values = read_checkpoint(file)
    assert values == {"epoch": 1}
    assert tensors["a"].item() == 0.0


def test_a_new_checkpoint_replaces_the_old_one_and_leaves_nothing_else(tmp_path):
    for epoch in (1, 2):
        write_checkpoint(tmp_path / "state", {"a": torch.zeros(1)}, {"epoch": epoch})
    assert read_checkpoint(tmp_path / "state")[1] == {"epoch": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
