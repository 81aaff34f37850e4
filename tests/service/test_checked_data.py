"""What the data of a search are checked for, and what is odd in them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.loader import build_search
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.data.encoders.encoded import one_after_another
from tune_noise.service.checked_data import load_checked, load_data


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


def test_raw_inputs_are_encoded_by_what_the_caller_says(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    lines = [f"a text about {word} number {i},{word}" for i in range(20) for word in ("a", "b")]
    path.write_text("\n".join(["text,label", *lines]))
    asked = []

    def executor(*arguments: Any) -> Iterator[Any]:
        asked.append(arguments)
        return one_after_another(*arguments)

    raw = {"name": "x", "data": {"train": str(path), "label": "label"}, "trials": 1}
    search = build_search(raw | {"noise": "given", "fixed": {"model": "perceptron"}}, source="x")
    assert load_data(search, tmp_path, executor=executor).train_inputs is not None
    assert asked
