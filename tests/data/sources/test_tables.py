"""Tables are read as they are, or refused with both readings."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tune_noise.config.data_source import DataSource
from tune_noise.data.sources.raw import RawData
from tune_noise.data.sources.read import read_inputs, read_source
from tune_noise.errors import DataError


def read(train: Path, **options: Any) -> RawData:
    return read_source(DataSource(train=str(train), **options))


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def refusal(train: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(train, **options)
    return str(caught.value)


NAMES = ["007", "1e3", "nan", "None", "True", "NA"]


def test_words_that_look_like_something_else_stay_words(tmp_path: Path) -> None:
    rows = "".join(f"{number},{word}\n" for number, word in enumerate(NAMES * 2))
    path = write(tmp_path / "a.csv", f"size,label\n{rows}0.5,\n")

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
