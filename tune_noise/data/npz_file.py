"""Read the arrays of an untrusted .npz file: no pickles, no surprise sizes, all faults at once."""

import math
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np

from tune_noise.errors import DataError, Problem, suggestion

# Arrays are kept in memory, and a compressed file can claim a thousand times its own size.
MAX_BYTES = 16 * 2**30

# What the standard library raises on a damaged, encrypted or exotic member of an archive.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


def read_arrays(
    path: Path, *, known: Collection[str]
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Read the arrays with known names; the problems of the others are returned, not raised.

    Args:
        path: of a file as written by `numpy.savez` or `numpy.savez_compressed`.
        known: the names that arrays may have.

    Returns:
        (arrays by name, problems with the array's name as place).

    Raises:
        DataError: the file is no archive at all, or its arrays need more than MAX_BYTES.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_members(path, archive, known)
    except _UNREADABLE as error:
        raise DataError(
            f"{path} cannot be read as an .npz file ({error}); write it with "
            "numpy.savez_compressed(path, images=..., labels=...)"
        ) from error


def _read_members(
    path: Path, archive: zipfile.ZipFile, known: Collection[str]
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    unknown = [name for name in members if name not in known]
    problems = [
        Problem(name, f"is not an array of a data set; {suggestion(name, known)}")
        for name in unknown
    ]
    wanted = {name: info for name, info in members.items() if name in known}
    # The archive's own directory bounds what reading a member can give: nothing is loaded yet.
    declared_bytes = sum(info.file_size for info in wanted.values())
    if declared_bytes > MAX_BYTES:
        raise DataError(
            f"{path} declares {declared_bytes / 2**30:.1f} GiB of arrays; "
            f"a data set is held in memory and may have {MAX_BYTES / 2**30:.0f} GiB"
        )
    arrays = {}
    for name, info in wanted.items():
        try:
            arrays[name] = _read_member(archive, info)
        except _UNREADABLE as error:
            problems.append(Problem(name, f"cannot be read: {error}"))
    return arrays, problems


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as file:
        _check_header(file, num_bytes=info.file_size)
    with archive.open(info) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read()  # the archive's checksum is compared only at the very end of a member
    return np.ascontiguousarray(array)


def _check_header(file: IO[bytes], *, num_bytes: int) -> None:
    """Refuse what the header declares before memory is taken for it."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"format {version[0]}.{version[1]} is for arrays with named fields")
    if dtype.hasobject:
        raise ValueError(
            "it holds Python objects, which can run code when loaded; "
            "convert it with numpy.asarray(..., dtype='uint8' or 'int64')"
        )
    if file.tell() + math.prod(shape) * dtype.itemsize != num_bytes:
        raise ValueError(f"its header declares {dtype} {list(shape)}, which is not what follows")
