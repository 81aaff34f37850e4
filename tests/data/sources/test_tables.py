"""Tables are read as they are, or refused with both readings."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.sources import read, refusal, write
from tune_noise.data.sources.read import read_inputs
from tune_noise.errors import DataError

NAMES = ["007", "1e3", "nan", "None", "True", "NA"]


def test_words_that_look_like_something_else_stay_words(tmp_path: Path) -> None:
    lines = "".join(f"{number},{word}\n" for number, word in enumerate(NAMES * 2))
    path = write(tmp_path / "a.csv", f"size,label\n{lines}0.5,\n")

    raw = read(path)

    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == [*NAMES, *NAMES, None]
    assert raw.class_names == tuple(sorted(NAMES))
    assert "1 of 13 train examples have no label" in raw.reading


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_every_form_of_a_table_gives_the_same_data(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "size": [1.0, 2.5, np.nan, 4.0],
            "colour": ["red", "blue", None, "red"],
            "label": ["10", "9", "9", "10"],
        }
    )
    path = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")

    raw = read(path)

    assert raw.kind == "table"
    assert raw.form is not None
    assert (raw.form.columns, raw.form.words) == (("size", "colour"), ("colour",))
    assert raw.train.ids is not None
    assert raw.train.ids.tolist() == ["a", "b", "c", "d"]
    assert raw.class_names == ("9", "10")
    table: Any = raw.train.inputs
    np.testing.assert_array_equal(table["size"], [1.0, 2.5, np.nan, 4.0])
    assert table["colour"].tolist() == ["red", "blue", None, "red"]
    again: Any = read_inputs(path, like=raw.form).inputs
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_many_columns_of_numbers_are_features(tmp_path: Path, suffix: str) -> None:
    values = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"f{i}" for i in range(40)])
    frame["label"] = ["a", "b"] * 3
    path = tmp_path / f"a{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)

    raw = read(path)

    assert raw.kind == "features"
    features: Any = raw.train.inputs
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, values)
    assert "features are 40 columns" in " ".join(raw.reading)


def rows(text: str, count: int = 3) -> str:
    header, _, rest = text.partition("\n")
    return f"{header}\n{rest * count}"


# What is read rightly, and said: name -> content, options, a sentence, kind, first input.
READ: dict[str, tuple[str | bytes, dict[str, Any], str, Any]] = {
    "semicolons and decimal commas": (
        rows("size;label\n1,5;cat\n2,25;dog\n"),
        {},
        "commas are decimal signs in 'size'",
        1.5,
    ),
    "a byte order mark": (b"\xef\xbb\xbf" + rows("size,label\n1,a\n2,b\n").encode(), {}, "", 1.0),
    "UTF-16": (rows("size,label\n1,\xe4\n2,b\n").encode("utf-16"), {}, "UTF-16", 1.0),
    "latin-1, as it says": (
        rows("size,label\n1,\xe4\n2,b\n").encode("latin-1"),
        {"encoding": "latin-1"},
        "",
        1.0,
    ),
    "a label by its name": (rows("size,target\n1,a\n2,b\n"), {}, "label is column 'target'", 1.0),
    "row numbers of pandas": (
        rows(",size,label\n0,1,a\n1,2,b\n"),
        {},
        "only numbers the rows",
        1.0,
    ),
    "spaces around words": (
        "size, label\n1, a\n2,b\n1,a \n2, b\n",
        {},
        "spaces around 3 words of 'label' are left out",
        1.0,
    ),
    "-1 as a class, as it says": (
        rows("size,label\n1,-1\n2,0\n3,1\n"),
        {"missing": ""},
        "",
        1.0,
    ),
    "-1 as no label, as it says": (
        rows("size,label\n1,-1\n2,0\n3,1\n"),
        {"missing": "-1"},
        "3 of 9 train examples have no label",
        1.0,
    ),
    "classes of -1 and 1": (rows("size,label\n1,-1\n2,1\n"), {}, "", 1.0),
    "gaps among numbers": ("size,label\n1,a\nNA,b\n,a\n2,b\n", {}, "2 cells empty", 1.0),
    "a column of splits": (
        "size,label,split\n1,a,train\n2,b,train\n1,a,Training\n2,b,train\n1,a,dev\n2,b,val\n5,a,test\n",
        {},
        "the split is given by a column: 4 train, 2 validation, 1 test",
        1.0,
    ),
    "decimal commas, as it says": (
        rows("size;label\n1,500;cat\n2,250;dog\n"),
        {"decimal": ","},
        "commas are decimal",
        1.5,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_odd_tables_are_read_rightly_and_said(tmp_path: Path, name: str) -> None:
    content, options, sentence, first = READ[name]
    raw = read(write(tmp_path / "a.csv", content), **options)
    table: Any = raw.train.inputs
    assert table["size"][0] == first
    assert sentence in "; ".join(raw.reading)
    assert raw.form is not None
    again: Any = read_inputs(tmp_path / "a.csv", like=raw.form).inputs
    assert again["size"][0] == first


def many(header: str, row: str, count: int = 24) -> str:
    return header + "\n" + "".join(row.format(i=i, c="ab"[i % 2]) + "\n" for i in range(count))


# What is refused: name -> content, options, what the message says.
REFUSED: dict[str, tuple[str | bytes, dict[str, Any], list[str]]] = {
    "empty": ("", {}, ["is empty"]),
    "no label": ("size,sort\n1,a\n2,b\n", {}, ["say which: label: NAME", "sort has 2 words"]),
    "two labels": (
        "size,target,class\n1,a,a\n2,b,b\n",
        {},
        ["say which: label: target or label: class"],
    ),
    "a label that is not there": ("a,lable\n1,x\n", {"label": "label"}, ["did you mean 'lable'?"]),
    "latin-1": (
        rows("size,label\n1,Stra\xdfe\n2,b\n").encode("latin-1"),
        {},
        ["line 2 is not UTF-8", "encoding: cp1252 reads '1,Stra\xdfe"],
    ),
    "an unknown encoding": ("a,label\n1,x\n", {"encoding": "utf9"}, ["'utf9' is not known"]),
    "two separators": (
        "a,b;label\n1,5;x\n2,5;y\n",
        {},
        ["separator: ',' (2 columns) or separator: ';' (2 columns)"],
    ),
    "thousands or decimals": (
        "size;label\n1,500;x\n2,250;y\n",
        {},
        ["decimal: ',' or decimal: '.'"],
    ),
    "ragged rows": (
        "size,label\n1,a\n2,b,3\n4\n1,b\n",
        {},
        ["row 2 has 3: '2,b,3'", "row 3 has 1: '4'"],
    ),
    "an open quote": ('size,label\n1,a\n2,"b\n3,a\n4,b\n', {}, ["is opened and never closed"]),
    "columns of one name": ("a,a,label\n1,2,x\n", {}, ["has several columns named 'a'"]),
    "-1": (rows("size,label\n1,-1\n2,0\n3,1\n"), {}, ["missing: '-1', or missing: ''"]),
    "one class": ("size,label\n1,a\n2,a\n", {}, ["are all 'a'; at least 2 classes"]),
    "one example of a class": ("size,label\n1,a\n2,a\n3,b\n", {}, ["single training example: 'b'"]),
    "twice one id": (
        "id,size,label\n1,1,a\n1,2,b\n3,1,a\n,2,b\n",
        {},
        ["names several examples alike: '1'", "is empty in 1 rows"],
    ),
    "a leak": (
        many("size,name,label", "{i},x{c},{c}").replace("\n0,", "\n7,"),
        {},
        ["says in every row just what 'label' says", "ignore: name"],
    ),
    "numbered rows": (
        many("n,size,label", "{i},1,{c}"),
        {},
        ["numbers the rows", "id: n"],
    ),
    "another word in each row": (
        many("size,code,label", "1,x{i}y,{c}"),
        {},
        ["id: code, text: code or ignore: code"],
    ),
    "two texts": (
        many("title,body,label", "a b c d {i},e f g h {i},{c}"),
        {},
        ["text: title or text: body"],
    ),
    "a split that is none": (
        "size,label,split\n1,a,train\n2,b,tset\n",
        {},
        ["holds 'tset', first in row 2"],
    ),
    "a class of the test split alone": (
        "size,label,split\n1,a,train\n2,b,train\n1,a,train\n2,b,train\n1,c,test\n",
        {},
        ["test labels name classes without a training example: 'c', first in row 1"],
    ),
    "not finite": (
        many(",".join(f"f{i}" for i in range(40)) + ",label", ",".join(["1", "inf"] * 20) + ",{c}"),
        {},
        ["480 features are empty, not finite", "the first is inf in row 1 of f1"],
    ),
    "lists as text": ('v,label\n"[1, 2]",a\n"[3, 4]",b\n', {}, ["hold lists", "JSON lines"]),
    "features of words": ("a,b,label\n1,x,y\n", {"features": ["a", "b"]}, ["must be numbers"]),
    "text and image": ("a,b,label\n1,x,y\n", {"text": "a", "image": "b"}, ["give one of them"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_misread_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    content, options, expected = REFUSED[name]
    message = refusal(write(tmp_path / "a.csv", content), **options)
    for text in expected:
        assert text in message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", "id,size,label\n1,2,x\n1,3,x\n2,4,y\n")
    test = write(tmp_path / "b.csv", "id,size,label\n1,2,z\n")
    message = refusal(train, test=test)
    assert "3 problems" in message
    for text in ("single training example: 'y'", "several examples alike", "example: 'z'"):
        assert text in message


def test_a_text_of_a_megabyte_is_read_whole_and_empty_ones_are_told(tmp_path: Path) -> None:
    long = "word " * 200_000
    content = f'text,label\n"{long}",a\n,b\n"two\nlines, ""quoted""",a\nx,b\n'
    raw = read(write(tmp_path / "a.csv", content))
    assert raw.train.inputs.tolist() == [long, "", 'two\nlines, "quoted"', "x"]  # type: ignore[union-attr]
    assert raw.warnings == ("1 of 4 train texts are empty or missing",)


