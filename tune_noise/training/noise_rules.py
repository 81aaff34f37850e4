"""What a configuration's noise asks of a data set that it cannot give, before anything is drawn."""

from collections.abc import Iterator

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset
from tune_noise.errors import Problem
from tune_noise.noise import structure_fault
from tune_noise.noise.class_map import USUAL_CLASS_MAPS, parse_class_map


def noise_problems(config: TrialConfig, dataset: Dataset) -> list[Problem]:
    """All problems of the noise and of the number of images, with a way out each."""
    return [
        *_train_size(config, dataset),
        *_structure(config, dataset),
        *_class_map(config, dataset),
        *_files(config),
        *_foreign_source(config, dataset),
    ]


def _train_size(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if config.train_size is None:
        return
    total = len(dataset.train_labels)
    left = total - round(config.val_fraction * total)
    if config.train_size > left:
        yield Problem(
            "train_size",
            f"{config.train_size} is more than the {left} images that validation leaves of "
            f"{dataset.name}: take {left} or fewer, or null for all",
        )
    if config.train_size < dataset.num_classes:
        yield Problem(
            "train_size",
            f"{config.train_size} cannot have an image of each of {dataset.num_classes} classes: "
            f"take {dataset.num_classes} or more",
        )


def _structure(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if config.noise == "structured":
        alpha, delta = config.alpha or 0, config.delta or 0.0
        fault = structure_fault(dataset.num_classes, alpha=alpha, delta=delta)
        if fault is not None:
            yield Problem("delta", fault)


def _class_map(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if config.noise != "asymmetric":
        return
    if config.class_map is None:
        known = ", ".join(USUAL_CLASS_MAPS)
        yield Problem(
            "class_map",
            f"{dataset.name} has no usual one (only {known} have): say which classes are flipped "
            "to which, e.g. class_map: 7>1,2>7",
        )
        return
    pairs = parse_class_map(config.class_map)
    unknown = sorted({c for pair in pairs.items() for c in pair if c >= dataset.num_classes})
    if unknown:
        yield Problem(
            "class_map",
            f"{config.class_map} names class {', '.join(map(str, unknown))}, and {dataset.name} "
            f"has classes 0..{dataset.num_classes - 1}",
        )


def _files(config: TrialConfig) -> Iterator[Problem]:
    if config.noise == "matrix" and config.transition_file is None:
        yield Problem(
            "transition_file",
            "is missing: noise matrix needs a CSV file of K rows of K probabilities, as "
            "numpy.savetxt(path, T, delimiter=',') writes it",
        )
    if config.noise == "human" and config.human_file is None:
        yield Problem(
            "human_file",
            "is missing: noise human needs the file CIFAR-10_human.pt of CIFAR-10N (see "
            "noisylabels.com), or an .npz file with its arrays",
        )


def _foreign_source(config: TrialConfig, dataset: Dataset) -> Iterator[Problem]:
    if config.noise == "foreign" and config.foreign_source in (config.dataset, dataset.name):
        yield Problem(
            "foreign_source",
            f"{config.foreign_source} is the data set itself, whose images have a class: write "
            "own, which is dilution, or name another one",
        )
