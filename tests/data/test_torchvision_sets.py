import gzip
import hashlib
import io
import os
import struct
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tune_noise.data import load_dataset
from tune_noise.data.torchvision_import import import_torchvision
from tune_noise.errors import DataError

NOWHERE = "http://127.0.0.1:9/"  # the discard port of this machine: nothing answers there
MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 10


@pytest.fixture
def datasets(monkeypatch):
    """torchvision's data sets, with nothing on the network in reach."""
    monkeypatch.setenv("no_proxy", "*")
    found = import_torchvision().datasets
    for name in ("MNIST", "FashionMNIST", "KMNIST"):
        monkeypatch.setattr(getattr(found, name), "mirrors", [NOWHERE, NOWHERE])
    for name in ("CIFAR10", "CIFAR100"):
        monkeypatch.setattr(getattr(found, name), "url", NOWHERE + getattr(found, name).filename)
    return found


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def idx_gz(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def small_mnist(datasets, monkeypatch) -> dict[str, bytes]:
    """Make the official MNIST one of 20 training and 10 test images; returns its files."""
    arrays = (IMAGES, LABELS, IMAGES[:10], LABELS[:10])
    files = {f"{name}.gz": idx_gz(array) for name, array in zip(MNIST_FILES, arrays, strict=True)}
    resources = [(name, md5(content)) for name, content in files.items()]
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    return files


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address of a server of this machine that serves it."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def assert_is_small_mnist(dataset) -> None:
    np.testing.assert_array_equal(dataset.train_inputs[:, 0], IMAGES)
    np.testing.assert_array_equal(dataset.train_labels, LABELS)
    np.testing.assert_array_equal(dataset.test_inputs[:, 0], IMAGES[:10])
    np.testing.assert_array_equal(dataset.test_labels, LABELS[:10])


def test_mnist_is_complete_and_in_the_official_order(datasets, shared_data_dir):
    mnist = load_dataset("mnist", data_dir=shared_data_dir)
    assert mnist.train_inputs.shape == (60_000, 1, 28, 28)
    assert mnist.test_inputs.shape == (10_000, 1, 28, 28)
    assert mnist.train_inputs.dtype == np.uint8
    assert mnist.train_labels.dtype == np.int64
    assert mnist.num_classes == 10
    # As everyone sees them who prints the first labels of MNIST.
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    np.testing.assert_array_equal(mnist.true_labels, mnist.train_labels)


def test_mnist_equals_what_torchvision_itself_reads(datasets, shared_data_dir, tmp_path):
    mnist = load_dataset("mnist", data_dir=shared_data_dir)
    raw = {path.name: path.read_bytes() for path in (shared_data_dir / "MNIST/raw").iterdir()}
    lay_out(tmp_path / "MNIST" / "raw", raw)
    theirs = datasets.MNIST(tmp_path, train=False, download=True)
    np.testing.assert_array_equal(mnist.test_inputs[:, 0], theirs.data.numpy())
    np.testing.assert_array_equal(mnist.test_labels, theirs.targets.numpy())


def test_cifar10_is_complete_and_in_the_official_order(datasets, shared_data_dir):
    cifar10 = load_dataset("cifar10", data_dir=shared_data_dir)
    assert cifar10.train_inputs.shape == (50_000, 3, 32, 32)
    assert cifar10.test_inputs.shape == (10_000, 3, 32, 32)
    assert cifar10.train_inputs.flags.c_contiguous
    assert cifar10.train_labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert np.bincount(cifar10.train_labels).tolist() == [5000] * 10
    assert np.bincount(cifar10.test_labels).tolist() == [1000] * 10
    # The first image, a frog: its first pixel is the colour (59, 62, 63).
    assert cifar10.train_inputs[0, :, 0, 0].tolist() == [59, 62, 63]


def test_a_flipped_byte_of_cifar10_is_named_and_the_file_is_left_alone(
    datasets, shared_data_dir, tmp_path
):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for path in (shared_data_dir / "cifar-10-batches-py").iterdir():
        (folder / path.name).symlink_to(path)
    batch = folder / "data_batch_3"
    content = bytearray(batch.read_bytes())
    content[1_000_000] ^= 1
    batch.unlink()
    batch.write_bytes(content)
    with pytest.raises(DataError, match="cifar10 is corrupted") as caught:
        load_dataset("cifar10", data_dir=tmp_path)
    assert str(caught.value).splitlines()[1:] == [f"  {batch}"]
    assert batch.read_bytes() == content


@pytest.mark.parametrize("name", MNIST_FILES)
def test_a_flipped_byte_of_mnist_is_named(small_mnist, tmp_path, name):
    folder = tmp_path / "MNIST" / "raw"
    lay_out(folder, small_mnist)
    path = folder / f"{name}.gz"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="mnist is corrupted") as caught:
        load_dataset("mnist", data_dir=tmp_path)
    assert str(path) in str(caught.value)


