"""What a configuration asks of a data set that it cannot give, found before anything is trained."""

from functools import cache

from tune_noise.config.declared import is_path, network
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import Problem
from tune_noise.models.own import FactoryError, ImageShape, try_factory
from tune_noise.training.labelled_data import true_labels
from tune_noise.training.noise_rules import noise_problems


def data_problems(config: TrialConfig, dataset: Dataset) -> list[Problem]:
    """What a configuration asks of a data set that it cannot give."""
    problems = noise_problems(config, dataset)
    if is_path(config.model) and (
        fault := _fault_of_own(config.model, dataset.image_shape, dataset.num_classes)
    ):
        problems.append(Problem("model", fault))
    size, least = min(dataset.image_shape[1:]), network(config.model).min_image_size
    if size < least:
        message = f"{config.model} needs images of at least {least} x {least} pixels; "
        problems.append(
            Problem("model", f"{message}{dataset.name} has {size}: use another network")
        )
    if (
        config.example_order != "shuffled"
        and config.noise == "given"
        and dataset.true_labels is None
    ):
        message = f"{config.example_order!r} needs true labels, and {dataset.name} has none"
        problems.append(Problem("example_order", f"{message}: use 'shuffled'"))
    if config.oracle and true_labels(dataset, config.noise) is None:
        message = f"needs true labels of the validation images, and {dataset.name} has none: "
        problems.append(Problem("oracle", f"{message}steer by a noisy metric"))
    return problems


@cache
def _fault_of_own(model: str, image_shape: ImageShape, num_classes: int) -> str | None:
    """What is wrong with a user's own network: it is made, and a few images pass through it."""
    try:
        try_factory(model, image_shape, num_classes)
    except FactoryError as error:
        return str(error)
    return None