def test_missing_texts_to_predict_are_told(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["one text", None, "", "two"], "label": [*"abab"]})
    frame.to_parquet(tmp_path / "a.parquet")
    raw = read(tmp_path / "a.parquet")
    assert raw.warnings == ("2 of 4 train texts are empty or missing",)
    assert raw.form is not None
    assert (
        "2 of 4 texts are empty or missing"
        in read_inputs(tmp_path / "a.parquet", like=raw.form).notes
    )


@pytest.mark.parametrize("wrong", ["data/revews.csv", "date/reviews.csv", "data/reviews.csv/x"])
def test_a_path_that_does_not_exist_is_refused_with_the_nearest_name(
    tmp_path: Path, wrong: str
) -> None:
    near = write(tmp_path / "data" / "reviews.csv", "text,label\na,b\n")
    message = refusal(tmp_path / wrong)
    assert "does not exist; " in message
    assert (f"did you mean {str(near)!r}?" in message) == (wrong == "data/revews.csv")
    assert (f"did you mean {str(near.parent)!r}?" in message) == (wrong == "date/reviews.csv")
    assert "does not exist; paths start from" in refusal(tmp_path / "something else entirely")


def test_new_inputs_must_be_like_those_of_training(tmp_path: Path) -> None:
    raw = read(write(tmp_path / "a.csv", "size,colour,label\n1,r,a\n2,b,b\n1,b,a\n2,r,b\n"))
    assert raw.form is not None
    new = write(tmp_path / "new.csv", "colour,more,size\nr,7,2.5\n,8,\n")
    inputs: Any = read_inputs(new, like=raw.form)
    assert inputs.labels is None
    assert inputs.inputs.columns.tolist() == ["size", "colour"]
    assert inputs.inputs["colour"].tolist() == ["r", None]
    with pytest.raises(DataError, match="lacks columns that the training data have: 'size'"):
        read_inputs(write(tmp_path / "b.csv", "colour\nr\n"), like=raw.form)
    with pytest.raises(DataError, match="must hold numbers, as in the training data: 'big'"):
        read_inputs(write(tmp_path / "c.csv", "size,colour\nbig,r\n"), like=raw.form)


