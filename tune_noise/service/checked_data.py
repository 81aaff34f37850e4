"""The data of a search, loaded, and checked to serve every trial that the search may try."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.declared import noise, noise_fields
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import TrialConfig
from tune_noise.config.words import class_name, plain_value
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.encoders.encoded import Executor, one_after_another
from tune_noise.errors import ConfigError, Problem

# Fields whose values not every data set can serve, one by one and in any combination.
_DATA_FIELDS = ("model", "aggregation", "example_order", "scaling", "augmentation")
_SPLIT_FIELDS = ("val_folds", "val_fraction", "train_size")


def load_data(
    search: SearchConfig, data_dir: Path | None, *, executor: Executor = one_after_another
) -> Dataset:
    """Load the data set that a search names, or the data of one's own.

    Args:
        search: what is searched.
        data_dir: the folder of the torchvision sets.
        executor: what encodes raw inputs.

    Raises:
        DataError: the data cannot be loaded.
    """
    if search.data is None:
        return load_dataset(search.dataset, data_dir=data_dir)
    from tune_noise.data.own_data import load_own

    fractions = val_fractions(search)
    dataset = load_own(
        search.data, val_fraction=fractions[0], cache_dir=data_dir, executor=executor
    )
    if dataset.encoder_state is not None and len(fractions) > 1:
        raise ConfigError(
            search.name,
            [
                Problem(
                    "val_fraction",
                    f"{' and '.join(map(plain_value, fractions))}: an encoder learns "
                    "from the training part alone, which must be the same for all trials: set one "
                    "value (--set val_fraction=0.2)",
                )
            ],
        )
    return dataset


def val_fractions(search: SearchConfig) -> list[float | None]:
    """Return the different shares that trials of a search hold out; encoders learn by the first."""
    return list({config.val_fraction: None for config in _configs(search)})


def load_checked(
    search: SearchConfig,
    data_dir: Path | None,
    dataset: Dataset | None = None,
    *,
    executor: Executor = one_after_another,
) -> Dataset:
    """Load the data of a search and check that its trials can be trained on it.

    Args:
        search: what is searched.
        data_dir: the folder of the torchvision sets.
        dataset: the data where they are loaded already; None: they are loaded.
        executor: what encodes raw inputs.

    Returns:
        The data set, with what the noise of every condition needs beside it.

    Raises:
        DataError: the data cannot be loaded.
        ConfigError: a network, an order, a noise or a split does not suit the data.
    """
    from tune_noise.training.data_problems import data_problems, split_problems
    from tune_noise.training.labelled_data import example_split
    from tune_noise.training.material import load_material

    if dataset is None:
        dataset = load_data(search, data_dir, executor=executor)
    configs = _configs(search)
    dataset, noise_problems = load_material(dataset, configs, data_dir=data_dir)
    noise_problems += split_problems(
        {*search.conditions, *search.search, *search.fixed},
        dataset,
        way_out="take it out (--set val_fraction=null)",
    )
    noise_problems += [problem for config in configs for problem in data_problems(config, dataset)]
    if noise_problems:
        problems = {problem.message: problem for problem in noise_problems}
        raise ConfigError(f"{search.name} on {dataset.name}", list(problems.values()))
    splits = {(config.val_fraction, config.val_folds): config for config in configs}.values()
    measured = [dataset.train_labels[example_split(dataset, config)[1]] for config in splits]
    unmeasured = np.setdiff1d(dataset.train_labels, np.unique(np.concatenate(measured)))
    if unmeasured.size:
        dataset = replace(dataset, warnings=(*dataset.warnings, _unmeasured(dataset, unmeasured)))
    return dataset


def _unmeasured(dataset: Dataset, classes: np.ndarray) -> str:
    words = ", ".join(class_name(one, dataset.class_names) for one in classes[:10].tolist())
    return (
        f"{len(classes):,} of {dataset.num_classes:,} classes are too rare to have a validation "
        f"example ({words}{', ...' if classes[10:].size else ''}): they are trained on, and "
        "nothing is measured on them; raise val_fraction, or take them out"
    )


def label_warnings(search: SearchConfig, dataset: Dataset) -> list[str]:
    """Return a sentence where labels of one's own are not used as they come."""
    if search.data is None or noise(search.noise).takes_given_labels:
        return []
    labels = "labels, which are taken to be clean"
    if dataset.true_labels is not None:
        labels = "true labels, and the given ones are not used"
    return [
        f"{search.noise} noise is drawn on top of the {labels}; to learn from the labels as they "
        "come, use a space with noise given, such as own"
    ]


def _configs(search: SearchConfig) -> list[TrialConfig]:
    """Return trials of a search, among them all that a data set might not serve."""
    return [search.trial_config(c, v) for c in search.all_conditions for v in _choices(search)]


def _choices(search: SearchConfig) -> list[dict[str, Any]]:
    """Return values of the searched fields, among them all that a data set might not serve."""
    searched = {f: search.search[f].extremes() for f in _DATA_FIELDS if f in search.search}
    drawn_by = (*_SPLIT_FIELDS, *sorted(noise_fields()))
    split = {f: search.search[f].extremes() for f in drawn_by if f in search.search}
    combined = [dict(zip(split, values, strict=True)) for values in product(*split.values())]
    first = {field: values[0] for field, values in searched.items()}
    # One field at a time: what the data must have for a network does not depend on the rest.
    singles = [first | {f: v} for f, values in searched.items() for v in values[1:]]
    return [first | values for values in combined] + [combined[0] | values for values in singles]
