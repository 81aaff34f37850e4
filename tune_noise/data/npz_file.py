"""Read the arrays of an untrusted .npz file: no pickles, no surprise sizes, all faults at once.

A file is believed in nothing: what it declares is added up before memory is taken for it, and only
what NumPy itself writes is read, so that no exotic part of the zip format has to be trusted.
"""

import ast
import io
import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO

import numpy as np

from tune_noise.data.memory import available_bytes
from tune_noise.errors import DataError, Problem

# Arrays are kept in memory, and a compressed file can claim a thousand times its own size.
MAX_BYTES = 16 * 2**30
MAX_MEMBERS = 20
# Names that are only alike, such as train_labels and true_labels, may mean the opposite.
_TYPO = 0.85
# The table of contents is read in one piece and may declare any size; arrays come in small ones.
_MAX_READ_BYTES = 2**20
# NumPy's own limit is 10,000, for headers of arrays with many named fields.
_MAX_HEADER_BYTES = 1000
# What NumPy writes of a single dtype; it reads more, some of it with a warning.
_SINGLE_DTYPE = re.compile(r"[<>|=][biufcSUVO][0-9]{0,9}")

# What the standard library and NumPy raise on a damaged, encrypted or exotic archive or array.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    ArithmeticError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)


@dataclass(frozen=True)
class _Header:
    """What a member says it holds."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def final_bytes(self) -> int:
        """In memory: labels become int64, whatever they were."""
        is_image = len(self.shape) > 1
        return self.count * max(self.dtype.itemsize, 1 if is_image else 8)


class _ShortReads:
    """A file that refuses to give much at once."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes; all that are left only where that is little."""
        if size > _MAX_READ_BYTES:
            raise zipfile.BadZipFile(f"its table of contents declares {size} bytes")
        return self._file.read(_MAX_READ_BYTES if size < 0 else size)


def read_arrays(
    path: Path, *, allowed: Collection[str], example: str, shown: Sequence[str] | None = None
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Read the arrays with known names; the problems of the others are returned, not raised.

    Args:
        path: of a regular file as written by `numpy.savez` or `numpy.savez_compressed`.
        allowed: the names that arrays may have.
        example: how such a file is written, for the message.
        shown: those of the names that a message lists; None: all.

    Returns:
        (arrays by name, problems with the array's name as place).

    Raises:
        DataError: the file is not an archive, or its arrays need more than MAX_BYTES, or more
            than the memory that is left.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(_ShortReads(file)) as archive:
            return _read_members(path, archive, allowed, shown or list(allowed))
    except _UNREADABLE as error:
        raise DataError(
            f"{path} cannot be read as an .npz file ({_reason(error)}); write it with "
            f"numpy.savez_compressed(path, {example})"
        ) from error


def _read_members(
    path: Path, archive: zipfile.ZipFile, allowed: Collection[str], shown: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"{path} holds {len(infos)} arrays; a data set has {', '.join(shown)}")
    headers: dict[str, _Header] = {}
    members, problems = _known_members(infos, allowed, shown)
    for name, info in members.items():
        try:
            headers[name] = _read_header(archive, info, name)
        except _UNREADABLE as error:
            problems.append(Problem(name, _fault(error)))
    _check_memory(path, headers)
    arrays = {}
    for name in headers:
        try:
            arrays[name] = _read_member(archive, members[name])
        except _UNREADABLE as error:
            problems.append(Problem(name, _fault(error)))
    return arrays, problems


def _known_members(
    infos: list[zipfile.ZipInfo], allowed: Collection[str], shown: Sequence[str]
) -> tuple[dict[str, zipfile.ZipInfo], list[Problem]]:
    members: dict[str, zipfile.ZipInfo] = {}
    problems = []
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name not in allowed:
            place = name if name.isprintable() and 0 < len(name) <= 40 else f"{name[:40]!r}"
            close = get_close_matches(name, allowed, n=1, cutoff=_TYPO)
            way_out = (
                f"did you mean {close[0]!r}?"
                if close
                else f"leave it out, or save it as what it is: {', '.join(shown)}"
            )
            fault = f"is not an array of a data set; {way_out}"
            problems.append(Problem(place, fault))
        elif name in members:
            problems.append(Problem(name, "is there twice; write the file again"))
        else:
            members[name] = info
    return members, problems


def _check_memory(path: Path, headers: dict[str, _Header]) -> None:
    sizes = [header.final_bytes for header in headers.values()]
    # Two of them twice: while one is rearranged, or validation images join those of training.
    needed = sum(sizes) + sum(sorted(sizes)[-2:])
    if needed > MAX_BYTES:
        raise DataError(
            f"{path} declares {sum(sizes) / 2**30:.1f} GiB of arrays, {needed / 2**30:.1f} GiB "
            "while they are read; a data set is held in memory and may take "
            f"{MAX_BYTES / 2**30:.0f} GiB"
        )
    left = available_bytes()
    if left is not None and needed > left:
        raise DataError(
            f"{path} declares {sum(sizes) / 2**30:.1f} GiB of arrays, {needed / 2**30:.1f} GiB "
            f"while they are read, and this machine has {left / 2**30:.1f} GiB of memory left: "
            "take fewer or smaller images, or a larger machine"
        )


def _read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> _Header:
    """Check what a member declares before memory is taken for it."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is compressed in a way that NumPy never writes")
    if info.flag_bits & 1:
        raise ValueError("it is encrypted")
    with archive.open(info) as file:
        header = _parse_header(file, name)
        start = file.tell()
    if start + header.count * header.dtype.itemsize != info.file_size:
        declared = f"{header.dtype} {list(header.shape)}"
        raise ValueError(f"its header declares {declared}, which is not what follows")
    return header


def _parse_header(file: IO[bytes], name: str) -> _Header:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format {version[0]}.{version[1]} is for arrays with named fields")
    length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError("its header is too long for an array of numbers")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a compiler, over code that is never run
            header = ast.literal_eval(file.read(length).decode("latin1"))
        shape, descr = header["shape"], header["descr"]
    except (SyntaxError, ValueError, TypeError, LookupError, MemoryError, RecursionError):
        raise zipfile.BadZipFile("it has no valid header") from None
    if not isinstance(descr, str) or not _SINGLE_DTYPE.fullmatch(descr):
        raise ValueError("it holds no numbers; save an array of a single dtype, uint8 or int64")
    dtype = np.dtype(descr)
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < 2**63 for n in shape):
        raise ValueError("its header declares no shape")
    if dtype.hasobject:
        # A list of words, numbers or arrays becomes what it is made of.
        is_flat = len(shape) < 3
        fix = f"numpy.array({name}.tolist())" if is_flat else f"{name}.astype('uint8')"
        raise ValueError(
            f"it holds Python objects, which can run code when loaded; save `{name} = {fix}`"
        )
    return _Header(shape, dtype)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read(1)  # the archive's checksum is compared only at the very end of a member
    return np.ascontiguousarray(array)


def _fault(error: Exception) -> str:
    # What is refused here, and by NumPy, is a ValueError and says itself what to do.
    way_out = "" if isinstance(error, ValueError) else "; the file is damaged: write it again"
    return f"cannot be read: {_reason(error)}{way_out}"


def _reason(error: Exception) -> str:
    """Return one line; the standard library's texts may be empty, or hold the file's bytes."""
    text = str(error).partition("\n")[0]
    return (text if text.isprintable() else repr(text))[:200] or type(error).__name__
