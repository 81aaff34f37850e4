"""Data sets damaged on disk: detected, named with the way out, and never returned to be trained on.

Every file of every set is damaged in every way, in small sets of the official layout; the complete
MNIST and CIFAR-10 where they are at hand.
"""

import gzip
import hashlib
import os
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
from sklearn.model_selection import train_test_split

from tune_noise.data import digits, load_dataset
from tune_noise.data.cifar_batch import read_batch
from tune_noise.data.torchvision_import import import_torchvision
from tune_noise.errors import DataError

NOWHERE = "http://127.0.0.1:9/"  # the discard port of this machine: nothing answers there
CLASSES = {
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
}
# Opcodes of bytes, and those of Python 2 for its strings.
_STRINGS = {"BINBYTES": ord("T"), "SHORT_BINBYTES": ord("U")}


def idx_gz(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


def batch(label_name: str, start: int) -> bytes:
    """A pickle as NumPy 1 wrote it under Python 2: its array's bytes are a string."""
    images = np.arange(20 * 3072, dtype=np.int64).reshape(20, 3072) + start
    values = {"data": images.astype(np.uint8), label_name: [n % 10 for n in range(20)]}
    content = pickle.dumps(values, protocol=3).replace(b"numpy._core", b"numpy.core")
    old = bytearray(content)
    for code, _, position in pickletools.genops(content):
        if code.name in _STRINGS:
            old[position] = _STRINGS[code.name]
    return bytes(old)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def make_set(official: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Write small files and declare them to be the official ones."""
    if hasattr(official, "resources"):
        folder = folder / official.__name__ / "raw"
        arrays = [np.arange(20 * 784).reshape(20, 28, 28), np.arange(20) % 10] * 2
        contents = {
            name: idx_gz((array + (position == 2)).astype(np.uint8))
            for position, ((name, _), array) in enumerate(
                zip(official.resources, arrays, strict=True)
            )
        }
        monkeypatch.setattr(official, "resources", [(n, md5(c)) for n, c in contents.items()])
        monkeypatch.setattr(official, "mirrors", [NOWHERE])
    else:
        folder = folder / official.base_folder
        label_name = "fine_labels" if "100" in official.base_folder else "labels"
        contents = {
            name: batch(label_name, start)
            for start, (name, _) in enumerate([*official.train_list, *official.test_list])
        }
        for part in ("train_list", "test_list"):
            listed = [(name, md5(contents[name])) for name, _ in getattr(official, part)]
            monkeypatch.setattr(official, part, listed)
        meta = official.meta["filename"]
        contents[meta] = b"names"
        monkeypatch.setattr(official, "meta", {**official.meta, "md5": md5(b"names")})
        monkeypatch.setattr(official, "url", NOWHERE + official.filename)
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


@pytest.fixture(params=CLASSES)
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, list[Path]]:
    """The name and the files of a small set in tmp_path."""
    monkeypatch.setenv("no_proxy", "*")
    official = getattr(import_torchvision().datasets, CLASSES[request.param])
    return request.param, make_set(official, tmp_path, monkeypatch)


def flipped(content: bytes, _: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "cut off": lambda content, _: content[: len(content) // 2],
    "one byte short": lambda content, _: content[:-1],
    "one byte long": lambda content, _: content + b"\0",
    "empty": lambda content, _: b"",
    "one bit": flipped,
    "zeros": lambda content, _: bytes(len(content)),
    "swapped": lambda _, other: other,
}


def refusal(name: str, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(name, data_dir=folder)
    return str(caught.value)


def test_the_small_sets_are_read(made: tuple[str, list[Path]], tmp_path: Path) -> None:
    dataset = load_dataset(made[0], data_dir=tmp_path)
    assert dataset.train_labels[:10].tolist() == dataset.test_labels[:10].tolist()
    assert dataset.train_labels[:10].tolist() == list(range(10))
    assert not np.array_equal(dataset.train_inputs[:20], dataset.test_inputs[:20])


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damaged_file_is_named_and_left_alone(
    made: tuple[str, list[Path]], tmp_path: Path, damage: str
) -> None:
    name, files = made
    for file, other in zip(files, [*files[1:], files[0]], strict=True):
        content = file.read_bytes()
        damaged = DAMAGES[damage](content, other.read_bytes())
        file.write_bytes(damaged)
        message = refusal(name, tmp_path)
        assert f"{name} is corrupted" in message
        assert "Delete what is listed" in message
        assert message.splitlines()[1:] == [f"  {file}"]
        assert file.read_bytes() == damaged
        file.write_bytes(content)
    load_dataset(name, data_dir=tmp_path)


def test_all_damaged_files_are_named_at_once(made: tuple[str, list[Path]], tmp_path: Path) -> None:
    name, files = made
    for file in files:
        file.write_bytes(b"broken off")
    assert refusal(name, tmp_path).splitlines()[1:] == [f"  {file}" for file in files]


def test_every_missing_file_is_named(made: tuple[str, list[Path]], tmp_path: Path) -> None:
    name, files = made
    for file in files:
        content = file.read_bytes()
        file.unlink()
        message = refusal(name, tmp_path)
        assert message.startswith(f"{name} is not in {tmp_path} and cannot be downloaded")
        assert file.name in message
        assert not file.exists()
        file.write_bytes(content)


def test_what_is_no_file_is_not_waited_for(made: tuple[str, list[Path]], tmp_path: Path) -> None:
    name, files = made
    for file, make in zip(files, [os.mkfifo, os.mkdir], strict=False):
        file.unlink()
        make(file)
    assert refusal(name, tmp_path).splitlines()[1:] == [f"  {file}" for file in files[:2]]


def test_the_left_overs_of_a_download_are_no_data(
    made: tuple[str, list[Path]], tmp_path: Path
) -> None:
    name, files = made
    right = load_dataset(name, data_dir=tmp_path).fingerprint
    for file in files:
        file.with_name(f".{file.name}.1a2b3c4d.partial").write_bytes(file.read_bytes()[:50])
    assert load_dataset(name, data_dir=tmp_path).fingerprint == right


def test_a_file_that_changes_between_check_and_use_is_noticed(
    made: tuple[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, files = made
    monkeypatch.setattr("tune_noise.data.torchvision_sets._absent", lambda *_: [])
    files[1].write_bytes(b"changed")
    assert refusal(name, tmp_path).splitlines()[1:] == [f"  {files[1]}"]


# The pickles of CIFAR.


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_would_run_code_runs_none(tmp_path: Path, protocol: int) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "was here"),)

    content = pickle.dumps({"data": Evil(), "labels": [1]}, protocol=protocol)
    with pytest.raises(ValueError, match=r"posix\.mkdir has no place in a batch of CIFAR"):
        read_batch(content)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"", b".", b"N.", b"garbage", b"cnumpy\nndarray\n.", b"(lp0\n.", b"\x80\x05K\x01.",
        batch("labels", 0)[:-20], batch("names", 0), b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy\ndtype\n(S'O8'\ntR.", b"(dp0\nS'data'\nI1\nsS'labels'\n(lp1\nI1\nas.",
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a batch of CIFAR"):
        read_batch(content)


# The complete sets.


def copy_of(file: Path, folder: Path, root: Path) -> Path:
    """A set of links, and a copy in place of one of them."""
    for path in root.rglob("*"):
        if path.is_file():
            link = folder / path.relative_to(root)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    copy = folder / file
    content = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(content)
    return copy


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte.gz"),
        ("mnist", "MNIST/raw/t10k-labels-idx1-ubyte.gz"),
        ("cifar10", "cifar-10-batches-py/data_batch_1"),
        ("cifar10", "cifar-10-batches-py/test_batch"),
    ],
)
def test_the_complete_sets_damaged_are_named(
    shared_data_dir: Path, tmp_path: Path, name: str, file: str
) -> None:
    copy = copy_of(Path(file), tmp_path, shared_data_dir)
    content = copy.read_bytes()
    for damage in ("cut off", "one bit"):
        copy.write_bytes(DAMAGES[damage](content, b""))
        assert refusal(name, tmp_path).splitlines()[1:] == [f"  {copy}"]


# The digits of scikit-learn.


def with_pixel(rows: list[bytes]) -> list[bytes]:
    return [b"0,0,0" + rows[0][5:], *rows[1:]]


def with_labels(rows: list[bytes]) -> list[bytes]:
    """The labels of two images are exchanged."""
    (first, _, one), (second, _, other) = (row.rpartition(b",") for row in rows[:2])
    return [first + b"," + other, second + b"," + one, *rows[2:]]


def with_a_word(rows: list[bytes]) -> list[bytes]:
    return [b"x" + rows[0], *rows[1:]]


def with_a_short_row(rows: list[bytes]) -> list[bytes]:
    return [*rows[:-1], rows[-1][:20]]


@pytest.mark.parametrize(
    "damage", [with_pixel, with_labels, with_a_word, with_a_short_row, lambda rows: rows[:-1], None]
)
def test_damaged_digits_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    damage: Callable[[list[bytes]], list[bytes]] | None,
) -> None:
    content = digits.digits_file().read_bytes()
    if damage is None:
        content = content[:-100]
    else:
        rows = gzip.decompress(content).splitlines()
        assert damage(rows) != rows
        content = gzip.compress(b"\n".join(damage(rows)))
    path = tmp_path / "digits.csv.gz"
    for damaged in (content, b"", None):
        path.unlink(missing_ok=True)
        if damaged is not None:
            path.write_bytes(damaged)
        monkeypatch.setattr(digits, "digits_file", lambda: path)
        with pytest.raises(DataError, match=r"digits is corrupted: .* install scikit-learn again"):
            load_dataset("digits")


def test_the_digits_are_those_of_scikit_learn() -> None:
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=540, stratify=labels, random_state=0
    )
    found = load_dataset("digits")
    assert found.test_inputs is not None
    for indices, got, truth in (
        (train, found.train_inputs, found.train_labels),
        (test, found.test_inputs, found.test_labels),
    ):
        scaled = np.rint(images[np.sort(indices)].reshape(-1, 1, 8, 8) * (255 / 16))
        np.testing.assert_array_equal(got, scaled)
        np.testing.assert_array_equal(truth, labels[np.sort(indices)])
