"""Checkpoints: tensors and plain values in one safetensors file; reading runs no code."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor


def write_checkpoint(path: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Write a checkpoint; a reader sees the old file or the whole new one, never a part.

    Args:
        path: the file; its folder is made.
        tensors: by name, on any device.
        values: what JSON can say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        metadata={"values": json.dumps(values)},
    )
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors (on the CPU) and values of `write_checkpoint`."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        values: dict[str, Any] = json.loads(file.metadata()["values"])
    return tensors, values
