import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tune_noise.data import DATASET_NAMES, check_dataset_name, default_data_dir, load_dataset
from tune_noise.errors import DataError


def test_digits_are_1797_images_with_a_fixed_test_split_of_540():
    digits = load_dataset("digits")
    assert digits.train_inputs.shape == (1257, 1, 8, 8)
    assert digits.test_inputs.shape == (540, 1, 8, 8)
    assert digits.train_inputs.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    assert digits.num_classes == 10
    np.testing.assert_array_equal(digits.true_labels, digits.train_labels)


def test_digits_are_scaled_from_0_to_16_to_the_whole_byte():
    values = np.unique(load_dataset("digits").train_inputs)
    np.testing.assert_array_equal(values, np.rint(np.arange(17) * 255 / 16))


def test_digits_are_the_same_at_every_load_whatever_the_global_seed():
    np.random.seed(1)  # noqa: NPY002
    first = load_dataset("digits")
    np.random.seed(2)  # noqa: NPY002
    assert load_dataset("digits").fingerprint == first.fingerprint


def test_the_test_split_of_digits_has_the_proportions_of_all_of_them():
    digits = load_dataset("digits")
    test_counts = np.bincount(digits.test_labels)
    all_counts = test_counts + np.bincount(digits.train_labels)
    assert np.all(np.abs(test_counts - all_counts * 540 / 1797) < 1)


def test_every_known_name_passes_the_cheap_check():
    assert [check_dataset_name(name) for name in DATASET_NAMES] == [None] * 6


@pytest.mark.parametrize(
    ("name", "closest"),
    [("cifra10", "cifar10"), ("CIFAR-10", "cifar10"), ("Fashion-MNIST", "fashion_mnist")],
)
def test_a_misspelt_name_is_answered_with_the_closest_one(name, closest):
    assert f"did you mean {closest!r}?" in check_dataset_name(name)
    with pytest.raises(DataError, match=f"data set '{name}' is neither"):
        load_dataset(name)


def test_a_path_passes_the_check_when_the_file_is_there(tmp_path):
    path = tmp_path / "own.npz"
    assert "does not exist" in check_dataset_name(str(path))
    path.touch()
    assert check_dataset_name(str(path)) is None


def test_a_folder_named_like_a_file_is_refused(tmp_path):
    (tmp_path / "own.npz").mkdir()
    assert "is not a file" in check_dataset_name(str(tmp_path / "own.npz"))


def test_the_data_folder_is_the_variable_else_the_cache_folder(monkeypatch):
    monkeypatch.setenv("TUNE_NOISE_DATA", "/somewhere/data")
    assert default_data_dir() == Path("/somewhere/data")
    monkeypatch.delenv("TUNE_NOISE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert default_data_dir() == Path("/somewhere/cache/tune_noise")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_data_dir() == Path("/home/someone/.cache/tune_noise")


def test_digits_need_neither_torch_nor_torchvision():
    program = (
        "import sys; from tune_noise.data import load_dataset; load_dataset('digits'); "
        "print({'torch', 'torchvision'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert result.stdout.strip() == "set()"
