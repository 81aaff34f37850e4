"""Which of a space's configurations are asked first: by the columns of the inputs, or none."""

import dataclasses

import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.data import Dataset, load_dataset
from tune_noise.service.start import asked_first

START = {
    "tables": [{"method": "standard", "lr": 0.01}],
    "embeddings": [{"method": "standard", "lr": 0.02}],
}


@pytest.fixture(scope="module")
def features() -> Dataset:
    digits = load_dataset("digits")
    flat = [
        i.reshape(len(i), -1).astype("float32") for i in (digits.train_inputs, digits.test_inputs)
    ]
    return dataclasses.replace(digits, train_inputs=flat[0], test_inputs=flat[1])


def test_tables_and_embeddings_have_starts_of_their_own(features: Dataset) -> None:
    search = make_search(start=START)
    wide = dataclasses.replace(features, train_inputs=features.train_inputs.repeat(2, axis=1))
    for dataset, part in ((features, "tables"), (wide, "embeddings")):
        points, sentences = asked_first(search, dataset)
        assert points == {condition.name: START[part] for condition in search.all_conditions}
        assert sentences == []


def test_nothing_is_asked_first_of_pictures_or_where_that_is_not_wanted(features: Dataset) -> None:
    assert asked_first(make_search(start=START), load_dataset("digits")) == ({}, [])
    assert asked_first(make_search(start=START, warm_start=False), features) == ({}, [])
    assert asked_first(make_search(), features) == ({}, [])
