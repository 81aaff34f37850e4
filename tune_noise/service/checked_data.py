"""The data of a search, loaded, and checked to serve every trial that the search may try."""

from itertools import product
from pathlib import Path
from typing import Any

from tune_noise.config.declared import noise_fields
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.errors import ConfigError

# Fields whose values not every data set can serve, one by one and in any combination.
_DATA_FIELDS = ("model", "example_order", "scaling", "augmentation")
_SPLIT_FIELDS = ("val_fraction", "train_size")


def load_checked(search: SearchConfig, data_dir: Path | None) -> Dataset:
    """Load the data of a search and check that its trials can be trained on it.

    Returns:
        The data set, with what the noise of every condition needs beside it.

    Raises:
        DataError: the data cannot be loaded.
        ConfigError: a network, an order, a noise or a split does not suit the data.
    """
    from tune_noise.training.data_problems import data_problems, split_problems
    from tune_noise.training.labelled_data import example_split
    from tune_noise.training.material import load_material

    dataset = load_dataset(search.dataset, data_dir=data_dir)
    configs = [search.trial_config(c, v) for c in search.all_conditions for v in _choices(search)]
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
    for config in {config.val_fraction: config for config in configs}.values():
        example_split(dataset, config)
    return dataset


def _choices(search: SearchConfig) -> list[dict[str, Any]]:
    """Return values of the searched fields, among them all that a data set might not serve."""
    searched = {f: search.search[f].extremes() for f in _DATA_FIELDS if f in search.search}
    drawn_by = (*_SPLIT_FIELDS, *sorted(noise_fields()))
    noise = {f: search.search[f].extremes() for f in drawn_by if f in search.search}
    combined = [dict(zip(noise, values, strict=True)) for values in product(*noise.values())]
    first = {field: values[0] for field, values in searched.items()}
    # One field at a time: what the data must have for a network does not depend on the rest.
    singles = [first | {f: v} for f, values in searched.items() for v in values[1:]]
    return [first | values for values in combined] + [combined[0] | values for values in singles]
