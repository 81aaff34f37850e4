"""New inputs given in Python are brought into the form of training, or refused with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tune_noise.data.sources.new_inputs import arrange_inputs
from tune_noise.data.sources.raw import RawForm
from tune_noise.errors import DataError

TABLE = RawForm(kind="table", columns=("age", "town", "zip"), words=("town", "zip"))
TEXTS = RawForm(kind="texts", columns=("review",))
PHOTOS = RawForm(kind="photos")
FEATURES = RawForm(kind="features", columns=("f0", "f1"))
PIXELS = RawForm(kind="pixels")


def table(**columns: list[Any]) -> pd.DataFrame:
    rows = {"zip": ["07", "1e3"], "age": [1, 2], "town": ["Ulm", None]}
    return pd.DataFrame(rows | columns, index=[7, 3])


def test_a_table_gives_its_columns_in_the_order_of_training() -> None:
    arranged = arrange_inputs(table(price=[1.0, 2.0]), TABLE)
    assert list(arranged.columns) == ["age", "town", "zip"]
    assert arranged.age.tolist() == [1.0, 2.0]
    assert arranged.zip.tolist() == ["07", "1e3"]
    assert arranged.town.isna().tolist() == [False, True]
    assert list(arranged.index) == [0, 1]


def test_gaps_of_a_table_stay_gaps() -> None:
    arranged = arrange_inputs(table(age=[None, 2], town=[None, None]), TABLE)
    assert np.isnan(arranged.age[0])
    assert arranged.town.isna().all()


@pytest.mark.parametrize(
    "texts",
    [
        ["good", "bad"],
        pd.Series(["good", "bad"]),
        np.array(["good", "bad"]),
        pd.DataFrame({"stars": [1, 2], "review": ["good", "bad"]}),
    ],
)
def test_texts_may_be_a_list_an_array_a_series_or_a_column(texts: Any) -> None:
    assert arrange_inputs(texts, TEXTS).tolist() == ["good", "bad"]


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert arrange_inputs([tmp_path / "a.png"], PHOTOS).tolist() == [str(tmp_path / "a.png")]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64, np.bool_])
def test_features_of_any_number_become_float32(dtype: Any) -> None:
    features = arrange_inputs(np.asfortranarray(np.eye(2, dtype=dtype)), FEATURES)
    assert features.dtype == np.float32
    assert features.flags.c_contiguous


@pytest.mark.parametrize(
    ("inputs", "form", "message"),
    [
        (table().drop(columns="town"), TABLE, "columns  lack 'town'; choose from zip, age"),
        (
            table()[["age", "age", "town", "zip"]],
            TABLE,
            "columns  hold 'age' more than once; keep one",
        ),
        (table(zip=[7, 1000]), TABLE, "7, 1000 must be words, as in training"),
        (table(zip=[7.0, None]), TABLE, "pandas.read_csv(..., dtype={'zip': str})"),
        (table(age=["old", "2"]), TABLE, "'old', '2' must be numbers"),
        (np.eye(3), TABLE, "must be a DataFrame with the columns 'age', 'town', 'zip'"),
        (["good", None], TEXTS, "must be texts: None is none, in row 1 from 0 on"),
        (
            pd.DataFrame({"review": ["good", np.nan]}),
            TEXTS,
            "must be texts: nan is none, in row 1 from 0 on",
        ),
        ("good", TEXTS, "must be a list of texts: put a single one into brackets"),
        (["nowhere.png"], PHOTOS, "nowhere.png  No such file or directory"),
        ([7], PHOTOS, "must be paths of pictures: 7 is none"),
        (np.array([[1.0, np.nan]]), FEATURES, "1 features are empty, not finite"),
        (pd.DataFrame({"f0": [1.0], "f1": [np.inf]}), FEATURES, "is inf in row 1 of f1"),
        ([[1.0], [1.0, 2.0]], FEATURES, "cannot be made an array"),
        (["a", "b"], FEATURES, "must be numbers [N, D], and not <U1 [2]"),
        (table(), PIXELS, "must be an array of pixels, not a table"),
    ],
)
def test_inputs_that_are_not_like_those_of_training_are_refused(
    inputs: Any, form: RawForm, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        arrange_inputs(inputs, form)
    assert message in str(refused.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(DataError, match="has 2 problems") as refused:
        arrange_inputs(table(zip=[7, 8], age=["old", "young"]), TABLE)
    assert "  zip" in str(refused.value)
    assert "  age" in str(refused.value)
