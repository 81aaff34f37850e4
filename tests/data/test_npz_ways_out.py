"""Every statement that a refusal of an .npz file shows is run, and leaves a file that is taken."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise.data import Dataset
from tune_noise.data.own_data import load_npz
from tune_noise.errors import DataError

RANDOM = np.random.default_rng(0)
IDS = np.arange(12) % 3
WORDS = np.array(["cat", "dog", "mouse"])[IDS]
IMAGES = RANDOM.integers(0, 256, (12, 4, 5), dtype=np.uint8)
BYTES = np.array(["café".encode("latin-1"), b"tea", b"milk"])[IDS]
SEVERAL = np.stack([IDS, (IDS + 1) % 3], axis=1)
LIKELY = np.full((12, 3), 0.2) + 0.4 * np.eye(3)[IDS]


def ragged(rows: list[Any]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def with_test(values: np.ndarray) -> dict[str, np.ndarray]:
    return {"test_images": IMAGES, "test_labels": values}


# Name -> the file, and its labels once the statement was run; None: those that it has.
REFUSED: dict[str, tuple[dict[str, np.ndarray], list[Any] | None]] = {
    "pixels in 0..1": ({"images": (IMAGES / 255).astype(np.float32)}, None),
    "pixels in 0..1, half": ({"images": (IMAGES / 255).astype(np.float16)}, None),
    "pixels in 0..255 as floats": ({"images": IMAGES.astype(float)}, None),
    "pixels in -1..1": ({"images": IMAGES / 127.5 - 1}, None),
    "pixels of 16 bits": ({"images": IMAGES.astype(np.uint16) * 257}, None),
    "pixels in -128..127": ({"images": (IMAGES.astype(int) - 128).astype(np.int8)}, None),
    "pixels as integers": ({"images": IMAGES.astype(np.int64)}, None),
    "pixels as bool": ({"images": IMAGES > 99}, None),
    "pixels as objects": ({"images": IMAGES.astype(object)}, None),
    "a list of images": ({"images": ragged(list(IMAGES))}, None),
    "rows of a square": ({"images": RANDOM.integers(0, 256, (12, 49), np.uint8)}, None),
    "rows of three squares": ({"images": RANDOM.integers(0, 256, (12, 48), np.uint8)}, None),
    "transparency, last": ({"images": np.zeros((12, 5, 6, 4), np.uint8)}, None),
    "transparency, second": ({"images": np.zeros((12, 4, 5, 6), np.uint8)}, None),
    "two layouts": ({"images": np.zeros((12, 3, 5, 3), np.uint8)}, None),
    "two layouts of one channel": ({"images": np.zeros((12, 1, 5, 1), np.uint8)}, None),
    "ids as floats": ({"labels": IDS.astype(np.float32)}, None),
    "ids as floats, [N, 1]": ({"labels": IDS.astype(float)[:, None]}, None),
    "ids as bool": ({"labels": IDS > 0}, (IDS > 0).astype(int).tolist()),
    "ids as objects": ({"labels": IDS.astype(object)}, None),
    "words as objects": ({"labels": WORDS.astype(object)}, None),
    "words as objects, [N, 1]": ({"labels": WORDS.astype(object)[:, None]}, None),
    "ids with gaps": ({"labels": IDS * 2, "true_labels": IDS * 2}, None),
    "ids from 1": ({"labels": IDS + 1, **with_test(IDS + 1)}, None),
    "ids from 1, one-hot test": ({"labels": IDS + 1, **with_test(np.eye(4)[IDS + 1])}, None),
    "ids of a list of names": (
        {"labels": IDS * 2, "target_names": np.array(["a", "b", "c", "d", "e"])},
        None,
    ),
    "more names than classes": ({"labels": IDS, "class_names": np.array(list("abcd"))}, None),
    "more names than words": ({"labels": WORDS, "class_names": np.array([*WORDS[:3], "x"])}, None),
    "numbers as names": ({"data": IMAGES, "target": IDS, "target_names": np.arange(3)}, None),
    "three classes from -1": ({"labels": IDS - 1}, (IDS - 1)[IDS > 0].tolist()),
    "two classes, -1 and 1": ({"labels": np.where(IDS > 0, 1, -1)}, [0, 1, 1] * 4),
    "words with blanks": ({"labels": np.where(np.arange(12) < 2, np.char.add(WORDS, " "), WORDS)},
                          None),
    "bytes of another alphabet": ({"labels": BYTES}, None),
    "probabilities": ({"labels": LIKELY}, None),
    "several columns of ids": ({"labels": SEVERAL}, None),
    "several columns of words": ({"labels": WORDS[:, None].repeat(2, 1)}, None),
    "one row": ({"labels": IDS[None]}, None),
    "test classes without training": (with_test(IDS + 1), None),
    "test words without training": ({"labels": WORDS, **with_test(WORDS.astype("<U9"))}
                                    | {"test_labels": np.where(IDS < 1, "cow", WORDS)}, None),
    "validation classes without training": (
        {"x_train": IMAGES, "y_train": IDS[:, None], "x_val": IMAGES, "y_val": IDS[:, None] + 1},
        None,
    ),
}  # fmt: skip


def refusal(path: Path, arrays: dict[str, np.ndarray]) -> str:
    np.savez(path, **arrays)
    with pytest.raises(DataError) as caught:
        load_npz(path)
    return str(caught.value)


def after(path: Path, statements: str, arrays: dict[str, np.ndarray]) -> Dataset:
    """The data set once the statements were run on its arrays."""
    names: dict[str, Any] = {"numpy": np, **arrays}
    exec(statements, names)
    np.savez(path, **{name: names[name] for name in arrays if name in names})
    return load_npz(path)


@pytest.mark.parametrize("name", REFUSED)
def test_every_statement_of_a_refusal_gives_a_file_that_is_taken(name: str, tmp_path: Path) -> None:
    changes, expected = REFUSED[name]
    images = {"images", "train_images", "x_train", "data"} & changes.keys()
    labels = {"labels", "train_labels", "y_train", "target"} & changes.keys()
    arrays = ({} if images else {"images": IMAGES}) | ({} if labels else {"labels": IDS}) | changes
    message = refusal(tmp_path / "own.npz", arrays)
    assert "has 1 problem\n" in message
    statements = re.findall("`([^`]+)`", message)
    assert statements, message
    datasets = [after(tmp_path / "own.npz", statement, arrays) for statement in statements]
    # The first is the likeliest; what the labels mean is as before.
    given = datasets[0].train_labels.tolist()
    assert given[: len(IDS)] == (expected or IDS.tolist()) or "bytes" in name
    if name.startswith("pixels in 0.."):
        np.testing.assert_array_equal(datasets[0].train_inputs[:, 0], IMAGES)
