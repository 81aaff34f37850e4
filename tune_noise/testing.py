"""Checks for a training method of your own, as scikit-learn's `check_estimator` is for estimators.

    from tune_noise.testing import check_method

    def test_my_method():
        check_method("my_package.my_methods:MyMethod")

Each check raises an AssertionError that says what is wrong. The shipped methods pass the same ones.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from tune_noise.config import declared
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.declaration import Field, MethodDeclaration
from tune_noise.methods.protocol import (
    Batch,
    MixesInputs,
    Outcome,
    Remembers,
    TrainingFacts,
)
from tune_noise.training import Trial
from tune_noise.training.method import make_method

EXAMPLES = 400
EPOCHS = 4
BATCH = 9
CLASSES = 5


def check_method(method: str | type) -> None:
    """Check that a training method keeps the promises that a search relies on.

    Args:
        method: `package.module:Class`, the name of an installed one, or the class itself.

    Raises:
        AssertionError: it does not; the message says which promise, and what to do.
    """
    name = method if isinstance(method, str) else f"{method.__module__}:{method.__qualname__}"
    declaration = check_declaration(name)
    check_outcome(name)
    dataset = _few_digits()
    check_reproducible(name, dataset)
    check_resumed(name, dataset)
    check_stack(name, dataset)
    check_truth_is_not_seen(name, dataset)
    check_learns(name, declaration)


def check_declaration(name: str) -> MethodDeclaration:
    """Check the declaration, and that the class takes what it declares; return it."""
    try:
        declaration = declared.method(name)
    except declared.DeclarationError as error:
        raise AssertionError(str(error)) from None
    for field in declaration.fields:
        try:
            TrialConfig.model_validate({"method": name, field.name: field.default})
        except ValueError as error:
            raise AssertionError(
                f"{name}: the default of {field.name} is not a value of it: {error}"
            ) from None
    implementation = declared.import_object(declaration.implementation)
    parameters = list(inspect.signature(implementation).parameters)
    fields = {field.name for field in declaration.fields} - {declaration.networks}
    is_right = parameters[:1] == ["facts"] and set(parameters[1:]) == fields
    assert is_right, (
        f"{name}: it must be made as {implementation.__name__}"
        f"({', '.join(['facts', *(f'{field}=...' for field in sorted(fields))])}), with each field "
        f"that it declares; it takes {', '.join(parameters) or 'nothing'}"
    )
    return declaration


def check_outcome(name: str) -> None:
    """Check shapes, types and gradients of the outcome of one batch of two replicates."""
    config = config_of(name)
    networks = config.num_networks
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, networks, BATCH, CLASSES, generator=random, dtype=torch.float64) * 2
    labels = torch.randint(CLASSES, (2, BATCH), generator=random)
    made = make_method([config, config.model_copy(update={"seed": 1})], _facts(labels, networks))
    mixing = made.mixing(0, 0, BATCH) if isinstance(made, MixesInputs) else None
    indices = torch.arange(BATCH).repeat(2, 1)
    logits.requires_grad_()
    outcome = made(Batch(logits, labels, indices, epoch=10, mixing=mixing))
    assert isinstance(outcome, Outcome), f"{name}: a call must return an Outcome, not {outcome!r}"
    shapes = {"losses": (2, networks)} | dict.fromkeys(
        ("kept", "cross_entropies"), (2, networks, BATCH)
    )
    for part, shape in shapes.items():
        actual = tuple(getattr(outcome, part).shape)
        assert actual == shape, f"{name}: Outcome.{part} must have the shape {shape}, not {actual}"
    assert outcome.kept.dtype == torch.bool, f"{name}: Outcome.kept must be bool"
    rates = outcome.forget_rates
    assert rates is None or len(rates) == 2, f"{name}: forget_rates must be one per replicate"
    assert outcome.losses.isfinite().all(), f"{name}: losses of finite logits must be finite"
    assert outcome.losses.requires_grad, f"{name}: Outcome.losses must be differentiable"
    outcome.losses[0].sum().backward()  # type: ignore[no-untyped-call]
    gradient = logits.grad
    assert gradient is not None
    assert (gradient[1] == 0).all(), (
        f"{name}: the losses of one replicate depend on the logits of another; replicates share a "
        "batch and must know nothing of each other"
    )
    learnt = (gradient[0] != 0).any(dim=2)
    assert not (learnt & ~outcome.kept[0]).any(), (
        f"{name}: an example that is not in Outcome.kept has a gradient: mark all examples that a "
        "network learns from"
    )


def check_reproducible(name: str, dataset: Dataset) -> None:
    """Check that the same seeds give the same weights, and another seed gives others."""
    one, again = (_train([config_of(name)], dataset, 2) for _ in range(2))
    assert _same(one, again), (
        f"{name}: two runs with the same seeds differ: draw random numbers only from "
        "tune_noise.seeding.generator(seed, ...) with facts.seeds"
    )
    other = _train([config_of(name, seed=1)], dataset, 1)
    assert not _same(one, other), f"{name}: another seed changes nothing"


def check_resumed(name: str, dataset: Dataset) -> None:
    """Check that a trial that is resumed from a checkpoint is the uninterrupted one."""
    configs = [config_of(name)]
    whole = _train(configs, dataset, EPOCHS)
    first = _train(configs, dataset, 2)
    resumed = Trial(configs, dataset)
    resumed.load_state(*first.state())
    for _ in range(EPOCHS - 2):
        resumed.train_epoch()
    has_memory = isinstance(whole.method, Remembers)
    hint = (
        "load_state must restore all that state gives, as a copy"
        if has_memory
        else ("what it remembers between epochs must be given by state() and load_state(tensors)")
    )
    assert _same(whole, resumed), (
        f"{name}: a resumed trial differs from an uninterrupted one: {hint}"
    )


def check_stack(name: str, dataset: Dataset) -> None:
    """Check that replicates trained in one stack equal the same trials alone, up to rounding."""
    configs = stack_of(name)
    stack = _train(configs, dataset, 2)
    for r, config in enumerate(configs):
        alone = _train([config], dataset, 2)
        members = slice(r * stack.networks, (r + 1) * stack.networks)
        for key, value in alone.network.state_dict().items():
            together = stack.network.state_dict()[key][members]
            assert torch.allclose(together, value, rtol=1e-3, atol=1e-4), (
                f"{name}: replicate {r} of a stack learns something else than the same trial "
                "alone: use the values of each replicate for that replicate only, or declare the "
                "field with per_replicate=False"
            )


def check_truth_is_not_seen(name: str, dataset: Dataset) -> None:
    """Check that the true labels change no weight."""
    assert dataset.true_labels is not None
    config = config_of(name, noise="given", noise_rate=None)
    if declared.method(name).is_told_matrix(config.declared_values("method")):
        return
    wrong = (dataset.true_labels + 1) % dataset.num_classes
    one, other = (
        _train([config], data, 2) for data in (dataset, replace(dataset, true_labels=wrong))
    )
    assert _same(one, other), f"{name}: the true labels change what it learns: it must not see them"


def check_learns(name: str, declaration: MethodDeclaration) -> None:
    """Check that a small network learns from noisy labels."""
    trial = _train([config_of(name)], load_dataset("digits"), EPOCHS)
    progress = trial.progress[0]
    assert progress.status == "completed", f"{name}: its loss is not finite: {progress.stop_reason}"
    accuracy = progress.epochs[-1]["test_accuracy_clean"]
    assert accuracy > 0.5, (
        f"{name}: after {EPOCHS} epochs on digits with 20 % wrong labels its accuracy is "
        f"{accuracy:.2f}; standard training has more than 0.9"
    )


def config_of(name: str, **fields: Any) -> TrialConfig:
    """Return a short trial of a method, whose beginnings are over after two epochs at most.

    Args:
        name: of the method.
        **fields: other values; a field that is None is left out.
    """
    values = {"model": "mlp1", "batch_size": 32, "epochs": EPOCHS, "lr": 0.003, "noise_rate": 0.2}
    beginnings = {
        field.name: min(2, EPOCHS - 1) if field.ge else 1
        for field in declared.method(name).fields
        if field.begins
    }
    given = {"method": name, **values, **beginnings, **fields}
    return TrialConfig.model_validate({k: v for k, v in given.items() if v is not None})


def stack_of(name: str, **fields: Any) -> list[TrialConfig]:
    """Return three replicates that differ in every field in which they may."""
    rows: list[dict[str, Any]] = [
        {"seed": 0, "noise_seed": 5, "noise_rate": 0.2, "lr": 0.003},
        {"seed": 1, "noise_seed": 6, "noise_rate": 0.4, "lr": 0.0003},
        {"seed": 2, "noise_seed": 5, "noise_rate": 0.0, "lr": 0.001},
    ]
    for field in declared.method(name).fields:
        if field.per_replicate:
            for row, value in zip(rows, values_of(field), strict=True):
                row[field.name] = value
    return [config_of(name, **row | fields) for row in rows]


def values_of(field: Field) -> list[Any]:
    """Return three values within the range of a field, no two alike where it has as many.

    Example:
        >>> values_of(Field(name="x", type=float, default=0.5, ge=0.0, lt=1.0, description=""))
        [0.5, 0.0, 0.75]
    """
    if field.type not in (int, float):
        words = list(get_args(field.type)) or [field.default]
        return [words[place % len(words)] for place in range(3)]
    low = field.ge if field.ge is not None else field.gt
    high = field.le if field.le is not None else field.lt
    if field.begins:
        return [field.type(value) for value in (1, 2, 3 if field.ge else 0)]
    if low is None or high is None:
        return [field.default] * 3
    start = field.type(low if field.ge is not None else (low + field.default) / 2)
    # Nearer to the default than to the end of the range, which may be far beyond what is usual.
    end = field.type(min((field.default + high) / 2, 2 * field.default or high))
    return [field.default, start, end]


def _facts(labels: Tensor, networks: int) -> TrainingFacts:
    matrix = torch.full((CLASSES, CLASSES), 0.1, dtype=torch.float64)
    matrix += torch.eye(CLASSES, dtype=torch.float64) * (1.0 - 0.1 * CLASSES)
    return TrainingFacts(
        num_examples=labels.shape[1],
        num_classes=CLASSES,
        num_networks=networks,
        seeds=[0, 1],
        device=torch.device("cpu"),
        noisy_labels=labels,
        transition=matrix.repeat(len(labels), 1, 1),
    )


def _few_digits() -> Dataset:
    whole = load_dataset("digits")
    assert whole.true_labels is not None
    chosen = np.arange(EXAMPLES)
    return replace(
        whole,
        train_images=whole.train_images[chosen],
        train_labels=whole.train_labels[chosen],
        true_labels=whole.true_labels[chosen],
    )


def _train(configs: Sequence[TrialConfig], dataset: Dataset, epochs: int) -> Trial:
    trial = Trial(configs, dataset)
    for _ in range(epochs):
        trial.train_epoch()
    return trial


def _same(one: Trial, other: Trial) -> bool:
    states: list[Mapping[str, Tensor]] = [one.network.state_dict(), other.network.state_dict()]
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())
