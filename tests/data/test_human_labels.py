import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tune_noise.data import load_dataset
from tune_noise.data.human_labels import KEYS, read_human_labels
from tune_noise.errors import DataError
from tune_noise.noise import realised_noise_rate

CLEAN = np.arange(60, dtype=np.int64) % 10
ARRAYS = {"clean_label": CLEAN} | {
    key: np.where(np.arange(60) % (shift + 2) == 0, (CLEAN + shift + 1) % 10, CLEAN)
    for shift, key in enumerate(KEYS.values())
}


def save_npz(path: Path, arrays: dict) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def save_torch(path: Path, content: object, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def save_as_of_old(path: Path, arrays: dict) -> Path:
    """As the official file: made by a torch and a NumPy of 2021."""
    save_torch(path, arrays, legacy=True)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    return path


FORMATS = {
    "npz": lambda folder, arrays: save_npz(folder / "human.npz", arrays),
    "torch": lambda folder, arrays: save_torch(folder / "CIFAR-10_human.pt", arrays),
    "legacy torch": lambda folder, arrays: save_torch(folder / "h.pt", arrays, legacy=True),
    "old NumPy": lambda folder, arrays: save_as_of_old(folder / "CIFAR-10_human.pt", arrays),
}
all_formats = pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)


@all_formats
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64])
def test_every_set_of_labels_is_read_from_every_format(write, dtype, tmp_path):
    path = write(tmp_path, {name: array.astype(dtype) for name, array in ARRAYS.items()})
    for which, key in KEYS.items():
        found = read_human_labels(path, which=which, clean_labels=CLEAN)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, ARRAYS[key])


def test_tensors_are_as_good_as_arrays_and_names_of_classes_do_no_harm(tmp_path):
    tensors = {name: torch.from_numpy(array) for name, array in ARRAYS.items()}
    path = save_torch(tmp_path / "h.pt", tensors)
    found = read_human_labels(path, which="worse", clean_labels=CLEAN)
    np.testing.assert_array_equal(found, ARRAYS["worse_label"])
    path = save_npz(tmp_path / "h.npz", {**ARRAYS, "class_names": np.array(["cat", "dog"])})
    read_human_labels(path, which="worse", clean_labels=CLEAN)


@all_formats
def test_labels_of_other_examples_are_refused_by_the_first_difference(write, tmp_path):
    path = write(tmp_path, ARRAYS)
    other = CLEAN.copy()
    other[[17, 40]] = 3
    with pytest.raises(DataError, match="in 2 examples, first in example 17: 7 there, 3 in the"):
        read_human_labels(path, which="worse", clean_labels=other)


@all_formats
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clean_label": CLEAN[:-1]}, "clean_label has 59 labels, and the data set 60"),
        ({"worse_label": CLEAN[:-1]}, "worse_label has 59 labels"),
        ({"worse_label": None}, "has no worse_label"),
        ({"clean_label": None}, "has no clean_label"),
        ({"worse_label": CLEAN + 3}, "worse_label of example 7 is 10, but classes are 0..9"),
        ({"worse_label": CLEAN - 1}, "worse_label of example 0 is -1"),
        ({"worse_label": CLEAN[:, None]}, r"must be integers \[N\], got int64 \[60, 1\]"),
    ],
)
def test_what_is_no_set_of_labels_is_refused(write, changes, words, tmp_path):
    arrays = {name: array for name, array in (ARRAYS | changes).items() if array is not None}
    path = write(tmp_path, arrays)
    with pytest.raises(DataError, match=words) as caught:
        read_human_labels(path, which="worse", clean_labels=CLEAN)
    assert str(path) in str(caught.value)


class Malicious:
    def __reduce__(self):
        return (print, ("code of the file was run",))


@pytest.mark.parametrize("legacy", [False, True])
def test_no_code_in_a_file_is_run(legacy, tmp_path, capfd):
    path = save_torch(tmp_path / "evil.pt", {**ARRAYS, "x": Malicious()}, legacy=legacy)
    with pytest.raises(DataError, match="cannot be read as a torch file of arrays"):
        read_human_labels(path, which="worse", clean_labels=CLEAN)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(DataError, match="cannot be read as a torch file of arrays"):
        read_human_labels(tmp_path / "plain.pt", which="worse", clean_labels=CLEAN)
    objects = np.array([Malicious()] * 60, dtype=object)
    np.savez(tmp_path / "evil.npz", **{**ARRAYS, "worse_label": objects})
    with pytest.raises(DataError, match="Python objects, which can run code"):
        read_human_labels(tmp_path / "evil.npz", which="worse", clean_labels=CLEAN)
    assert "code of the file was run" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["h.pt", "h.npz"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"x" * 1000])
