import dataclasses

import numpy as np
import pytest

from tune_noise.config.trial import TrialConfig
from tune_noise.errors import ConfigError
from tune_noise.training import Trial
from tune_noise.training.data_problems import data_problems, split_problems


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"train_size": 1132}, "train_size", "1132 is more than the 1131 examples that validation"),
        ({"train_size": 9}, "train_size", "take 10 or more"),
        (
            {"noise": "structured", "alpha": 3},
            "delta",
            "raise alpha to 5, or lower delta to 0.3",
        ),
        (
            {"noise": "asymmetric", "dataset": "kmnist"},
            "class_map",
            "has no usual one (only digits, mnist, cifar10 have)",
        ),
        (
            {"noise": "asymmetric", "class_map": "3>10,11>0"},
            "class_map",
            "3>10,11>0 names class 10, 11, and digits has classes 0..9",
        ),
        ({"noise": "matrix"}, "transition_file", "is missing: noise matrix needs a CSV file"),
        ({"noise": "human"}, "human_file", "is missing: noise human needs the file"),
        (
            {"noise": "foreign", "foreign_source": "digits"},
            "foreign_source",
            "is the data set itself, whose images have a class: write own",
        ),
        (
            {"noise": "foreign", "dataset": "a/my.npz", "foreign_source": "a/my.npz"},
            "foreign_source",
            "is the data set itself",
        ),
    ],
    ids=str,
)
def test_what_a_data_set_cannot_give_is_named_with_a_way_out(digits, fields, place, words):
    config = TrialConfig(**fields)
    [problem] = data_problems(config, digits)
    assert problem.place == place
    assert words in problem.message
    with pytest.raises(ConfigError):
        Trial([config], digits)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"train_size": 1131},
        {"train_size": 10},
        {"train_size": 629, "val_fraction": 0.5},
        {"noise": "structured", "alpha": 5},
        {"noise": "asymmetric"},
        {"noise": "asymmetric", "dataset": "kmnist", "class_map": "0>1"},
        {"noise": "matrix", "transition_file": "T.csv"},
        {"noise": "human", "human_file": "h.pt"},
        {"noise": "foreign"},
        {"noise": "foreign", "foreign_source": "own"},
        {"noise": "foreign", "foreign_source": "mnist"},
    ],
    ids=str,
)
def test_what_it_can_give_is_no_problem(digits, fields):
    assert data_problems(TrialConfig(**fields), digits) == []


def test_two_classes_have_no_order_of_wrong_labels(digits):
    two = dataclasses.replace(digits, train_labels=digits.train_labels % 2, num_classes=2)
    two = dataclasses.replace(two, true_labels=np.asarray(two.train_labels))
    [problem] = data_problems(TrialConfig(noise="structured", alpha=20), two)
    assert "set delta to 0" in problem.message
    assert data_problems(TrialConfig(noise="structured", alpha=20, delta=0.0), two) == []


def test_a_fraction_beside_a_given_validation_split_is_refused(digits):
    given = dataclasses.replace(digits, num_validation=300)
    [problem] = split_problems(["lr", "val_fraction"], given, way_out="leave it out")
    assert problem.place == "val_fraction"
    assert problem.message.startswith("has no effect on digits, which brings 300 validation")
    assert split_problems(["lr"], given, way_out="") == []
    assert split_problems(["val_fraction"], digits, way_out="") == []
    [problem] = data_problems(TrialConfig(train_size=958, val_fraction=0.5), given)
    assert "958 is more than the 957 examples that validation leaves" in problem.message