def test_parquet_of_text_that_is_not_utf8_and_lists_of_other_lengths_are_refused(
    tmp_path: Path,
) -> None:
    bad = pa.array([b"\xff", b"b", b"a", b"b"]).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"a": bad, "label": ["x", "y"] * 2}), tmp_path / "a.parquet")
    assert "cannot be read" in refusal(tmp_path / "a.parquet")
    write(tmp_path / "b.jsonl", '{"v": [1, 2], "label": "x"}\n{"v": [1], "label": "y"}\n' * 2)
    assert "lists must have one length" in refusal(tmp_path / "b.jsonl")
    write(tmp_path / "c.jsonl", '{"v": 1}\n[2]\n{"v": \n')
    message = refusal(tmp_path / "c.jsonl")
    assert "line 2: is not an object" in message
    assert "line 3: Expecting value" in message


def test_a_row_longer_than_a_block_is_read_and_no_row_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_noise.data.sources.delimited._BLOCK_BYTES", 64)
    monkeypatch.setattr("tune_noise.data.sources.delimited._HANDED_ON", 128)
    texts = [f"{number} {'long ' * (200 if number == 29 else 3)}end" for number in range(40)]
    lines = [f"{text},{'ab'[number % 2]}\n" for number, text in enumerate(texts)]
    path = write(tmp_path / "a.csv", "".join(["text,label\n", *lines]))
    assert read(path).train.inputs.tolist() == texts  # type: ignore[union-attr]
    monkeypatch.setattr("tune_noise.data.sources.delimited._LONGEST_BLOCK", 256)
    message = refusal(path)
    assert "or a quote that is never closed" in message
    assert "JSON lines (.jsonl) and Parquet hold longer texts" in message


def test_pictures_within_a_table_are_refused_with_the_way_out(tmp_path: Path) -> None:
    pictures = [{"bytes": b"png", "path": f"{number}.png"} for number in range(4)]
    pq.write_table(pa.table({"image": pictures, "label": [*"abab"]}), tmp_path / "a.parquet")
    for options in ({}, {"image": "image"}):
        message = refusal(tmp_path / "a.parquet", **options)
        assert "image  holds files within the table, such as pictures; write them into" in message
        assert "a metadata.csv with the columns file_name and label" in message
    table = pa.table({"image": pictures, "text": [*"wxyz"], "label": [*"abab"]})
    pq.write_table(table, tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet").reading == ("texts in column 'text'; not used: 'image'",)


def test_many_columns_of_parquet_are_read_some_at_a_time(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    columns = {f"f{number}": column for number, column in enumerate(values.T)}
    words = ["a", "b"] * 25
    half = len(columns) // 2
    first, last = (dict(list(columns.items())[part]) for part in (slice(half), slice(half, None)))
    table = pa.table({**first, "label": words, **last})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=13)
    raw = read(tmp_path / "a.parquet")
    assert raw.train.labels is not None
    assert raw.train.labels.tolist() == words
    np.testing.assert_array_equal(np.asarray(raw.train.inputs), values)
