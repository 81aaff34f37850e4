import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.data import load_dataset
from tune_noise.data.own_data import load_npz
from tune_noise.errors import DataError

LABELS = np.array([0, 1, 2, 0, 1, 2])
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)


def save(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "own.npz"
    np.savez_compressed(path, **arrays)
    return path


def refusal(folder: Path, **changes: np.ndarray | None) -> str:
    """The message about a file whose arrays are good but for these changes; None leaves one out."""
    arrays = {"images": IMAGES, "labels": LABELS} | changes
    path = save(folder, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError) as caught:
        load_npz(path)
    return str(caught.value)


def test_a_file_comes_back_as_it_was_saved(tmp_path):
    path = save(
        tmp_path,
        images=IMAGES,
        labels=LABELS.astype(np.uint8),
        true_labels=LABELS[::-1].astype(np.int32),
        test_images=IMAGES[:2],
        test_labels=LABELS[:2],
    )
    dataset = load_dataset(str(path))
    assert dataset.name == "own.npz"
    assert dataset.num_classes == 3
    assert dataset.input_shape == (1, 4, 5)
    np.testing.assert_array_equal(dataset.train_inputs[:, 0], IMAGES)
    np.testing.assert_array_equal(dataset.test_inputs[:, 0], IMAGES[:2])
    for found, saved in [
        (dataset.train_labels, LABELS),
        (dataset.true_labels, LABELS[::-1]),
        (dataset.test_labels, LABELS[:2]),
    ]:
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, saved)


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        (np.array([-1, 1, 2, 0, 1, 2, 0]), {"true_labels": np.array([-1, 1, 2, 0, 1, 2, 0])}),
        (np.array([-1, 1, 2, 0, 1, 2, 0])[:, None], {"ids": np.array(list("0234567"))}),
        (np.array([np.nan, 1, 2, 0, 1, 2, 0]), {"ids": np.array(list("0234567"))}),
        (np.array(["", "b", "c", "a", "b", "c", "a"]), {}),
        (np.array([b"", b"b", b"c", b"a", b"b", b"c", b"a"])[:, None], {}),
    ],
)
def test_examples_whose_label_is_missing_are_kept_apart(tmp_path, labels, changes):
    images = np.concatenate([IMAGES, IMAGES[:1]])
    splits = {"val_images": images[3:], "val_labels": labels[3:]} if "ids" not in changes else {}
    splits |= {"val_true_labels": np.array([0, 1, 2, 0])} if "true_labels" in changes else {}
    dataset = load_npz(save(tmp_path, images=images, labels=labels, **splits, **changes))
    assert dataset.train_labels[:6].tolist() == [1, 2, 0, 1, 2, 0]
    assert dataset.num_validation == (4 if splits else None)
    assert dataset.unlabelled_ids.tolist() == ["0"]
    np.testing.assert_array_equal(dataset.unlabelled_inputs[:, 0], IMAGES[:1])
    np.testing.assert_array_equal(dataset.train_inputs[:6, 0], images[1:])
    assert dataset.reading.endswith("1 of 7 train examples have no label")
    assert (dataset.true_labels is None) == ("true_labels" not in changes)


def test_without_the_optional_arrays_truth_and_test_are_unknown(tmp_path):
    dataset = load_npz(save(tmp_path, images=IMAGES, labels=LABELS))
    assert dataset.true_labels is None
    assert dataset.test_inputs is None
    assert dataset.test_labels is None


@given(
    channels=st.sampled_from([1, 3]),
    height=st.integers(4, 9),
    width=st.integers(4, 9),
    channels_last=st.booleans(),
)
def test_both_layouts_give_the_same_images(
    tmp_path_factory, channels, height, width, channels_last
):
    images = np.random.default_rng(0).integers(0, 256, (6, channels, height, width), np.uint8)
    saved = images.transpose(0, 2, 3, 1) if channels_last else images
    dataset = load_npz(save(tmp_path_factory.mktemp("npz"), images=saved, labels=LABELS))
    np.testing.assert_array_equal(dataset.train_inputs, images)


