"""Checkpoints: tensors and plain values in one safetensors file that knows when it is damaged.

The file's metadata hold the values and a SHA-256 over every byte of the file, with the 64 digits of
the checksum itself counted as zeros. Reading runs no code, and nothing is parsed before the
checksum is found to be right.
"""

import errno
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from tune_noise.errors import TuneNoiseError
from tune_noise.system.files import replace_file

# What safetensors, json, torch and our own code raise over content that nobody has checked.
UNREADABLE = (
    SafetensorError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
Tensors = dict[str, Tensor]
_CHECKSUM = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_NO_CHECKSUM = b"0" * 64
_DTYPES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int32: "I32",
    torch.int64: "I64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
}
# The limit of safetensors itself; ours are some kilobytes, as many as the epochs so far need.
_MAX_HEADER_BYTES = 100_000_000
_CHUNK_BYTES = 1 << 20


class DamagedCheckpoint(TuneNoiseError):  # noqa: N818 - it names what was found
    """A file that is not, or no longer, what `write_checkpoint` wrote.

    Args:
        path: the file.
        reason: what is wrong with it, as the end of a sentence that begins with the file's name.
    """

    def __init__(self, path: Path, reason: str) -> None:
        """Put the file's name in front of the reason."""
        self.reason = reason
        super().__init__(f"{path} {reason}")


def write_checkpoint(
    path: Path,
    tensors: Tensors,
    values: dict[str, Any],
    *,
    previous: Path | None = None,
) -> None:
    """Write a checkpoint; a reader sees the old file or the whole new one, never a part.

    Args:
        path: the file; its folder is made, but not the folders above it: one that is gone may be
            a share that is not mounted, and must not be created on the disk below.
        tensors: by name, on any device.
        values: what JSON can say.
        previous: where the file that stands at `path` goes, in place of the one that stands there.

    Raises:
        OSError: the disk is full, read-only, gone or failing. What stood at `path` still stands
            there, or at `previous`.
    """
    path.parent.mkdir(exist_ok=True)
    # One copy at most: a stack's state may take a good part of the memory.
    parts = [_bytes_of(tensor) for tensor in tensors.values()]
    header = _header(tensors, values)
    digest = hashlib.sha256(header)
    for part in parts:
        digest.update(part)
    header = header.replace(_NO_CHECKSUM, digest.hexdigest().encode(), 1)
    replace_file(path, header, *parts, previous=previous)


def _bytes_of(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return flat.numpy().data


def _header(tensors: Tensors, values: dict[str, Any]) -> bytes:
    """Return the beginning of a safetensors file: where each tensor lies, and the metadata."""
    # The checksum comes first, so that nothing before it can be taken for it.
    metadata = {"sha256": _NO_CHECKSUM.decode(), "values": json.dumps(values)}
    entries: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        entries[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def read_checkpoint(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Read the tensors (on the CPU) and values of `write_checkpoint`.

    Raises:
        DamagedCheckpoint: the file is anything else, whatever its content.
        OSError: there is no such file, or the disk cannot be read now.
    """
    # A pipe would be waited for.
    if path.exists() and not path.is_file():
        raise DamagedCheckpoint(path, "is not a file")
    try:
        with path.open("rb") as file:
            _check(path, file)
            file.seek(0)
            data = file.read()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise DamagedCheckpoint(path, f"cannot be read: {error.strerror}") from None
    return _parse(path, data)


def _check(path: Path, file: BinaryIO) -> None:
    """Compare the checksum, in a bounded memory: the file may be anything, of any size."""
    prefix = file.read(8)
    header_bytes = int.from_bytes(prefix, "little")
    if header_bytes > min(_MAX_HEADER_BYTES, os.fstat(file.fileno()).st_size):
        raise DamagedCheckpoint(path, "is cut off, or not a checkpoint")
    header = file.read(header_bytes)
    match = _CHECKSUM.search(header)
    if match is None:
        raise DamagedCheckpoint(path, "is cut off, or not a checkpoint")
    digest = hashlib.sha256(prefix + header[: match.start(1)])
    digest.update(_NO_CHECKSUM + header[match.end(1) :])
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    if digest.hexdigest().encode() != match[1]:
        raise DamagedCheckpoint(path, "is damaged: its content does not match its checksum")


def _parse(path: Path, data: bytes) -> tuple[Tensors, dict[str, Any]]:
    """Return tensors and values; a right checksum does not prove that we wrote them."""
    header_bytes = int.from_bytes(data[:8], "little")
    try:
        tensors = load(data)
        values = json.loads(json.loads(data[8 : 8 + header_bytes])["__metadata__"]["values"])
    except UNREADABLE:
        raise DamagedCheckpoint(path, "is not a checkpoint: it holds something else") from None
    if not isinstance(values, dict):
        raise DamagedCheckpoint(path, "is not a checkpoint: it holds no values")
    return tensors, values
