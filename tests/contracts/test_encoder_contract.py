"""What every encoder promises; a new one is covered by its declaration and a case in INPUTS."""

import json

import numpy as np
import pytest

from tests.data.encoders import own_encoders
from tune_noise.data.encoders.chosen import choose_encoder
from tune_noise.data.encoders.declarations import DEFAULT_ENCODERS, ENCODERS
from tune_noise.data.encoders.protocol import FittedEncoder
from tune_noise.data.encoders.stored import load_encoder, save_encoder
from tune_noise.data.sources.raw import RawKind
from tune_noise.errors import DataError

OWN = "tests.data.encoders.own_encoders:LetterCounts"
# Their libraries take seconds to import.
SLOW = ("sentence_transformers", "timm")
all_encoders = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in SLOW else ())
        for name in (*ENCODERS, OWN)
    ],
)


@pytest.fixture(scope="module")
def raw_inputs(tmp_path_factory):
    """Kind of raw inputs -> twelve of them, the first of which is odd in some way."""
    return own_encoders.raw_inputs(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def rows(inputs, *numbers):
    return inputs[list(numbers)] if isinstance(inputs, np.ndarray) else inputs.iloc[list(numbers)]


def chosen(name, raw_inputs, models, *, fitted=True):
    """Make an encoder, and fit it on all raw inputs; skip the test where its library is absent."""
    kind = ENCODERS[name].takes if name in ENCODERS else "texts"
    try:
        asked = own_encoders.asked(name, models)
        one = choose_encoder(asked, kind)
    except (ImportError, DataError) as error:
        if isinstance(error, DataError) and "needs a library" not in str(error):
            raise
        pytest.skip(str(error))
    if fitted and isinstance(one.encoder, FittedEncoder):
        one.encoder.fit(raw_inputs[kind])
    return one, raw_inputs[kind]


@all_encoders
def test_it_gives_what_it_declares(name, raw_inputs, models):
    one, inputs = chosen(name, raw_inputs, models)
    encoded = one.encoder.encode(inputs)
    gives = ENCODERS[name].gives if name in ENCODERS else "features"
    shape = {"features": (np.float32, 2), "pictures": (np.uint8, 4)}[gives]
    assert (encoded.dtype, encoded.ndim) == shape
    assert len(encoded) == len(inputs)
    assert np.isfinite(encoded).all()
    assert len(np.unique(encoded, axis=0)) > 6


@all_encoders
def test_an_input_gives_the_same_bits_whatever_else_is_in_the_block(name, raw_inputs, models):
    one, inputs = chosen(name, raw_inputs, models)
    whole = one.encoder.encode(inputs)
    assert np.array_equal(one.encoder.encode(rows(inputs, 3)), whole[3:4])
    assert np.array_equal(one.encoder.encode(rows(inputs, 7, 0, 3, 7)), whole[[7, 0, 3, 7]])


@all_encoders
def test_what_was_learnt_survives_a_folder_to_the_last_bit_and_holds_no_pickle(
    name, raw_inputs, models, tmp_path
):
    one, inputs = chosen(name, raw_inputs, models)
    state = one.encoder.state() if isinstance(one.encoder, FittedEncoder) else None
    save_encoder(tmp_path, one.about, state)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "encoder.json",
        "encoder.safetensors",
    ]
    again = load_encoder(tmp_path, own_encoder=OWN)
    assert again.about == json.loads(json.dumps(one.about))
    assert np.array_equal(again.encoder.encode(inputs), one.encoder.encode(inputs))


@all_encoders
def test_a_declaration_says_what_the_class_is(name, raw_inputs, models):
    if name in ENCODERS:
        one, _ = chosen(name, raw_inputs, models, fitted=False)
        assert isinstance(one.encoder, FittedEncoder) == ENCODERS[name].is_fitted
        assert ENCODERS[name].summary
        assert ENCODERS[name].takes in DEFAULT_ENCODERS


def test_every_kind_of_raw_inputs_that_is_encoded_has_a_default():
    assert set(DEFAULT_ENCODERS) <= set(RawKind.__args__)
    for kind, name in DEFAULT_ENCODERS.items():
        assert ENCODERS[name].takes == kind