def test_a_class_only_the_truth_knows_counts_towards_k_and_is_missed(tmp_path):
    message = refusal(tmp_path, true_labels=LABELS + 1)
    assert "1 of the classes 0..3 have none: 3; leave true_labels out" in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"images": None}, "images  is missing"),
        ({"labels": None}, "labels  is missing"),
        ({"test_images": IMAGES}, "test_labels  is missing beside test_images"),
        ({"test_labels": LABELS}, "test_images  is missing beside test_labels"),
        ({"label": LABELS}, "label  is not an array of a data set; did you mean 'labels'?"),
        ({"images": IMAGES / 255}, "float64 must be uint8, 0 to 255; they are in 0..1: save"),
        ({"images": IMAGES.astype(np.int64)}, "save `images = images.astype('uint8')`"),
        ({"images": IMAGES > 9}, "bool must be uint8"),
        ({"images": IMAGES[:, 0]}, "[6, 5] must be [N, H, W], [N, H, W, C] or [N, C, H, W]"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "images  [0, 4, 5] is empty"),
        ({"images": np.zeros((6, 3, 5, 3), np.uint8)}, "[6, 3, 5, 3] is ambiguous"),
        ({"images": np.zeros((6, 4, 5, 4), np.uint8)}, "no channel dimension of size 1 or 3"),
        ({"images": IMAGES[:5]}, "labels  has 6 entries for 5 images"),
        ({"true_labels": LABELS[:5]}, "true_labels  has 5 entries for 6 images"),
        ({"labels": LABELS - 1}, "has -1, but class ids are 0..K-1"),
        ({"labels": LABELS.astype(float)}, "float64 must be class ids 0..K-1, as integers; save"),
        ({"labels": LABELS == 1}, "bool must be class ids 0..K-1"),
        ({"labels": LABELS[:3]}, "labels  has 3 entries for 6 images"),
        ({"labels": np.eye(3)[LABELS] + np.eye(3)[0]}, "[6, 3] must be [N], one class per example"),
        ({"labels": LABELS[:, None, None].repeat(2, 1)}, "[6, 2, 1] must be [N], one class"),
        ({"labels": LABELS + 0.5}, "as integers; 0.5 is not one"),
        ({"labels": np.array(["a\nb", "c"] * 3)}, r"has 'a\nb'; the name of a class is one line"),
        ({"labels": np.array(["cat", "dog"] * 3), "true_labels": LABELS}, "save both alike"),
        ({"class_names": np.array(["a", "a", "b"])}, "class_names  has a name twice"),
        ({"labels": np.array(["cat"] * 6)}, "labels  are all cat; at least 2 classes"),
        ({"target": LABELS}, "labels  and target can each be read as labels: leave all but one"),
        ({"data": IMAGES}, "data  and images can each be read as images: leave all but one"),
        ({"train_labels": LABELS}, "labels  and train_labels can each be read as labels"),
        ({"observed": LABELS}, "leave it out, or save it as what it is: images, labels, true_lab"),
        ({"val_images": IMAGES}, "val_labels  is missing beside val_images; give both"),
        (
            {"val_images": IMAGES, "val_labels": LABELS, "true_labels": LABELS},
            "val_true_labels  is missing beside true_labels; give both or neither",
        ),
        ({"val_images": IMAGES, "val_labels": LABELS * 0}, "val_labels  holds a single class"),
        ({"val_images": IMAGES[:, :3], "val_labels": LABELS}, "[1, 3, 5], but images of [1, 4, 5]"),
        ({"x_test": IMAGES}, "test_labels  is missing beside x_test; give both or neither"),
        ({"labels": np.full(6, 2**64 - 1, np.uint64)}, "has 18446744073709551615, but"),
        ({"labels": LABELS * 0 + 4}, "are all 4; at least 2 classes"),
        ({"labels": LABELS * 2}, "2 of the classes 0..4 have none: 1, 3; save words"),
        ({"labels": LABELS * 10**15}, "0..2000000000000000 have none: 1, 2, 3, 4, 5, 6"),
        ({"labels": np.array([0, 1, 1, 0, 0, 2])}, "need 2 examples of a class to split it; 1"),
        ({"labels": LABELS.astype(object)}, "labels  cannot be read: it holds Python objects"),
        (
            {"test_images": IMAGES[:, :3, :3], "test_labels": LABELS},
            "[1, 3, 3], but images of [1, 4, 5]",
        ),
        (
            {"test_images": IMAGES, "test_labels": LABELS + 2},
            "test_labels  has classes without a training example in labels: 3, 4",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(tmp_path, changes, expected):
    assert expected in refusal(tmp_path, **changes)


def test_all_problems_of_a_file_are_shown_at_once(tmp_path):
    message = refusal(
        tmp_path, images=IMAGES / 255, labels=LABELS - 1, true_label=LABELS, test_labels=LABELS
    )
    heading, *lines = message.splitlines()
    assert heading == f"{tmp_path / 'own.npz'} has 4 problems"
    assert sorted(line.split()[0] for line in lines) == [
        "images",
        "labels",
        "test_images",
        "true_label",
    ]
    assert "did you mean 'true_labels'?" in message


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut"])
def test_a_file_that_is_no_archive_is_refused_with_the_way_to_write_one(tmp_path, content):
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file.*savez_compressed"):
        load_npz(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = save(tmp_path, images=IMAGES, labels=LABELS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        load_npz(path)


def test_a_single_array_saved_under_the_wrong_name_is_refused(tmp_path):
    path = tmp_path / "own.npz"
    with path.open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        load_npz(path)


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_a_flipped_byte_in_an_array_is_noticed(tmp_path, writer):
    path = tmp_path / "own.npz"
    writer(path, images=IMAGES, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[250] ^= 0xFF  # inside the first member, past the header of its array
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images +cannot be read"):
        load_npz(path)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(DataError, match="is not a file"):
        load_npz(tmp_path)


def write_member(path: Path, header: dict[str, object], content: bytes) -> None:
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, header)
    member.write(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", member.getvalue())


def test_an_array_that_declares_more_than_it_holds_takes_no_memory(tmp_path):
    path = tmp_path / "own.npz"
    write_member(path, {"descr": "|u1", "fortran_order": False, "shape": (10**15,)}, b"few")
    with pytest.raises(DataError, match="which is not what follows"):
        load_npz(path)


def test_a_file_that_unpacks_to_more_than_memory_is_refused_before_it_is_unpacked(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tune_noise.data.npz_file.MAX_BYTES", 2**20)
    path = save(tmp_path, images=np.zeros((2, 1024, 1024), np.uint8), labels=LABELS[:2])
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="GiB of arrays"):
        load_npz(path)
