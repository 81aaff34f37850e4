"""The sets that torchvision knows, read from its folders and downloaded at their first use.

torchvision says which files a set consists of, their MD5s and their mirrors. The MNIST family is
read straight from the official .gz files, and what is parsed are the very bytes whose checksum was
right. An unpacked copy has no checksum. It is read only where its .gz file is absent, must have the
shape of the official file to the last byte, and is named in the data set's `reading`.
"""

import gzip
import hashlib
import math
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tune_noise.data.cifar_batch import read_batch
from tune_noise.data.dataset import Dataset
from tune_noise.data.download import fetch, md5_of
from tune_noise.data.torchvision_import import import_torchvision
from tune_noise.errors import DataError
from tune_noise.system.files import replace_file


class _Source(NamedTuple):
    torchvision_class: str
    num_classes: int


_SOURCES: Mapping[str, _Source] = {
    "mnist": _Source("MNIST", 10),
    "fashion_mnist": _Source("FashionMNIST", 10),
    "kmnist": _Source("KMNIST", 10),
    "cifar10": _Source("CIFAR10", 10),
    "cifar100": _Source("CIFAR100", 100),
}

# Images uint8 [N, C, H, W] and labels int64 [N] of one split.
_Split = tuple[np.ndarray, np.ndarray]
# First word of an unpacked file of the MNIST family -> examples in it.
_MNIST_SIZES: Mapping[str, int] = {"train": 60_000, "t10k": 10_000}


