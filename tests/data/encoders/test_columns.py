import numpy as np
import pandas as pd
import pytest

from tune_noise.data.encoders.columns import Columns
from tune_noise.errors import DataError


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "size": [1.0, np.nan, 3.0, 8.0],
            "whole": [1, 2, 3, 4],
            "word": ["x", "y", "x", None],
            "when": pd.to_datetime(["1970-01-02", "1970-01-03", "NaT", "1970-01-05"]),
        }
    )


def fitted(table, max_categories=50):
    encoder = Columns(max_categories)
    encoder.fit(table)
    return encoder


def test_numbers_gaps_and_words_in_closed_form(table):
    # size and its gap, whole, when and its gap, x, all other words
    assert fitted(table).encode(table).tolist() == [
        [1, 0, 1, 1, 0, 1, 0],
        [3, 1, 2, 2, 0, 0, 1],
        [3, 0, 3, 2, 1, 1, 0],
        [8, 0, 4, 4, 0, 0, 1],
    ]


def test_new_rows_are_encoded_by_what_training_had(table):
    new = table.assign(size=[np.nan, 1, 2, 3], word=["new", "y", None, "x"], whole=np.nan)[::-1]
    encoded = fitted(table).encode(new)
    assert encoded[-1].tolist() == [3, 1, 2.5, 1, 0, 0, 1]
    assert encoded.shape == (4, 7)


def test_the_most_frequent_words_have_columns_of_their_own():
    table = pd.DataFrame({"word": list("aaabbbccddz")})
    _, values = fitted(table, max_categories=3).state()
    assert values["words"] == {"word": ["a", "b", "c"]}
    shuffled = table.sample(frac=1, random_state=0)
    assert fitted(shuffled, max_categories=3).state()[1] == values


def test_another_form_of_table_is_refused_with_all_that_is_wrong(table):
    new = table.drop(columns="word").assign(size=["1", "two", "3", "4"], whole=np.inf)
    with pytest.raises(DataError) as caught:
        fitted(table).encode(new)
    text = str(caught.value)
    assert "column 'word' is missing" in text
    assert "column 'size' held numbers in training, and now '1', 'two'" in text
    assert "column 'whole' holds an infinite number" in text


def test_further_columns_do_not_matter(table):
    encoder = fitted(table)
    assert np.array_equal(encoder.encode(table.assign(more=1)[::-1]), encoder.encode(table[::-1]))
