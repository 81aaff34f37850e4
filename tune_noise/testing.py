"""Checks for a method, noise or network of your own, as scikit-learn's `check_estimator` is.

    from tune_noise.testing import check_method, check_model, check_noise

    def test_my_method():
        check_method("my_package.my_methods:MyMethod")

Each check raises an AssertionError that says what is wrong. What is shipped passes the same ones.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from tune_noise.config import declared
from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.aggregation import NO_ANSWER, majority
from tune_noise.declaration import (
    Declaration,
    DeclarationError,
    Field,
    MethodDeclaration,
    NoiseDeclaration,
    import_object,
)
from tune_noise.errors import ConfigError
from tune_noise.methods.protocol import (
    Batch,
    GuessesFirst,
    LearnsFromAverage,
    Method,
    MixesInputs,
    Outcome,
    Remembers,
    ShowsViews,
    TrainingFacts,
)
from tune_noise.noise import count_labels
from tune_noise.training import Trial, with_material
from tune_noise.training.data_problems import data_problems
from tune_noise.training.known_noise import known_matrix, noisy_labels
from tune_noise.training.method import make_method

D = TypeVar("D", bound=Declaration)
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
    name = _name_of(method)
    declaration = check_declaration(name)
    check_outcome(name)
    dataset = _few_digits()
    if declaration.needs_answers:
        dataset = _with_answers(dataset)
    check_reproducible(name, dataset)
    check_resumed(name, dataset)
    check_stack(name, dataset)
    check_truth_is_not_seen(name, dataset)
    check_learns(name, declaration)


def check_noise(noise: str | type, **fields: Any) -> None:
    """Check that a kind of noise keeps the promises that a search relies on.

    Args:
        noise: `package.module:Class`, the name of an installed one, or the class itself.
        **fields: values of fields without a usable default, e.g. the path of a file.

    Raises:
        AssertionError: it does not; the message says which promise, and what to do.
    """
    name = _name_of(noise)
    declaration = _loaded(declared.noise, name)
    dataset = _few_digits()
    for values in _rows_of(declaration.fields, fields):
        _check_labels(name, declaration, dataset, values)


def check_model(factory: str | Callable[..., torch.nn.Module], **fields: Any) -> None:
    """Check that the factory of a network keeps the promises that a search relies on.

    Args:
        factory: `package.module:factory`, the name of an installed one, or the function itself.
        **fields: values of fields without a usable default.

    Raises:
        AssertionError: it does not; the message says which promise, and what to do.
    """
    name = _name_of(factory)
    declaration = _loaded(declared.network, name)
    dataset = _few_digits()
    for values in _rows_of(declaration.fields, fields):
        config = _validated({"model": name, "batch_size": 32, "epochs": EPOCHS, **values})
        problems = data_problems(config, dataset)
        assert not problems, f"{name}: with {values}: {problems[0].message}"
        whole, again = (_train([config], dataset, 2) for _ in range(2))
        assert _same(whole, again), (
            f"{name}: two runs with the same seeds differ: draw random numbers only with torch"
        )
        other = _train([config.model_copy(update={"seed": 1})], dataset, 1)
        assert not _same(whole, other), f"{name}: another seed changes nothing"
        resumed = Trial([config], dataset)
        resumed.load_state(*_train([config], dataset, 1).state())
        resumed.train_epoch()
        assert _same(whole, resumed), (
            f"{name}: a resumed trial differs from an uninterrupted one: keep what changes in "
            "training in parameters and buffers"
        )
        losses = [epoch["train_loss_noisy"] for epoch in whole.progress[0].epochs]
        assert np.isfinite(losses).all(), f"{name}: with {values} its loss is not finite"


def _name_of(thing: Any) -> str:
    """Return the name of a class or function as a space writes it."""
    return thing if isinstance(thing, str) else f"{thing.__module__}:{thing.__qualname__}"


def _loaded(load: Callable[[str], D], name: str) -> D:
    """Return a declaration, or fail with what is wrong with it."""
    try:
        return load(name)
    except DeclarationError as error:
        raise AssertionError(str(error)) from None


def _rows_of(declared_fields: Sequence[Field], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return three choices of values for the fields of a noise or a network."""
    columns = {field.name: values_of(field) for field in declared_fields if field.name not in given}
    rows = [dict(given) | {name: column[r] for name, column in columns.items()} for r in range(3)]
    return rows if columns else rows[:1]


def _validated(values: Mapping[str, Any]) -> TrialConfig:
    try:
        return TrialConfig.model_validate({k: v for k, v in values.items() if v is not None})
    except ValueError as error:
        raise AssertionError(f"{dict(values)} is not a trial: {error}") from None


def _check_labels(
    name: str, declaration: NoiseDeclaration, dataset: Dataset, values: Mapping[str, Any]
) -> None:
    """Check what a noise draws with some values, against all that it declares."""
    config = _validated({"noise": name, "model": "perceptron", "epochs": 1, **values})
    try:
        dataset = with_material(dataset, [config])
    except ConfigError as error:
        raise AssertionError(f"{name}: {error}") from None
    problems = data_problems(config, dataset)
    assert not problems, f"{name}: with {dict(values)}: {problems[0].place} {problems[0].message}"
    before = {key: getattr(dataset, key).copy() for key in ("train_inputs", "train_labels")}
    labels, again = noisy_labels(dataset, config), noisy_labels(dataset, config)
    assert np.array_equal(labels, again), (
        f"{name}: the same noise_seed draws other labels: draw only from the generator that draw "
        "is given"
    )
    assert all(np.array_equal(vars(dataset)[key], array) for key, array in before.items()), (
        f"{name}: draw changes the data set: return a new array"
    )
    other = noisy_labels(dataset, config.model_copy(update={"noise_seed": 1}))
    if not declaration.drawn:
        assert np.array_equal(labels, other), (
            f"{name}: it declares drawn=False, and another noise_seed draws other labels"
        )
    elif (labels != dataset.clean_labels[:, None]).any():
        assert not np.array_equal(labels, other), (
            f"{name}: another noise_seed draws the same labels: use the generator, or declare "
            "drawn=False"
        )
    matrix = known_matrix(config, dataset.num_classes, dataset.extras)
    if matrix is not None and not declaration.adds_images:
        _check_shares(name, labels, dataset, matrix)
    _train([config], dataset, 1)


