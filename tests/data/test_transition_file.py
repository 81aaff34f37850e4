from pathlib import Path

import numpy as np
import pytest

from tune_noise.data.transition_file import read_transition_matrix
from tune_noise.errors import DataError
from tune_noise.noise import pair_flip, symmetric


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("matrix", [symmetric(10, 1 / 3), pair_flip(3, 0.45)])
def test_what_numpy_writes_is_read_to_the_last_digit(tmp_path, matrix):
    np.savetxt(tmp_path / "T.csv", matrix, delimiter=",")
    found = read_transition_matrix(tmp_path / "T.csv", num_classes=len(matrix))
    np.testing.assert_array_equal(found, matrix)


@pytest.mark.parametrize(
    "text",
    [
        "0.9,0.1\n0.2,0.8\n",
        "\ufeff0.9, 0.1\r\n 0.2 ,0.8",
        "# to: cat, dog\n0.9,0.1 # cat\n\n0.2,0.8 # dog\n\n",
        "9e-1,.1\n2E-1,0.80",
    ],
)
def test_spaces_comments_and_empty_lines_do_not_matter(tmp_path, text):
    found = read_transition_matrix(written(tmp_path / "T.csv", text), num_classes=2)
    np.testing.assert_allclose(found, [[0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 rows, and the data set has 2 classes"),
        ("0.9,0.1\n", "has 1 rows"),
        ("0.9,0.1\n0.2,0.8\n0.5,0.5\n", "has 3 rows"),
        ("0.9,0.1\n0.2,0.3,0.5\n", r"line 2 \(class 1\) has 3 numbers"),
        ("0.9;0.1\n0.2;0.8\n", r"line 1 \(class 0\) has 1 numbers"),
        ("# T\n0.9,0.1\n0.2,0.9\n", r"line 3 \(class 1\) sums to 1.1, not 1: divide"),
        ("0.333,0.666\n0.2,0.8\n", "sums to 0.999, not 1: .* write more digits"),
        ("0.9,0.1\n-0.2,1.2\n", "line 2, number 1: '-0.2' must be in"),
        ("0.9,0.1\nnan,0.8\n", "line 2, number 1: 'nan' must be in"),
        ("0.9,inf\n0.2,0.8\n", "line 1, number 2: 'inf' must be in"),
        ("cat,dog\n0.9,0.1\n", "line 1, number 1: 'cat' must be in"),
        (b"\x89PNG\xff\xfe", "cannot be read as text"),
        (b"0.9,0.1\n0.2,\x00\n", "line 2, number 2"),
    ],
)
def test_what_is_no_matrix_is_refused_by_file_line_and_rule(tmp_path, text, words):
    path = written(tmp_path / "T.csv", text)
    with pytest.raises(DataError, match=words) as caught:
        read_transition_matrix(path, num_classes=2)
    rule = "cannot be read as text: " if "text" in words else "is not a noise transition matrix: "
    assert str(caught.value).startswith(f"{path} {rule}")


def test_a_file_that_is_not_there_or_none_is_refused(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(DataError, match="is not a file"):
            read_transition_matrix(path, num_classes=2)


def test_a_file_too_large_for_a_matrix_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tune_noise.data.transition_file.MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than 10 bytes"):
        read_transition_matrix(written(tmp_path / "T.csv", "0.9,0.1\n0.2,0.8\n"), num_classes=2)