def test_a_damaged_file_is_an_error_for_the_user(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_human_labels(tmp_path / name, which="worse", clean_labels=CLEAN)


def test_a_file_cut_anywhere_is_an_error_for_the_user(tmp_path):
    whole = save_torch(tmp_path / "whole.pt", ARRAYS).read_bytes()
    for length in range(0, len(whole), 331):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        with pytest.raises(DataError):
            read_human_labels(tmp_path / "cut.pt", which="worse", clean_labels=CLEAN)


def test_other_content_of_torch_is_named(tmp_path):
    with pytest.raises(DataError, match="holds no dict of arrays, but a list"):
        read_human_labels(save_torch(tmp_path / "h.pt", [1, 2]), which="worse", clean_labels=CLEAN)


def test_an_absent_and_a_huge_file_are_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="is not a file"):
        read_human_labels(tmp_path / "h.pt", which="worse", clean_labels=CLEAN)
    path = save_npz(tmp_path / "h.npz", ARRAYS)
    monkeypatch.setattr("tune_noise.data.human_labels.MAX_BYTES", 10)
    with pytest.raises(DataError, match="more than 10 bytes"):
        read_human_labels(path, which="worse", clean_labels=CLEAN)


def test_a_zip_that_holds_no_pickle_is_refused(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/nothing", b"")
    (tmp_path / "h.pt").write_bytes(content.getvalue())
    with pytest.raises(DataError, match="cannot be read as a torch file"):
        read_human_labels(tmp_path / "h.pt", which="worse", clean_labels=CLEAN)


# The noise rates that Wei et al. report, in percent.
RATES = {"aggregate": 9.03, "random1": 17.23, "random2": 18.12, "random3": 17.64, "worse": 40.21}


def test_cifar_10n_fits_cifar_10_and_has_the_published_rates(shared_data_dir, human_file):
    cifar10 = load_dataset("cifar10", data_dir=shared_data_dir)
    for which, rate in RATES.items():
        labels = read_human_labels(human_file, which=which, clean_labels=cifar10.train_labels)
        assert 100 * (labels != cifar10.train_labels).mean() == pytest.approx(rate, abs=0.03)


def test_cifar_10n_as_the_official_file_has_it(shared_data_dir, human_file, tmp_path):
    cifar10 = load_dataset("cifar10", data_dir=shared_data_dir)
    arrays = {name: value for name, value in np.load(human_file).items() if name != "class_names"}
    path = save_as_of_old(tmp_path / "CIFAR-10_human.pt", arrays)
    labels = read_human_labels(path, which="worse", clean_labels=cifar10.train_labels)
    np.testing.assert_array_equal(labels, arrays["worse_label"])
    shuffled = cifar10.train_labels[::-1]
    with pytest.raises(DataError, match="first in example 0: 6 there, 1 in the data set"):
        read_human_labels(path, which="worse", clean_labels=shuffled)


@pytest.mark.parametrize("suffix", ["pt", "npz"])
def test_cifar_100n_has_one_set_of_labels_for_its_hundred_classes(tmp_path, suffix):
    clean = np.arange(300) % 100
    noisy = np.where(np.arange(300) % 5 < 2, (clean + 7) % 100, clean)
    coarse = {"clean_coarse_label": clean // 5, "noisy_coarse_label": noisy // 5}
    arrays = {"clean_label": clean, "noisy_label": noisy} | coarse
    write = save_npz if suffix == "npz" else save_as_of_old
    path = write(tmp_path / f"CIFAR-100_human.{suffix}", arrays)
    labels = read_human_labels(path, which="noisy", clean_labels=clean)
    np.testing.assert_array_equal(labels, noisy)
    assert realised_noise_rate(labels[:, None], clean) == 0.4
    with pytest.raises(DataError, match=r"has no worse_label: .*; set human_labels to noisy$"):
        read_human_labels(path, which="worse", clean_labels=clean)
    # The coarse labels alone are those of another task.
    with pytest.raises(DataError, match="has no clean_label: it holds"):
        read_human_labels(write(path, coarse), which="noisy", clean_labels=clean)