def _check_shares(name: str, labels: np.ndarray, dataset: Dataset, matrix: np.ndarray) -> None:
    """Check that labels occur as often as the matrix says, within five binomial errors."""
    counts = count_labels(dataset.clean_labels, labels, dataset.num_classes)
    number = np.maximum(1.0, counts.images * counts.copies)[:, None]
    error = np.sqrt(matrix * (1.0 - matrix) / number)
    far = np.abs(np.nan_to_num(counts.matrix) - matrix) > 5.0 * error + 1.0 / number
    far &= counts.images[:, None] > 0
    if far.any():
        row, column = np.argwhere(far)[0]
        raise AssertionError(
            f"{name}: of class {row}, {counts.matrix[row, column]:.3f} of the labels are {column}, "
            f"and the matrix says {matrix[row, column]:.3f}: matrix and draw must agree"
        )


def check_declaration(name: str) -> MethodDeclaration:
    """Check the declaration, and that the class takes what it declares; return it."""
    declaration = _loaded(declared.method, name)
    for field in declaration.fields:
        try:
            TrialConfig.model_validate({"method": name, field.name: field.default})
        except ValueError as error:
            raise AssertionError(
                f"{name}: the default of {field.name} is not a value of it: {error}"
            ) from None
    implementation = import_object(declaration.implementation)
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
    labels = torch.randint(CLASSES, (2, BATCH), generator=random)
    made = make_method([config, config.model_copy(update={"seed": 1})], _facts(labels, networks))
    batch = _random_batch(name, made, labels, networks, random)
    logits = batch.logits.requires_grad_()
    outcome = made(batch)
    assert isinstance(outcome, Outcome), f"{name}: a call must return an Outcome, not {outcome!r}"
    shapes = {"losses": (2, networks)} | dict.fromkeys(
        ("kept", "cross_entropies"), tuple(logits.shape[:3])
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
    # Of a label that is not kept, a guess may be learnt.
    assert batch.guesses is not None or not (learnt & ~outcome.kept[0]).any(), (
        f"{name}: an example that is not in Outcome.kept has a gradient: mark all examples that a "
        "network learns from"
    )


def _random_batch(
    name: str, method: Method, labels: Tensor, networks: int, random: torch.Generator
) -> Batch:
    """Return a batch of two replicates with all that the method asks for."""
    views = method.view_strengths if isinstance(method, ShowsViews) else [[0.0, 0.0]]
    assert len(views) > 0, f"{name}: view_strengths must name at least one view"
    for strengths in views:
        assert len(strengths) == 2, f"{name}: each view needs one strength per replicate"
        assert all(0 <= s < 1 for s in strengths), f"{name}: strengths of views lie in [0, 1)"
    rows, epoch = len(views) * BATCH, 10
    logits, guesses = (
        2 * torch.randn(2, networks, rows, CLASSES, generator=random, dtype=torch.float64)
        for _ in range(2)
    )
    return Batch(
        logits=logits,
        noisy_labels=labels.repeat(1, len(views)),
        indices=torch.arange(BATCH).repeat(2, len(views)),
        epoch=epoch,
        mixing=method.mixing(epoch, 0, rows) if isinstance(method, MixesInputs) else None,
        averaged_logits=logits.flip(2) if isinstance(method, LearnsFromAverage) else None,
        num_views=len(views),
        guesses=guesses if isinstance(method, GuessesFirst) and method.guesses_first else None,
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
    dataset = load_dataset("digits")
    if declaration.needs_answers:
        dataset = _with_answers(dataset)
    trial = _train([config_of(name)], dataset, EPOCHS)
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
    if declared.method(name).needs_answers:
        # Annotators bring their own noise.
        fields |= {"noise": "given", "noise_rate": None}
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
    return [field.default, start if start != field.default else field.type(end / 2), end]


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
        answers=torch.stack([labels, labels.flip(1)], dim=2),
    )


def _with_answers(dataset: Dataset) -> Dataset:
    """Return the data set with answers of three annotators, of whom each skips some and errs."""
    assert dataset.true_labels is not None
    random = np.random.default_rng(0)
    answers = np.repeat(dataset.true_labels[:, None], 3, axis=1)
    wrong = random.random(answers.shape) < np.array([0.1, 0.2, 0.3])
    answers = np.where(wrong, (answers + 1) % dataset.num_classes, answers)
    answers[random.random(len(answers)) < 0.5, 2] = NO_ANSWER
    names = ("first", "second", "third")
    return replace(dataset, train_labels=majority(answers), answers=answers, annotators=names)


def _few_digits() -> Dataset:
    whole = load_dataset("digits")
    assert whole.true_labels is not None
    chosen = np.arange(EXAMPLES)
    return replace(
        whole,
        train_inputs=whole.train_inputs[chosen],
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
