"""Files of other people: the names of their arrays, words, [N, 1], one-hot, a validation split."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise.data import Dataset
from tune_noise.data.npz_names import CONVENTIONS, KNOWN_NAMES
from tune_noise.data.own_data import load_npz

IDS = np.arange(6) % 3
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)


def loaded(folder: Path, **arrays: Any) -> Dataset:
    np.savez(folder / "own.npz", **arrays)
    return load_npz(folder / "own.npz")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_file_of_any_convention_is_the_same_data_set_as_with_our_names(
    convention: str, tmp_path: Path
) -> None:
    # One name for each role, and those that a data set needs.
    names = {role: name for name, role in reversed(CONVENTIONS[convention].items())}
    names = {"images": "images", "labels": "labels"} | names
    content = {
        **{role: IMAGES + n for n, role in enumerate(("images", "val_images", "test_images"))},
        **dict.fromkeys(("labels", "true_labels", "val_labels", "test_labels"), IDS),
        "class_names": np.array(["cat", "dog", "mouse"]),
    }
    ours = loaded(tmp_path, **{role: content[role] for role in names})
    theirs = loaded(tmp_path, **{name: content[role] for role, name in names.items()})
    assert theirs.fingerprint == ours.fingerprint
    assert theirs.reading is not None
    assert theirs.reading.endswith(f"({convention})")


def test_the_files_of_medmnist_are_read_as_they_are_and_that_is_said(tmp_path: Path) -> None:
    labels = IDS[:, None].astype(np.uint8)
    dataset = loaded(
        tmp_path,
        **{"train_images": IMAGES, "train_labels": labels},
        **{"val_images": IMAGES[3:], "val_labels": labels[3:]},
        **{"test_images": IMAGES[:3], "test_labels": labels[:3]},
    )
    assert dataset.reading == (
        "read train_images as images, train_labels as labels, val_images, val_labels as the "
        "validation split, test_images, test_labels as the test set (MedMNIST); train_labels, "
        "val_labels, test_labels [N, 1] as [N]"
    )
    assert (len(dataset.train_labels), dataset.num_validation) == (9, 3)
    np.testing.assert_array_equal(dataset.train_labels, [*IDS, *IDS[3:]])
    np.testing.assert_array_equal(dataset.train_inputs[6:, 0], IMAGES[3:])
    assert [dataset.place_of(image) for image in (5, 6)] == [("train", 5), ("validation", 0)]
    assert dataset.validation_size(0.5) == 3
    unsplit = loaded(tmp_path, images=dataset.train_inputs, labels=dataset.train_labels)
    assert dataset.fingerprint != unsplit.fingerprint


WORDS = np.array(["mouse", "10", "2"])


@pytest.mark.parametrize(
    "labels", [WORDS[IDS], WORDS.astype("S")[IDS], WORDS[IDS][:, None]], ids=["str", "bytes", "N1"]
)
def test_words_are_class_names_in_the_order_of_the_alphabet(
    labels: np.ndarray, tmp_path: Path
) -> None:
    dataset = loaded(
        tmp_path, images=IMAGES, labels=labels, test_images=IMAGES[:2], test_labels=WORDS[:2]
    )
    assert dataset.class_names == ("10", "2", "mouse")
    np.testing.assert_array_equal(dataset.train_labels, [2, 0, 1] * 2)
    np.testing.assert_array_equal(dataset.test_labels, [2, 0])
    assert dataset.class_names[2] == "mouse"
    assert "its words as 3 classes: 10, 2, mouse" in str(dataset.reading)
    renamed = loaded(tmp_path, images=IMAGES, labels=np.char.add("a", WORDS)[IDS])
    assert renamed.fingerprint != dataset.fingerprint


def test_a_list_of_names_numbers_words_and_names_ids(tmp_path: Path) -> None:
    words = loaded(tmp_path, images=IMAGES, labels=WORDS[IDS], class_names=WORDS)
    ids = loaded(tmp_path, images=IMAGES, labels=IDS, class_names=WORDS)
    assert words.class_names == ids.class_names == tuple(WORDS.tolist())
    assert words.fingerprint == ids.fingerprint


@pytest.mark.parametrize("kind", ["float32", "uint8", "bool"])
def test_one_hot_labels_are_the_column_of_the_one(kind: str, tmp_path: Path) -> None:
    dataset = loaded(tmp_path, x_train=IMAGES, y_train=np.eye(3)[IDS].astype(kind))
    np.testing.assert_array_equal(dataset.train_labels, IDS)
    assert "y_train one-hot, where the class is the column of the 1" in str(dataset.reading)


def test_of_our_own_names_there_is_nothing_to_say(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, images=IMAGES, labels=IDS, test_images=IMAGES, test_labels=IDS)
    assert dataset.reading is None


def test_the_page_about_data_names_every_array_that_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    assert [name for name in KNOWN_NAMES if f"`{name}`" not in page] == []
