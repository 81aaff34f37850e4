"""Arrays with their labels beside them, and the answers of several annotators."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.sources import read, refusal, write
from tune_noise.data.sources.read import read_inputs

VALUES = np.random.default_rng(0).normal(size=(6, 4))
WORDS = np.array(["cat", "dog"] * 3)


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_array_of_numbers_becomes_float32(tmp_path: Path, dtype: Any, order: Any) -> None:
    values = np.asarray(VALUES * 10, dtype=dtype, order=order)
    train = save(tmp_path / "features.npy", values)
    save(tmp_path / "labels.npy", WORDS)
    raw = read(train)
    features: Any = raw.train.inputs
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, values.astype(np.float32))
    assert isinstance(features.base, np.memmap) or dtype != np.float32 or order == "F"
    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == WORDS.tolist()
    assert raw.reading == ("labels of features.npy are in labels.npy, by its name",)
    assert raw.form is not None
    np.testing.assert_array_equal(read_inputs(train, like=raw.form).inputs, features)


def test_a_table_of_labels_goes_by_positions_where_it_names_them(tmp_path: Path) -> None:
    train = save(tmp_path / "X.npy", VALUES)
    table = write(tmp_path / "t.csv", "task,label\n5,f\n4,e\n3,d\n2,f\n1,e\n0,d\n")
    raw = read(train, labels=table)
    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == ["d", "e", "f"] * 2
    named = write(tmp_path / "n.csv", "id,label\nu,f\nv,e\nw,d\nx,f\ny,e\nz,d\n")
    raw = read(train, labels=named)
    assert raw.train.ids is not None
    assert raw.train.ids.tolist() == list("uvwxyz")
    short = write(tmp_path / "s.csv", "label\nu\nv\n")
    assert "has 2 labels for 6 rows" in refusal(train, labels=short)


@pytest.mark.parametrize("form", ["npz", "npy"])
@pytest.mark.parametrize(
    ("labels", "missing", "expected"),
    [
        ([-1, 0, 1, 2, 0, 1, 2], None, [None, *"012012"]),
        ([np.nan, 0, 1, 2, 0, 1, 2], None, [None, *"012012"]),
        (["", *"abcabc"], None, [None, *"abcabc"]),
        (["?", *"abcabc"], "?", [None, *"abcabc"]),
        ([-1, 0, 1, 0, 1, 0, 1], "-1", [None, *"010101"]),
        ([-1, 0, 1, 0, 1, -1, 1], "", ["-1", *"0101", "-1", "1"]),
        ([-1, 1, 1, 1, 1, -1, 1], "", ["-1", *"1111", "-1", "1"]),
        ([-1, np.nan, 1, 1, 1, -1, 1], "", ["-1", None, *"111", "-1", "1"]),
    ],
)
def test_missing_labels_of_arrays_are_no_labels(
    tmp_path: Path, form: str, labels: Any, missing: str | None, expected: list[str | None]
) -> None:
    features = np.random.default_rng(0).normal(size=(7, 4))
    if form == "npz":
        np.savez(tmp_path / "a.npz", features=features, labels=np.array(labels))
        raw = read(tmp_path / "a.npz", missing=missing)
    else:
        save(tmp_path / "labels.npy", np.array(labels))
        raw = read(save(tmp_path / "features.npy", features), missing=missing)
    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == expected
    count = expected.count(None)
    assert (f"{count} of 7 train examples have no label" in raw.reading) == (count > 0)


@pytest.mark.parametrize("labels", [[-1, 1, 1], [-1, 0, 1], [-1, 0, np.nan], [-1, 2, np.nan]])
def test_where_minus_one_may_be_a_class_the_option_must_say_it(tmp_path: Path, labels: Any) -> None:
    np.savez(tmp_path / "a.npz", features=VALUES, labels=np.array(labels * 2))
    save(tmp_path / "labels.npy", np.array(labels * 2))
    for path in (tmp_path / "a.npz", save(tmp_path / "features.npy", VALUES)):
        message = refusal(path)
        assert "has -1, but class ids are 0..K-1" in message
        assert "--set data.missing=-1, or with --set \"data.missing=''\" where it" in message


def test_an_npz_of_features_has_splits_ids_and_words(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays: dict[str, np.ndarray] = {
        **{"features": VALUES, "labels": WORDS, "ids": np.array(list("abcdef"))},
        **{"val_features": VALUES[:2], "val_labels": WORDS[:2], "val_ids": np.array(["g", "h"])},
        **{"test_features": VALUES[2:4], "test_labels": WORDS[2:4]},
    }
    np.savez(path, **arrays)
    raw = read(path)
    assert raw.kind == "features"
    assert (len(raw.train), len(raw.validation or ()), len(raw.test or ())) == (6, 2, 2)
    assert raw.train.ids is not None
    assert raw.train.ids.tolist() == list("abcdef")
    np.testing.assert_array_equal(np.asarray(raw.train.inputs), VALUES.astype(np.float32))
    np.savez(tmp_path / "new.npz", features=VALUES)
    assert raw.form is not None
    again = read_inputs(tmp_path / "new.npz", like=raw.form)
    np.testing.assert_array_equal(np.asarray(again.inputs), VALUES.astype(np.float32))


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (VALUES.astype(object), "cannot be read as an .npy file"),
        (np.where(VALUES > 1, np.nan, VALUES), "not finite"),
        (VALUES * 1e300, "too large for float32"),
        (np.zeros((6, 49), np.uint8), "save `array = array.astype('float32')`"),
        (VALUES[:, 0], "must be"),
    ],
)
def test_arrays_that_cannot_be_inputs_are_refused(
    tmp_path: Path, array: np.ndarray, text: str
) -> None:
    np.save(tmp_path / "features.npy", array, allow_pickle=True)
    assert text in refusal(tmp_path / "features.npy")


LONG = "task,worker,label\n0,w,b\n0,v,a\n1,w,a\n3,v,b\n3,w,-1\n5,v,\n"
WIDE = "v,w\na,b\n,a\n,\nb,-1\n,\n,\n"
ANSWERS = [[0, 1], [-1, 0], [-1, -1], [1, -1], [-1, -1], [-1, -1]]


@pytest.mark.parametrize("content", [LONG, WIDE, "task," + WIDE.replace("\n", "\n{},")])
def test_answers_are_read_long_and_wide(tmp_path: Path, content: str) -> None:
    if "{}" in content:
        content = content.removesuffix("{},").format(*range(6))
    train = save(tmp_path / "features.npy", VALUES)
    raw = read(train, answers=write(tmp_path / "answers.csv", content))
    assert raw.class_names == ("a", "b")
    assert raw.annotators is not None
    assert raw.annotators.tolist() == ["v", "w"]
    assert raw.answers is not None
    assert raw.answers.tolist() == ANSWERS
    assert raw.train.labels is None


def test_answers_stand_in_a_matrix_or_in_columns_of_the_table(tmp_path: Path) -> None:
    train = save(tmp_path / "features.npy", VALUES)
    raw = read(train, answers=save(tmp_path / "answers.npy", np.array(ANSWERS)))
    assert raw.class_names == ("0", "1")
    assert raw.answers is not None
    assert raw.answers.tolist() == ANSWERS
    lines = [f"{i},{v},{w}" for i, (v, w) in enumerate([("1.0", "2"), ("", "1"), ("2.0", "-1")])]
    table = write(tmp_path / "a.csv", "\n".join(["size,v,w", *lines]))
    raw = read(table, answers=["v", "w"])
    assert raw.answers is not None
    assert (raw.class_names, raw.answers.tolist()) == (("1", "2"), [[0, 1], [-1, 0], [1, -1]])


def test_answers_to_unknown_items_and_second_answers_are_refused(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", "id,size,label\nx,1,a\ny,2,b\nz,1,a\nu,2,b\n")
    unknown = write(tmp_path / "u.csv", "task,worker,label\nx,w,a\nq,w,b\n")
    assert "not ids of the examples: 'q'" in refusal(train, answers=unknown)
    twice = write(tmp_path / "t.csv", "task,worker,label\nx,w,a\nx,w,b\n")
    assert "several answers of one annotator to one item, first of 'w' to item 'x'" in refusal(
        train, answers=twice
    )


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (np.arange(30) % 3 * 2.5, "feature 2  says in every row just what 'labels' says"),
        (np.arange(30) + 4.0, "feature 2  numbers the rows"),
        (np.r_[np.arange(29) + 4.0, 9.0], None),
        (np.r_[np.arange(29) % 3 * 2.5, 9.0], None),
    ],
)
def test_features_that_say_the_label_or_the_row_are_refused(
    tmp_path: Path, column: np.ndarray, text: str | None
) -> None:
    features = np.random.default_rng(0).normal(size=(30, 4))
    features[:, 2] = column
    np.savez(tmp_path / "a.npz", features=features, labels=np.arange(30) % 3)
    if text is None:
        assert len(read(tmp_path / "a.npz").train) == 30
    else:
        assert text in refusal(tmp_path / "a.npz")