def load_torchvision_set(name: str, *, data_dir: Path) -> Dataset:
    """Load one of the sets of torchvision; the network is used only for files that are absent.

    Args:
        name: one of mnist, fashion_mnist, kmnist, cifar10, cifar100.
        data_dir: torchvision's root folder, e.g. data_dir/MNIST/raw/train-images-idx3-ubyte.gz.

    Raises:
        DataError: a file is corrupted, or absent and not to be had.
    """
    source = _SOURCES[name]
    official = _torchvision_class(name, source.torchvision_class)
    load = _load_cifar if source.torchvision_class.startswith("CIFAR") else _load_mnist
    try:
        train, test, reading = load(name, official, data_dir)
    except (OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read from {data_dir}: {error}") from error
    return Dataset(
        name=name,
        train_inputs=train[0],
        train_labels=train[1],
        true_labels=train[1],
        test_inputs=test[0],
        test_labels=test[1],
        num_classes=source.num_classes,
        reading=reading,
    )


def _torchvision_class(name: str, class_name: str) -> Any:
    try:
        return getattr(import_torchvision().datasets, class_name)
    except ImportError as error:
        raise DataError(
            f"{name} needs torchvision, which cannot be imported ({error}): "
            "install the torchvision that belongs to the installed torch"
        ) from error


def _load_mnist(name: str, official: Any, data_dir: Path) -> tuple[_Split, _Split, str | None]:
    folder = data_dir / official.__name__ / "raw"
    files = {folder / filename: md5 for filename, md5 in official.resources}
    unpacked = [p for p in files if not p.exists() and p.with_suffix("").exists()]
    absent = _absent(name, {p: md5 for p, md5 in files.items() if p not in unpacked})
    for path in absent:
        try:
            fetch([mirror + path.name for mirror in official.mirrors], path, md5=files[path])
        except OSError as error:
            wanted = f"{_listed(absent)} into {folder}"
            raise _unavailable(name, data_dir, wanted, error) from error
    arrays = (
        _read_unpacked(name, path.with_suffix(""))
        if path in unpacked
        else _read_idx(gzip.decompress(_official_content(name, path, files[path])))
        for path in files
    )
    train_inputs, train_labels, test_inputs, test_labels = arrays
    return (
        (train_inputs[:, np.newaxis], train_labels.astype(np.int64)),
        (test_inputs[:, np.newaxis], test_labels.astype(np.int64)),
        f"read {_listed([path.with_suffix('') for path in unpacked])}, which were unpacked and so "
        "have no checksum"
        if unpacked
        else None,
    )


def _read_unpacked(name: str, path: Path) -> np.ndarray:
    """Read a copy without a checksum, which must be whole.

    Raises:
        DataError: it has another shape than the official file, or a label that is none.
    """
    split, kind, *_ = path.name.split("-")
    shape = (_MNIST_SIZES[split], *((28, 28) if kind == "images" else ()))
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
    # A pipe or a device under the name of a file might never end.
    is_whole = os.path.isfile(path) and path.stat().st_size == len(header) + math.prod(shape)
    content = path.read_bytes() if is_whole else b""
    if not content.startswith(header) or (kind == "labels" and max(content[len(header) :]) > 9):
        raise DataError(
            f"{name} is corrupted: {path} is not the unpacked file, {list(shape)} of one byte "
            f"each; delete it ({path.name}.gz is then downloaded) or put a good copy in its place"
        )
    return _read_idx(content)


def _read_idx(content: bytes) -> np.ndarray:
    """Read bytes in the MNIST format: 0, 0, type, rank, the sizes big-endian, the values."""
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _load_cifar(name: str, official: Any, data_dir: Path) -> tuple[_Split, _Split, None]:
    folder = data_dir / official.base_folder
    batches = [*official.train_list, *official.test_list]
    files = {folder / filename: md5 for filename, md5 in batches}
    files[folder / official.meta["filename"]] = official.meta["md5"]
    absent = _absent(name, files)
    if absent:
        _unpack(absent, _cifar_archive(name, official, absent, data_dir))

    def split(members: Sequence[tuple[str, str]]) -> _Split:
        batches = [
            read_batch(_official_content(name, folder / filename, md5)) for filename, md5 in members
        ]
        images, labels = zip(*batches, strict=True)
        return np.concatenate(images), np.concatenate(labels)

    return split(official.train_list), split(official.test_list), None


def _cifar_archive(name: str, official: Any, absent: Sequence[Path], data_dir: Path) -> Path:
    """Return the official archive in the data folder, downloaded where it is absent."""
    archive = data_dir / str(official.filename)
    if _absent(name, {archive: official.tgz_md5}):
        try:
            fetch([official.url], archive, md5=official.tgz_md5)
        except OSError as error:
            unpacked = f"{_listed(absent)} into {data_dir / official.base_folder}"
            wanted = f"{archive.name} into {data_dir} (or unpacked: {unpacked})"
            raise _unavailable(name, data_dir, wanted, error) from error
    return archive


def _unpack(paths: Sequence[Path], archive: Path) -> None:
    """Unpack just these files, each complete or not at all; the archive's MD5 vouches for them."""
    try:
        with tarfile.open(archive) as tar:
            for path in paths:
                content = tar.extractfile(f"{path.parent.name}/{path.name}")
                if content is None:
                    raise OSError(f"{archive} has no file {path.name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, content.read())
    except (tarfile.TarError, KeyError) as error:
        raise OSError(
            f"{archive} is not an archive of {', '.join(p.name for p in paths)}"
        ) from error


def _official_content(name: str, path: Path, md5: str) -> bytes:
    """Read and check the bytes of a file: nothing comes between check and use."""
    content = path.read_bytes()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise _corrupted(name, [path])
    return content


def _absent(name: str, files: Mapping[Path, str]) -> list[Path]:
    """Return the files that are not there.

    Raises:
        DataError: a file is there but is not the official one: nothing overwrites or uses it.
    """
    there = {path: md5 for path, md5 in files.items() if path.exists()}
    # A pipe or a device under the name of a file might never end.
    wrong = [p for p, md5 in there.items() if not os.path.isfile(p) or md5_of(p) != md5]
    if wrong:
        raise _corrupted(name, wrong)
    return [path for path in files if path not in there]


def _corrupted(name: str, paths: Sequence[Path]) -> DataError:
    listed = "".join(f"\n  {path}" for path in paths)
    return DataError(
        f"{name} is corrupted: the MD5 differs from the official file's. Delete what is listed "
        f"(it is then downloaded again) or put a good copy in its place:{listed}"
    )


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _unavailable(name: str, data_dir: Path, wanted: str, reason: Exception) -> DataError:
    return DataError(
        f"{name} is not in {data_dir} and cannot be downloaded ({reason})\n"
        f"  put {wanted}\n"
        "  or name the folder that holds them with --data-dir DIR or the variable TUNE_NOISE_DATA"
    )
