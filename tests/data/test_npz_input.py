"""An .npz file may hold any bytes: it is a data set or one clear error, in bounded memory."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.waiting import PATIENCE_SECONDS
from tune_noise.data import check_dataset_name, load_dataset
from tune_noise.data.own_data import load_npz
from tune_noise.errors import DataError

LABELS = np.array([0, 1, 0, 1])
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 2), dtype=np.uint8)


def content(writer: Callable[..., None], **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    writer(file, **{"images": IMAGES, "labels": LABELS, **arrays})
    return file.getvalue()


STORED, DEFLATED = content(np.savez), content(np.savez_compressed)


def npy(descr: str, shape: str, values: bytes = b"", *, version: bytes = b"\1\0") -> bytes:
    """An array with any header, whatever it may say."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode("latin1")
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + values


def archive(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return file.getvalue()


LABELS_NPY = npy("'<i8'", "(4,)", LABELS.tobytes())
IMAGES_NPY = npy("'|u1'", "(4, 3, 2)", IMAGES.tobytes())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npz") / "own.npz"


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        load_npz(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message) < 10_000
    return message


def fingerprint_or_refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    try:
        return load_npz(path).fingerprint
    except DataError as error:
        return str(error)


# Damage.


@pytest.mark.parametrize("data", [STORED, DEFLATED], ids=["stored", "deflated"])
def test_a_flipped_bit_anywhere_is_noticed_or_changes_nothing(path: Path, data: bytes) -> None:
    right = fingerprint_or_refusal(path, data)
    refused = 0
    for position in range(len(data)):
        for bit in (0, 4, 7):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            outcome = fingerprint_or_refusal(path, bytes(flipped))
            assert outcome == right or outcome.startswith(str(path))
            refused += outcome != right
    assert refused > len(data)


@pytest.mark.parametrize("data", [STORED, DEFLATED], ids=["stored", "deflated"])
def test_a_file_cut_off_anywhere_is_refused(path: Path, data: bytes) -> None:
    for length in range(len(data)):
        refusal(path, data[:length])


MUTATIONS = st.lists(
    st.tuples(st.integers(0, len(STORED)), st.integers(0, 30), st.binary(max_size=30)), max_size=4
)


@given(st.sampled_from([STORED, DEFLATED]), MUTATIONS)
def test_any_change_gives_a_data_set_or_a_clear_error(
    path: Path, data: bytes, mutations: list[tuple[int, int, bytes]]
) -> None:
    for start, length, new in mutations:
        data = data[:start] + new + data[start + length :]
    fingerprint_or_refusal(path, data)


HEADERS = st.builds(
    lambda descr, shape: npy(descr, shape, LABELS.tobytes()),
    st.sampled_from(
        ["'<i8'", "'|O'", "'<U0'", "'|V0'", "'|S8'", "[('a', '<i8')]", "'<M8[s]'", "0"]
    ),
    st.sampled_from(["(4,)", "(-4,)", "(-2, -2)", "(True, 4)", "4", "()", "(0, 9**99)", "[4]"]),
)


@given(HEADERS | st.binary(max_size=60).map(lambda text: npy("'<i8'", "(4,)")[:10] + text))
@example(npy("'<i8'", "(" * 100))
@example(npy("'<i8'", "(9223372036854775808, 0)"))
@example(npy("'<i8'", "'''"))
@example(npy("'<i8'", "0x"))
@example(npy("1+'a'", "(4,)"))
@example(npy("'|a8'", "(4,)", LABELS.tobytes()))
@example(npy("', '", "(4,)", LABELS.tobytes()))
@example(npy("'<i8'", "(4,), 1: 2", LABELS.tobytes()))
@example(b"\x93NUMPY\1\0\2\0{}")
def test_any_header_gives_an_array_or_a_clear_error(path: Path, labels: bytes) -> None:
    fingerprint_or_refusal(path, archive([("images.npy", IMAGES_NPY), ("labels.npy", labels)]))


# What only a hostile file holds.


def encrypted() -> bytes:
    data = bytearray(STORED)
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def huge_directory() -> bytes:
    data = bytearray(STORED)
    data[-10:-6] = struct.pack("<I", 2**31)
    return bytes(data)


RIGHT = [("images.npy", IMAGES_NPY), ("labels.npy", LABELS_NPY)]
HOSTILE = {
    "twice": (archive([*RIGHT[:1], ("images", IMAGES_NPY), *RIGHT[1:]]), "images  is there twice"),
    "absolute": (archive([*RIGHT, ("/etc/images.npy", b"")]), "/etc/images  is not an array"),
    "outside": (archive([*RIGHT, ("../images.npy", b"")]), "../images  is not an array"),
    "line": (archive([*RIGHT, ("a\nb\x1b[2J", b"")]), r"'a\nb\x1b[2J'  is not an array"),
    "long": (archive([*RIGHT, ("x" * 60_000, b"")]), f"'{'x' * 40}'  is not an array"),
    "many": (archive([(f"{n}.npy", b"") for n in range(9999)]), "holds 9999 arrays; a data set"),
    "encrypted": (encrypted(), "images  cannot be read: it is encrypted"),
    "directory": (huge_directory(), "cannot be read as an .npz file"),
    "lzma": (archive(RIGHT, zipfile.ZIP_LZMA), "compressed in a way that NumPy never writes"),
    "bzip2": (archive(RIGHT, zipfile.ZIP_BZIP2), "compressed in a way that NumPy never writes"),
    "objects": (content(np.savez, labels=LABELS.astype(object)), "it holds Python objects"),
    "fields": (content(np.savez, labels=np.zeros(4, "i4,i4")), "it holds no numbers; save"),
    "dates": (content(np.savez, labels=np.zeros(4, "M8[s]")), "labels  cannot be read: it holds"),
    "no characters": (archive([RIGHT[0], ("labels.npy", npy("'<U1'", "(4,)", b"\xff" * 16))]),
                      "labels  holds text that is not Unicode"),
    "surrogates": (archive([RIGHT[0], ("labels.npy", npy("'<U1'", "(4,)", b"\0\xd8\0\0" * 4))]),
                   r"has '\ud800'; the name of a class is one line"),
    "scalar": (content(np.savez, labels=np.int64(3)), "labels  has 1 entries for 4 images"),
    "negative": (archive([RIGHT[0], ("labels.npy", npy("'<i8'", "(-2, -2)", LABELS.tobytes()))]),
                 "its header declares no shape"),
    "long header": (archive([RIGHT[0], ("labels.npy", npy("'<i8'", " " * 2000 + "(4,)"))]),
                    "its header is too long"),
    "classes": (content(np.savez, images=np.zeros((20_002, 3, 2), np.uint8),
                        labels=np.arange(20_002) % 10_001), "have 10001 classes; at most 10000"),
    "gaps": (content(np.savez, labels=LABELS * 2**60, test_images=IMAGES,
                     test_labels=LABELS * 2**61), "example in labels: 2305843009213693952"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_by_name(path: Path, name: str) -> None:
    data, expected = HOSTILE[name]
    assert expected in refusal(path, data)


@pytest.mark.parametrize(
    "data",
    [
        content(np.savez, images=np.asfortranarray(IMAGES), labels=LABELS.astype(">i2")),
        archive(
            [RIGHT[0], ("labels.npy", npy("'<i8'", "(4,)", LABELS.tobytes(), version=b"\2\0"))]
        ),
    ],
    ids=["fortran and big endian", "version 2"],
)
def test_every_way_to_write_the_same_is_the_same_data_set(path: Path, data: bytes) -> None:
    assert fingerprint_or_refusal(path, data) == fingerprint_or_refusal(path, STORED)


@pytest.mark.parametrize("shape", [(1, 2**18, 4), (1, 1024, 1024, 3)])
def test_an_image_too_large_for_any_network_is_refused(path: Path, shape: tuple[int, ...]) -> None:
    data = content(np.savez_compressed, images=np.zeros(shape, np.uint8))
    assert "at most 786432 can be trained on (3 x 512 x 512): make them smaller" in refusal(
        path, data
    )


# Memory.


def test_what_does_not_fit_the_machine_is_refused_before_it_is_unpacked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.zeros(10_000_000, np.uint8)
    path.write_bytes(content(np.savez_compressed, labels=labels))
    assert path.stat().st_size < 50_000
    monkeypatch.setattr("tune_noise.data.npz_file.available_bytes", lambda: 100_000_000)
    with pytest.raises(
        DataError, match=r"0.1 GiB while they are read, and this machine has 0.1 GiB"
    ):
        load_npz(path)
    monkeypatch.setattr("tune_noise.data.npz_file.available_bytes", lambda: 200_000_000)
    with pytest.raises(DataError, match="has 10000000 entries for 4 images"):
        load_npz(path)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from tune_noise.data.own_data import load_npz
from tune_noise.errors import DataError
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    load_npz(Path(sys.argv[1]))
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_that_is_refused_after_all_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    labels = np.zeros(100_000_000, np.uint8)
    file.write_bytes(content(np.savez_compressed, labels=labels))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, file],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert f"{file} needs more memory than is available" in done.stdout


# Paths.


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "circle.npz").symlink_to(tmp_path / "circle.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    for name in ("pipe.npz", "folder.npz", "circle.npz", "zero.npz", "x" * 300 + ".npz", "a\0.npz"):
        with pytest.raises(DataError, match=r"is not a file|does not exist"):
            load_dataset(str(tmp_path / name))
        with pytest.raises(DataError, match="is not a file"):
            load_npz(tmp_path / name)


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "own.npz").write_bytes(STORED)
    (tmp_path / "link.npz").symlink_to(tmp_path / "own.npz")
    assert load_dataset(str(tmp_path / "link.npz")).num_classes == 2


def test_the_home_of_nobody_is_an_ordinary_missing_path() -> None:
    assert "does not exist" in str(check_dataset_name("~nobody-of-this-name/own.npz"))
