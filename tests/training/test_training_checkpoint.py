import errno
import hashlib
import json
import math
import os
import pickle
import re
import tracemalloc
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tune_noise.training import checkpoint
from tune_noise.training.checkpoint import (
    DamagedCheckpoint,
    read_checkpoint,
    write_checkpoint,
)

# Files are rewritten in place, so one folder serves all examples.
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
MIB = 1 << 20


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small checkpoint with every part: names, types, shapes, numbers and values."""
    file = tmp_path_factory.mktemp("written") / "state"
    tensors = {"a": torch.tensor([[1.5, -2.0]]), "count": torch.tensor([3]), "none": torch.ones(0)}
    write_checkpoint(file, tensors, {"epoch": 3, "name": "some"})
    return file.read_bytes()


def forged(header: bytes, data: bytes) -> bytes:
    """A file of any content with a checksum that is right."""
    zeros = b'"sha256":"' + b"0" * 64 + b'"'
    digest = hashlib.sha256(len(header).to_bytes(8, "little") + header + data).hexdigest()
    assert zeros in header
    signed = header.replace(zeros, f'"sha256":"{digest}"'.encode())
    return len(header).to_bytes(8, "little") + signed + data


def refused(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    with pytest.raises(DamagedCheckpoint) as caught:
        read_checkpoint(file)
    assert str(caught.value) == f"{file} {caught.value.reason}"
    return caught.value.reason


def test_tensors_and_values_come_back_as_they_were(tmp_path):
    tensors = {
        "a.weight": torch.randn(3, 4),
        "transposed": torch.randn(4, 3).T,
        "step": torch.tensor(5.0),
        "mask": torch.tensor([True, False]),
        "count": torch.tensor([2**40]),
        "empty": torch.zeros(0, 3),
        'sha256":"' + "0" * 64 + '"': torch.zeros(1),
    }
    values = {
        "epoch": 3,
        "loss": 0.1 + 0.2,
        "none": None,
        "best": -math.inf,
        "rows": [{"a": 1e-9}],
        "sha256": '"sha256":"' + "0" * 64 + '"',
    }
    file = tmp_path / "new" / "state.safetensors"
    write_checkpoint(file, tensors, values)
    found, plain = read_checkpoint(file)
    assert plain == values
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert torch.equal(found[name], value)
        assert found[name].dtype == value.dtype


def test_the_checksum_is_that_of_the_file_with_zeros_in_its_place(written):
    [digits] = re.findall(rb'"sha256":"([0-9a-f]{64})"', written)
    assert hashlib.sha256(written.replace(digits, b"0" * 64)).hexdigest().encode() == digits


def test_a_change_of_any_single_byte_is_recognised(tmp_path, written):
    for place in range(len(written)):
        changed = bytearray(written)
        changed[place] ^= 1
        refused(tmp_path / "state", bytes(changed))


@in_one_folder
@given(data=st.data(), flips=st.integers(1, 255))
def test_a_byte_changed_to_any_other_is_recognised(data, flips, tmp_path, written):
    place = data.draw(st.integers(0, len(written) - 1))
    changed = bytearray(written)
    changed[place] ^= flips
    refused(tmp_path / "state", bytes(changed))


def test_a_file_cut_off_anywhere_is_recognised(tmp_path, written):
    for length in range(len(written)):
        refused(tmp_path / "state", written[:length])


@in_one_folder
@given(more=st.binary(min_size=1, max_size=100))
@example(more=b"\0")
def test_a_file_that_goes_on_behind_its_end_is_recognised(more, tmp_path, written):
    assert "checksum" in refused(tmp_path / "state", written + more)


def test_halves_of_two_checkpoints_are_recognised(tmp_path, written):
    write_checkpoint(tmp_path / "other", {"a": torch.tensor([[9.0, 9.0]])}, {"epoch": 4})
    other = (tmp_path / "other").read_bytes()
    for length in range(8, len(written), 8):
        refused(tmp_path / "state", written[:length] + other[length:])


@in_one_folder
@given(content=st.binary(max_size=300))
@example(content=b"")
@example(content=b"\xff" * 300)
@example(content=pickle.dumps({"epoch": 3}))
def test_a_file_of_any_content_is_refused(content, tmp_path):
    refused(tmp_path / "state", content)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
tensor_like = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "I64", "F4", "C64", "F8_E8M0", "?"]),
        "shape": st.lists(st.integers(-1, 3) | st.sampled_from([2**31, 2**62, 2**64]), max_size=3),
        "data_offsets": st.lists(st.integers(0, 40), min_size=2, max_size=2),
    }
)


@in_one_folder
@given(
    entries=st.dictionaries(st.text(max_size=3), tensor_like | json_like, max_size=3),
    values=st.text(max_size=10) | json_like.map(json.dumps),
    data=st.binary(max_size=40),
)
@example(
    entries={"a": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}},
    values="{}",
    data=b"",
)
@example(
    entries={"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 4]}},
    values="{}",
    data=b"1234",
)
@example(entries={}, values="[" * 100_000, data=b"")
@example(entries={}, values="9" * 10_000, data=b"")
@example(entries={}, values="[]", data=b"")
def test_a_forged_checksum_opens_nothing_but_tensors_and_values(entries, values, data, tmp_path):
    header = json.dumps(
        {"__metadata__": {"values": values, "sha256": "0" * 64}, **entries}, separators=(",", ":")
    ).encode()
    (tmp_path / "state").write_bytes(forged(header, data))
    try:
        tensors, plain = read_checkpoint(tmp_path / "state")
    except DamagedCheckpoint:
        return
    assert isinstance(plain, dict)
    assert sum(tensor.nbytes for tensor in tensors.values()) <= len(data)


@pytest.mark.parametrize("header_bytes", [2**63, 2**40, 300 * MIB, 200 * MIB])
def test_a_header_that_lies_about_its_length_costs_no_memory(tmp_path, header_bytes):
    file = tmp_path / "state"
    with file.open("wb") as opened:
        opened.write(header_bytes.to_bytes(8, "little"))
        opened.truncate(256 * MIB)  # holes: it takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(DamagedCheckpoint):
            read_checkpoint(file)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_a_damaged_file_of_any_size_costs_no_memory(tmp_path, written):
    file = tmp_path / "state"
    file.write_bytes(written)
    os.truncate(file, 256 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedCheckpoint):
            read_checkpoint(file)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ""):
        with pytest.raises(DamagedCheckpoint, match="is not a file"):
            read_checkpoint(tmp_path / name)


def test_a_bad_sector_is_damage_and_a_missing_file_is_not(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "state")
    (tmp_path / "state").write_bytes(b"")
    for code, expected in ((errno.EIO, DamagedCheckpoint), (errno.EACCES, PermissionError)):

        def fails(*arguments, code=code):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(checkpoint, "_check", fails)
        with pytest.raises(expected):
            read_checkpoint(tmp_path / "state")
