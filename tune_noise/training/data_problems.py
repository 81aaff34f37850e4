"""The demands of a configuration that a data set cannot meet, found before anything is trained."""

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from tune_noise.config.conditional import either
from tune_noise.config.declared import is_own, network, networks_for, noise
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import Problem
from tune_noise.models.own import FactoryError, InputShape, try_factory
from tune_noise.training.known_noise import noise_problems, true_labels
from tune_noise.training.labelled_data import example_folds


def data_problems(config: TrialConfig, dataset: Dataset) -> list[Problem]:
    """Return all demands that a data set cannot meet, with a way out each."""
    return [
        *_folds(config, dataset),
        *_train_size(config, dataset),
        *noise_problems(config, dataset),
        *_inputs(config, dataset),
        *_network(config, dataset),
        *_truth(config, dataset),
        *_answers(config, dataset),
    ]


def split_problems(fields: Collection[str], dataset: Dataset, *, way_out: str) -> list[Problem]:
    """Return the problem of a fraction that is asked for beside a given validation split.

    Args:
        fields: those that the user, or the space, has named.
        dataset: in memory.
        way_out: how to take a field out again.
    """
    if dataset.num_validation is None or "val_fraction" not in fields:
        return []
    message = (
        f"has no effect on {dataset.name}, which brings {dataset.num_validation} validation "
        f"examples: {way_out}"
    )
    return [Problem("val_fraction", message)]


def _folds(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if config.val_folds is not None and dataset.num_validation is not None:
        yield Problem(
            "val_folds",
            f"{config.val_folds} has no effect on {dataset.name}, which brings "
            f"{dataset.num_validation} validation examples: take it out (--set val_folds=null)",
        )


def _train_size(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if config.train_size is None:
        return
    [(train, _), *_] = example_folds(dataset, config.model_copy(update={"train_size": None}))
    left = len(train)
    if config.train_size > left:
        yield Problem(
            "train_size",
            f"{config.train_size} is more than the {left} examples that validation leaves of "
            f"{dataset.name}: take {left} or fewer, or null for all",
        )
    if config.train_size < dataset.num_classes:
        yield Problem(
            "train_size",
            f"{config.train_size} cannot have an example of each of {dataset.num_classes} classes: "
            f"take {dataset.num_classes} or more",
        )


def _inputs(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if dataset.kind == "features" and config.augmentation != "none":
        yield Problem(
            "augmentation",
            f"moves pictures, and the inputs of {dataset.name} are features: use none",
        )
    if dataset.kind == "pictures" and config.scaling != "standard":
        yield Problem(
            "scaling",
            f"{config.scaling} is for features, and the inputs of {dataset.name} are pictures, "
            "which are scaled per channel: use standard",
        )


def _network(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if is_own("model", config.model):
        values = tuple(config.declared_values("model").items())
        path = network(config.model).implementation
        fault = _factory_fault(path, dataset.input_shape, dataset.num_classes, values)
        if fault is not None:
            yield Problem("model", fault)
    elif dataset.kind not in network(config.model).inputs:
        yield Problem(
            "model",
            f"{config.model} takes {either(network(config.model).inputs)}, and the inputs of "
            f"{dataset.name} are {dataset.kind}: use {either(networks_for(dataset.kind))}",
        )
    if dataset.kind == "features":
        return
    size, least = min(dataset.input_shape[1:]), network(config.model).min_image_size
    if size < least:
        yield Problem(
            "model",
            f"{config.model} needs images of at least {least} x {least} pixels; {dataset.name} "
            f"has {size}: use another network",
        )


def _truth(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if true_labels(dataset, config.noise) is not None:
        return
    if config.example_order != "shuffled":
        yield Problem(
            "example_order",
            f"{config.example_order!r} needs true labels, and {dataset.name} has none: use "
            "'shuffled'",
        )
    if config.oracle:
        yield Problem(
            "oracle",
            f"needs true labels of the validation examples, and {dataset.name} has none: steer by "
            "a noisy metric",
        )


def _answers(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if dataset.answers is None and config.aggregation is not None:
        yield Problem(
            "aggregation",
            f"{config.aggregation} joins the answers of several annotators, and {dataset.name} has "
            "one label for each example: take it out (--set aggregation=null)",
        )
    if dataset.answers is None and config.method_declaration.needs_answers:
        yield Problem(
            "method",
            f"{config.method} learns from the answers of several annotators, and {dataset.name} "
            "has one label for each example: use another method, or name the answers "
            "(data.answers)",
        )
    if dataset.answers is not None and not noise(config.noise).takes_given_labels:
        yield Problem(
            "noise",
            f"{config.noise} makes wrong labels of clean ones, and the labels of {dataset.name} "
            f"are the answers of {dataset.answers.shape[1]} annotators, which bring their own "
            "noise: use given",
        )


@cache
def _factory_fault(
    path: str, input_shape: InputShape, num_classes: int, values: tuple[tuple[str, Any], ...]
) -> str | None:
    """Make a user's own network, pass a few inputs through it, and return what is wrong."""
    try:
        try_factory(path, input_shape, num_classes, **dict(values))
    except FactoryError as error:
        return str(error)
    return None
