import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tune_noise.config.trial import TrialConfig
from tune_noise.noise.class_map import USUAL_CLASS_MAPS, parse_class_map

PAIRS = st.dictionaries(st.integers(0, 99), st.integers(100, 200), min_size=1, max_size=8)


@given(PAIRS, st.sampled_from([",", ", ", " ,"]), st.sampled_from([">", " > "]))
def test_a_text_is_the_map_that_it_spells(pairs, comma, arrow):
    text = comma.join(f"{source}{arrow}{target}" for source, target in pairs.items())
    assert parse_class_map(text) == pairs


def test_spaces_make_no_other_map():
    config = TrialConfig(noise="asymmetric", class_map=" 7 > 1 , 2>7 ")
    assert config.class_map == "7>1,2>7"
    assert TrialConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no flip of one class to another"),
        ("7", "write e.g. 7>1,2>7"),
        ("7>1,", "no flip"),
        ("7>1>2", "no flip"),
        ("-7>1", "no flip"),
        ("7>seven", "no flip"),
        ("\uff17>1", "no flip"),  # a digit, but not one that a person meant to write
        ("3>3", "flips a class to itself"),
        ("3>4,3>5", "class 3 is flipped twice, to 4 and to 5"),
        ("1>2\n", None),
    ],
)
def test_what_is_no_map_says_what_one_is(text, words):
    if words is None:
        assert parse_class_map(text) == {1: 2}
        return
    with pytest.raises(ValidationError, match=words):
        TrialConfig(noise="asymmetric", class_map=text)


def test_the_usual_maps_are_those_of_the_field():
    # MNIST: 7 to 1, 2 to 7, 5 and 6 to each other, 3 to 8.
    assert parse_class_map(USUAL_CLASS_MAPS["mnist"]) == {7: 1, 2: 7, 5: 6, 6: 5, 3: 8}
    names = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
    ]  # fmt: skip
    cifar10 = parse_class_map(USUAL_CLASS_MAPS["cifar10"])
    assert {names[a]: names[b] for a, b in cifar10.items()} == {
        "truck": "automobile",
        "bird": "airplane",
        "deer": "horse",
        "cat": "dog",
        "dog": "cat",
    }


@pytest.mark.parametrize("dataset", ["digits", "mnist", "cifar10"])
def test_a_data_set_s_usual_map_stands_in_its_trials(dataset):
    config = TrialConfig(dataset=dataset, noise="asymmetric")
    assert config.class_map == USUAL_CLASS_MAPS[dataset]


def test_other_data_sets_have_none():
    assert TrialConfig(dataset="cifar100", noise="asymmetric").class_map is None
    assert TrialConfig(dataset="mnist").class_map is None