def test_a_broken_unpacked_copy_beside_the_official_files_is_never_used(small_mnist, tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    lay_out(folder, small_mnist)
    (folder / MNIST_FILES[0]).write_bytes(b"broken off")
    assert_is_small_mnist(load_dataset("mnist", data_dir=tmp_path))


def test_unpacked_files_alone_are_the_same_mnist_and_that_is_said(
    datasets, shared_data_dir, tmp_path
):
    folder = tmp_path / "MNIST" / "raw"
    packed = {path.stem: path for path in (shared_data_dir / "MNIST/raw").iterdir()}
    lay_out(folder, {name: gzip.decompress(path.read_bytes()) for name, path in packed.items()})
    mnist = load_dataset("mnist", data_dir=tmp_path)
    assert mnist.fingerprint == load_dataset("mnist", data_dir=shared_data_dir).fingerprint
    assert "read train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k" in str(mnist.reading)
    assert "which were unpacked and so have no checksum" in str(mnist.reading)


@pytest.mark.parametrize(
    "damage", ["broken off", "longer", "another header", "wrong label", "pipe"]
)
def test_an_unpacked_copy_that_is_not_whole_is_named(small_mnist, tmp_path, monkeypatch, damage):
    monkeypatch.setattr("tune_noise.data.torchvision_sets._MNIST_SIZES", {"train": 20, "t10k": 10})
    folder = tmp_path / "MNIST" / "raw"
    lay_out(folder, {name[:-3]: gzip.decompress(file) for name, file in small_mnist.items()})
    assert_is_small_mnist(load_dataset("mnist", data_dir=tmp_path))
    path = folder / MNIST_FILES[1]
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "pipe":
        os.mkfifo(path)
    else:
        content[7] ^= damage == "another header"
        content[-1] |= 16 * (damage == "wrong label")
        path.write_bytes(
            {"broken off": content[:-1], "longer": content + b"0"}.get(damage, content)
        )
    with pytest.raises(DataError, match="mnist is corrupted") as caught:
        load_dataset("mnist", data_dir=tmp_path)
    assert f"{path} is not the unpacked file, [20] of one byte each" in str(caught.value)


def test_reading_the_official_files_writes_nothing(small_mnist, tmp_path):
    lay_out(tmp_path / "MNIST" / "raw", small_mnist)
    load_dataset("mnist", data_dir=tmp_path)
    assert {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()} == set(small_mnist)


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("mnist", "MNIST/raw", "train-images-idx3-ubyte.gz"),
        ("fashion_mnist", "FashionMNIST/raw", "t10k-labels-idx1-ubyte.gz"),
        ("kmnist", "KMNIST/raw", "t10k-labels-idx1-ubyte.gz"),
        ("cifar10", "", "cifar-10-python.tar.gz"),
        ("cifar10", "cifar-10-batches-py", "data_batch_1, data_batch_2"),
        ("cifar100", "cifar-100-python", "train, test, meta"),
    ],
)
def test_an_absent_set_without_a_network_is_one_clear_message_soon(
    datasets, tmp_path, capfd, name, folder, file
):
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        load_dataset(name, data_dir=tmp_path)
    assert time.monotonic() - start < 60
    message = str(caught.value)
    assert message.startswith(f"{name} is not in {tmp_path} and cannot be downloaded")
    assert len(message.splitlines()) == 3
    for part in (str(tmp_path / folder), file, "--data-dir", "TUNE_NOISE_DATA", "refused"):
        assert part in message
    assert capfd.readouterr() == ("", "")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_data_folder_that_cannot_be_made_is_a_message_too(datasets, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"mnist cannot be read from|mnist is not in"):
        load_dataset("mnist", data_dir=tmp_path / "file")


def test_absent_files_are_downloaded_once_and_then_need_no_network(
    small_mnist, datasets, mirror, tmp_path, monkeypatch
):
    folder, address = mirror
    for name, content in small_mnist.items():
        (folder / name).write_bytes(content)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE, address])
    assert_is_small_mnist(load_dataset("mnist", data_dir=tmp_path / "data"))
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NOWHERE])
    assert_is_small_mnist(load_dataset("mnist", data_dir=tmp_path / "data"))


def test_a_partial_download_is_never_mistaken_for_data(
    small_mnist, datasets, mirror, tmp_path, monkeypatch
):
    folder, address = mirror
    for name, content in small_mnist.items():
        (folder / name).write_bytes(content[:-9])
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    with pytest.raises(DataError, match="another or an incomplete file"):
        load_dataset("mnist", data_dir=tmp_path / "data")
    assert list((tmp_path / "data" / "MNIST" / "raw").iterdir()) == []


def test_a_mirror_that_never_answers_is_given_up(small_mnist, datasets, tmp_path, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as silent:
        address = f"http://127.0.0.1:{silent.server_port}/"  # listens, but nobody accepts
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        monkeypatch.setattr("tune_noise.data.download._ANSWER_SECONDS", 0.2)
        with pytest.raises(DataError, match=r"no answer within|timed out"):
            load_dataset("mnist", data_dir=tmp_path)


def test_cifar10_is_unpacked_from_the_official_archive_without_a_network(
    datasets, shared_data_dir, tmp_path, monkeypatch
):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(shared_data_dir / "cifar-10-batches-py", "cifar-10-batches-py")
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive.getvalue())
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(archive.getvalue()))
    unpacked = load_dataset("cifar10", data_dir=tmp_path)
    given = load_dataset("cifar10", data_dir=shared_data_dir)
    assert unpacked.fingerprint == given.fingerprint


def test_a_corrupted_archive_is_named(datasets, tmp_path):
    archive = tmp_path / "cifar-100-python.tar.gz"
    archive.write_bytes(b"broken off")
    with pytest.raises(DataError, match="cifar100 is corrupted") as caught:
        load_dataset("cifar100", data_dir=tmp_path)
    assert str(archive) in str(caught.value)


def test_torchvision_imports_whatever_torch_it_was_built_for():
    assert import_torchvision() is import_torchvision()
    assert import_torchvision().datasets.MNIST.__name__ == "MNIST"
