"""A folder that claims to be a model may hold anything: it is one, or the one clear error."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import DataError
from tune_noise.models.networks import build_network
from tune_noise.training.saved_model import (
    CONFIG_FILE,
    MAX_CONFIG_BYTES,
    WEIGHTS_FILE,
    load_model,
    save_model,
)


@pytest.fixture(scope="module")
def folder(few_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained perceptron; each test writes what it needs of it."""
    network = build_network("perceptron", members=1, input_shape=(1, 8, 8), num_classes=10)
    path = tmp_path_factory.mktemp("models") / "model"
    save_model(path, network.state_dict(), TrialConfig(model="perceptron"), few_digits, {})
    return path


@pytest.fixture(scope="module")
def files(folder: Path) -> tuple[bytes, bytes]:
    return (folder / CONFIG_FILE).read_bytes(), (folder / WEIGHTS_FILE).read_bytes()


def outcome(folder: Path, config: bytes, weights: bytes) -> str | None:
    """The refusal; None where the folder is a model, which then predicts."""
    (folder / CONFIG_FILE).write_bytes(config)
    (folder / WEIGHTS_FILE).write_bytes(weights)
    try:
        model = load_model(folder)
    except DataError as error:
        message = str(error)
        assert message.startswith(f"{folder}: not a model written by tune_noise: ")
        assert len(message) < 5000
        return message
    images = np.zeros((2, *model.input_shape), np.uint8)
    assert model.predict(images).shape == (2,)
    return None


def test_the_right_files_are_a_model(folder: Path, files: tuple[bytes, bytes]) -> None:
    assert outcome(folder, *files) is None


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
@example(b"[" * 100_000)
@example(b'{"config": {}}')
@example(b"NaN")
@example(b"1" * 5000)
@example(b"\xff\xfe{}")
@example(b"\0")
def test_any_bytes_for_the_configuration_are_refused(
    folder: Path, files: tuple[bytes, bytes], config: bytes
) -> None:
    assert outcome(folder, config, files[1]) is not None


@given(st.binary(max_size=100))
@example(b"")
@example(b"\xff" * 100)
@example((2**40).to_bytes(8, "little"))
@example((2).to_bytes(8, "little") + b"{}")
@example((2**16).to_bytes(8, "little") + b"[" * 2**16)
def test_any_bytes_for_the_weights_are_refused(
    folder: Path, files: tuple[bytes, bytes], weights: bytes
) -> None:
    assert outcome(folder, files[0], weights) is not None


def test_weights_cut_off_anywhere_are_refused(folder: Path, files: tuple[bytes, bytes]) -> None:
    for length in range(0, len(files[1]), 7):
        assert outcome(folder, files[0], files[1][:length]) is not None


def test_a_flipped_bit_of_the_weights_header_is_no_traceback(
    folder: Path, files: tuple[bytes, bytes]
) -> None:
    config, weights = files
    header_end = 8 + int.from_bytes(weights[:8], "little")
    for position in range(header_end):
        flipped = weights[:position] + bytes([weights[position] ^ 4]) + weights[position + 1 :]
        outcome(folder, config, flipped)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["config", "input_shape", "num_classes", "mean", "std", "note"])


@settings(max_examples=200)
@given(st.dictionaries(KEYS, JSON, min_size=1, max_size=2))
@example({"num_classes": True})
@example({"input_shape": [1, 8, 8.0]})
@example({"mean": [float("nan")]})
@example({"std": [3.4028235677973366e38]})
@example({"config": {"model": "conv9_small"}, "input_shape": [1, 2, 2]})
def test_any_value_in_the_configuration_is_taken_or_refused(
    folder: Path, files: tuple[bytes, bytes], changes: dict[str, Any]
) -> None:
    config = json.dumps(json.loads(files[0]) | changes).encode()
    outcome(folder, config, files[1])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"input_shape": [1, 8]}, "input_shape"),
        ({"input_shape": [1, 0, 8]}, "input_shape.1  0 must be greater than"),
        ({"input_shape": [1, 2**21, 8]}, "input_shape.1"),
        ({"input_shape": [2, 8, 8]}, "input_shape has 2 channels; mean and std"),
        ({"num_classes": 1}, "num_classes 1 must be greater than or equal to 2"),
        ({"num_classes": "10"}, "num_classes '10' must be a number: write it without quotes"),
        ({"mean": [0.1, 0.2]}, "mean and std must have as many"),
        ({"mean": [2.0]}, "mean of pictures must be in 0..1"),
        ({"std": [0.0]}, "std.0 0.0 must be greater than"),
        ({"config": {"modle": "mlp1"}}, "config.modle unknown key"),
        # Sizes that no machine has: nothing is allocated before the weights are found to fit.
        ({"num_classes": 2**20, "input_shape": [1, 1000, 1000]}, "not those of the perceptron"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_named(
    folder: Path, files: tuple[bytes, bytes], changes: dict[str, Any], expected: str
) -> None:
    message = outcome(folder, json.dumps(json.loads(files[0]) | changes).encode(), files[1])
    assert expected.replace("  ", " ") in str(message)


@pytest.mark.parametrize("family", ["model", "method", "noise"])
def test_no_code_is_run_that_the_user_has_not_named(
    folder: Path,
    files: tuple[bytes, bytes],
    family: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('this code was run')")
    monkeypatch.syspath_prepend(tmp_path)
    about = json.loads(files[0])
    about["config"] |= {family: "planted:Thing"}
    message = str(outcome(folder, json.dumps(about).encode(), files[1]))
    assert "own_network='planted:Thing'" in message
    about["config"]["unknown"] = 1
    assert "own_network=" in str(outcome(folder, json.dumps(about).encode(), files[1]))


def test_tensors_of_another_type_name_or_number_are_refused(
    folder: Path, files: tuple[bytes, bytes]
) -> None:
    right = load(files[1])
    first = next(iter(right))
    others = [
        {name: tensor.half() for name, tensor in right.items()},
        {**right, "more": torch.zeros(1)},
        {name: tensor for name, tensor in right.items() if name != first},
        {**right, first: right[first].flatten()},
        {f"x{name}": tensor for name, tensor in right.items()},
    ]
    for tensors in others:
        assert "are not those of the perceptron" in str(outcome(folder, files[0], save(tensors)))


def test_files_too_large_for_the_network_are_not_read(
    folder: Path, files: tuple[bytes, bytes]
) -> None:
    assert "is larger than" in str(outcome(folder, files[0], files[1] + bytes(2_000_000)))
    assert "is larger than" in str(outcome(folder, b" " * (MAX_CONFIG_BYTES + 1), files[1]))


def test_a_pickle_in_place_of_the_weights_runs_no_code(
    folder: Path, files: tuple[bytes, bytes], tmp_path: Path
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "was here"),)

    torch.save({"weight": Evil()}, tmp_path / "weights")
    assert outcome(folder, files[0], (tmp_path / "weights").read_bytes()) is not None
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "circle", "missing"])
def test_only_regular_files_are_opened(
    files: tuple[bytes, bytes], tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(files[0])
    (tmp_path / WEIGHTS_FILE).write_bytes(files[1])
    path = tmp_path / name
    path.unlink()
    make = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "circle": lambda: path.symlink_to(path),
        "missing": lambda: None,
    }
    make[kind]()
    with pytest.raises(DataError, match=f"there is no file {name}"):
        load_model(tmp_path)
