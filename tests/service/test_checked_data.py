"""What the data of a search are checked for, and what is odd in them."""

from dataclasses import replace

import numpy as np

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.service.checked_data import load_checked


def test_a_class_too_rare_to_be_validated_is_told(few_digits: Dataset) -> None:
    labels = few_digits.train_labels.copy()
    (nines,) = np.where(labels == 9)
    labels[nines[3:]] = 8
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    dataset = replace(few_digits, train_labels=labels, true_labels=None, class_names=names)
    search = SearchConfig(name="rare", noise="given", trials=1)
    assert load_checked(search, None, few_digits).warnings == ()
    [warning] = load_checked(search, None, dataset).warnings
    assert warning.startswith("1 of 10 classes are too rare to have a validation example (nine)")
