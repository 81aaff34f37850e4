"""A data set: an archive. Half of the mutations are made inside it, its checksums put right."""

import contextlib
import io
import warnings
import zipfile
from random import Random
from typing import Any

import numpy as np

from fuzz_targets.target import SCRATCH, Target, check_message, mutated
from tune_noise.data import npz_file
from tune_noise.data.npz_names import KNOWN_NAMES
from tune_noise.data.own_data import load_npz
from tune_noise.data.splits import stratified_split
from tune_noise.errors import DataError

# The same for the same bytes, and nothing is to be covered in reading what the machine has left.
npz_file.available_bytes = lambda: 2**30


def run_npz(data: bytes) -> None:
    path = SCRATCH / "own.npz"
    path.write_bytes(data)
    try:
        dataset = load_npz(path)
    except DataError as error:
        check_message(error, start=str(path))
        return
    images, labels = dataset.train_inputs, dataset.train_labels
    assert images.dtype == np.uint8
    assert images.ndim == 4
    assert len(images) == len(labels)
    assert labels.dtype == np.int64
    assert 0 <= labels.min() <= labels.max() < dataset.num_classes
    assert 0 <= (dataset.num_validation or 0) < len(labels)
    if dataset.class_names is not None:
        assert len(set(dataset.class_names)) == dataset.num_classes
        assert all(name.isprintable() for name in dataset.class_names)
    assert (dataset.test_inputs is None) == (dataset.test_labels is None)
    assert len(dataset.fingerprint) == 16
    with contextlib.suppress(DataError):
        stratified_split(labels, val_fraction=0.5, seed=0)


def npz_seeds() -> list[bytes]:
    labels = np.arange(6) % 2
    images = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
    some: list[dict[str, Any]] = [
        {"images": images, "labels": labels},
        {"images": images[:, None], "labels": labels.astype(">i2"), "true_labels": labels},
        {"images": np.stack([images] * 3, -1), "labels": labels.astype(np.uint8)},
        {"images": images, "labels": labels, "test_images": images[:2], "test_labels": labels[:2]},
        {"images": np.asfortranarray(images), "labels": labels},
        {"images": images, "labels": labels + (np.arange(6) > 3), "true_labels": labels},
        {
            "images": images[:4],
            "labels": np.array([0, 0, 1, 1], np.uint8),
            "test_images": images,
            "test_labels": labels.astype(np.int8),
            "true_labels": np.array([1, 0, 1, 0]),
        },
        {"train_images": images, "train_labels": labels[:, None], "val_images": images}
        | {"val_labels": labels[:, None], "test_images": images, "test_labels": labels[:, None]},
        {"x_train": images, "y_train": np.eye(2)[labels], "x_test": images, "y_test": labels},
        {"data": images, "target": labels, "target_names": np.array(["cat", "dog"])},
        {"images": images, "labels": np.array(["cat", "dög"])[labels]},
        {"images": images, "labels": np.array([b"cat", b"dog"])[labels][:, None]},
    ]
    seeds = []
    for arrays in some:
        for writer in (np.savez, np.savez_compressed):
            file = io.BytesIO()
            writer(file, **arrays)
            seeds.append(file.getvalue())
    return seeds


NPY_WORDS = (
    b"'|O'", b"'<U0'", b"'|V0'", b"'>i8'", b"'<f4'", b"'|b1'", b"'|u1'", b"[('a', '<i4')]", b"True",
    b"'<U2'", b"'|S3'", b"'<c8'",
    b"(-1,)", b"(0, 4611686018427387904)", b"(9223372036854775808, 0)", b"()", b"(6, 1, 1, 4, 5)",
    b"(2, 3, 4, 5)", b"1" * 30, b"\x93NUMPY\x02\x00", b"\x93NUMPY\x03\x00", b"((", b"{}",
)  # fmt: skip
ARRAY_NAMES = (*KNOWN_NAMES, "../x", "a\n", "")


def mutate_npz(data: bytes, max_bytes: int, seed: int) -> bytes:
    random = Random(seed)
    try:
        members = unpacked(data)
    except Exception:
        members = []
    if not members or random.random() < 0.4:
        return mutated(data, max_bytes)
    index = random.randrange(len(members))
    name, content, method = members[index]
    change = random.randrange(8)
    if change == 0:
        name = f"{random.choice(ARRAY_NAMES)}.npy"
    elif change == 1:
        method = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    elif change == 2:
        members.append(members[index])
    elif change == 3:
        start, end = sorted(random.choices(range(min(len(content), 128) + 1), k=2))
        content = content[:start] + random.choice(NPY_WORDS) + content[end:]
    elif change == 4:
        content = redeclared(content, random)
    elif change == 5:
        content = content[:128] + mutated(content[128:], 256)  # NumPy's headers have 128 bytes
    else:
        content = mutated(content, max_bytes)
    members[index] = (name, content, method)
    packed = repacked(members)
    if random.random() < 0.2:
        packed = mutated(packed, max_bytes)
    return packed if len(packed) <= max_bytes else data


def redeclared(content: bytes, random: Random) -> bytes:
    """The same values under another shape or type of the same size."""
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        shape = [random.choice([1, 2, 3, -1, array.size, len(array)]) for _ in range(3)]
        array = array.reshape(random.choice([(-1,), (2, -1), (-1, 1, 1, 1), tuple(shape)]))
        array = array.view(random.choice(["u1", "i1", ">i4", "<i8", "f4", "?", "S2", "V1", "U1"]))
        array = np.asfortranarray(array) if random.random() < 0.3 else array
    except Exception:  # of NumPy, over a header that is none
        return content
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def unpacked(data: bytes) -> list[tuple[str, bytes, int]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()[:10]
        return [
            (i.filename, archive.open(i).read(100_000), i.compress_type)
            for i in infos
            if i.file_size < 100_000
        ]


def repacked(members: list[tuple[str, bytes, int]]) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # of names that are there twice, which is the point
        for name, content, method in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w") as member:
                member.write(content)
    return file.getvalue()


NPZ = Target(run_npz, npz_seeds, mutate_npz)
