"""Checkpoints and saved models: safetensors files, checksums put right after half the mutations."""

import hashlib
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from fuzz_targets.target import SCRATCH, Target, check_message, mutated
from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.errors import DataError
from tune_noise.models.networks import build_network
from tune_noise.training.checkpoint import DamagedCheckpoint, read_checkpoint, write_checkpoint
from tune_noise.training.saved_model import CONFIG_FILE, WEIGHTS_FILE, load_model, save_model

CHECKSUM = re.compile(rb'"sha256":"([0-9a-f]{64})"')
VALUES = (
    None, True, -1, 0, 1, 2**31, 2**62, 10**30, 1e308, float("nan"), "", "F64", "mlp1", "conv4",
    "conv9_small", "co_teaching", [], {}, [0, 0], [0, 4], [2**40, 2**40], [1, 8, 8], [[[]]],
)  # fmt: skip


def run_checkpoint(data: bytes) -> None:
    path = SCRATCH / "state.safetensors"
    path.write_bytes(data)
    try:
        tensors, values = read_checkpoint(path)
    except DamagedCheckpoint as error:
        check_message(error, start=str(path))
        return
    assert isinstance(values, dict)
    for tensor in tensors.values():
        tensor.contiguous().view(-1)[:1].tolist()


def checkpoint_seeds() -> list[bytes]:
    path = SCRATCH / "checkpoints" / "seed.safetensors"
    seeds = []
    for count in (0, 1, 3):
        tensors = {f"network.{i}": torch.arange(4.0 * i).view(2, -1) for i in range(1, count + 1)}
        write_checkpoint(path, tensors, {"epoch": count, "rows": [{"loss": 0.5}]})
        seeds.append(path.read_bytes())
    return seeds


def mutate_checkpoint(data: bytes, max_bytes: int, seed: int) -> bytes:
    random = Random(seed)
    new = mutate_tensors(data, max_bytes, random)
    return with_right_checksum(new) if random.random() < 0.8 else new


def with_right_checksum(data: bytes) -> bytes:
    """What a program that knows the format would write."""
    size = int.from_bytes(data[:8], "little")
    found = CHECKSUM.search(data[: 8 + min(size, len(data))])
    if found is None:
        return data
    start, end = found.span(1)
    zeroed = data[:start] + b"0" * 64 + data[end:]
    return data[:start] + hashlib.sha256(zeroed).hexdigest().encode() + data[end:]


def mutate_tensors(data: bytes, max_bytes: int, random: Random) -> bytes:
    """A safetensors file with a value of its header, or any bytes, changed."""
    size = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + min(size, len(data))], data[8 + min(size, len(data)) :]
    change = random.random()
    if change < 0.3:
        return mutated(data, max_bytes)
    if change < 0.7:
        header = mutate_json(header, random)
    elif change < 0.9:
        header = mutated(header, max_bytes)
    else:
        body = mutated(body, max_bytes)
    return (len(header).to_bytes(8, "little") + header + body)[:max_bytes]


def mutate_json(text: bytes, random: Random) -> bytes:
    """The document with one value replaced, removed or given twice; itself where it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    places = list(containers(document))
    if not places:
        return json.dumps(random.choice(VALUES)).encode()
    place = random.choice(places)
    key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
    change = random.randrange(4)
    if change == 0:
        del place[key]
    elif change == 1 and isinstance(place, dict):
        place[random.choice(["config", "dtype", "shape", "data_offsets", "x"])] = place[key]
    else:
        place[key] = random.choice(VALUES)
    return json.dumps(document, separators=(",", ":")).encode()


def containers(document: Any) -> Any:
    """Every list and mapping of a document that holds anything."""
    if isinstance(document, dict | list) and document:
        yield document
        for value in document.values() if isinstance(document, dict) else document:
            yield from containers(value)


# A model's folder as one input: the length of its configuration file, that file, the weights.


def run_model(data: bytes) -> None:
    size = int.from_bytes(data[:4], "little")
    folder = SCRATCH / "model"
    folder.mkdir(exist_ok=True)
    (folder / CONFIG_FILE).write_bytes(data[4 : 4 + size])
    (folder / WEIGHTS_FILE).write_bytes(data[4 + size :])
    try:
        model = load_model(folder)
    except DataError as error:
        check_message(error, start=f"{folder}: not a model")
        return
    shape = tuple(model.about["input_shape"])
    if np.prod(shape, dtype=float) < 1e5:
        assert model.predict(np.zeros((2, *shape), np.uint8)).shape == (2,)


def model_seeds() -> list[bytes]:
    seeds = []
    digits = load_dataset("digits")
    for method, model in (
        ("standard", "perceptron"),
        ("co_teaching", "perceptron"),
        ("standard", "conv9_small"),
    ):
        config = TrialConfig(method=method, model=model)
        network = build_network(
            model, members=config.num_networks, input_shape=(1, 8, 8), num_classes=10
        )
        folder = SCRATCH / "seed"
        save_model(folder, network.state_dict(), config, digits, {"note": "seed"})
        seeds.append(packed((folder / CONFIG_FILE).read_bytes(), folder / WEIGHTS_FILE))
    return seeds


def packed(config: bytes, weights: Path) -> bytes:
    return len(config).to_bytes(4, "little") + config + weights.read_bytes()


def mutate_model(data: bytes, max_bytes: int, seed: int) -> bytes:
    random = Random(seed)
    size = int.from_bytes(data[:4], "little")
    config, weights = data[4 : 4 + size], data[4 + size :]
    change = random.random()
    if change < 0.1:
        return mutated(data, max_bytes)
    if change < 0.5:
        config = mutate_json(config, random)
    elif change < 0.7:
        config = mutated(config, 4096)
    else:
        weights = mutate_tensors(weights, max_bytes, random)
    return (len(config).to_bytes(4, "little") + config + weights)[:max_bytes]


CHECKPOINT = Target(run_checkpoint, checkpoint_seeds, mutate_checkpoint)
MODEL = Target(run_model, model_seeds, mutate_model, max_bytes=49_152)
