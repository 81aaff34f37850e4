"""What every method promises; a new one is covered by its line in METHODS."""

import dataclasses
import inspect
import math

import pytest
import torch

from tests.methods.derivations import method_of, random_batch
from tests.support.trials import SHORT, train, trained
from tune_noise.config.trial import TrialConfig, applies
from tune_noise.declaration import import_object
from tune_noise.methods.declarations import METHODS
from tune_noise.methods.protocol import (
    Batch,
    LearnsFromAverage,
    MixesInputs,
    Remembers,
    TrainingFacts,
)
from tune_noise.testing import check_method, values_of
from tune_noise.training import Trial
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.training.trial import own_fields

# Those that need the answers of annotators are tried by `check_method` and in their own tests.
OF_LABELS = [name for name, one in METHODS.items() if not one.needs_answers]
all_methods = pytest.mark.parametrize("method", OF_LABELS)
# Three values of each field in which the replicates of a stack may differ, from its range.
OWN_VALUES = {
    field.name: values_of(field)
    for declaration in METHODS.values()
    for field in declaration.fields
    if field.per_replicate
}
OPTIMIZERS = {"sgd": 0.05, "adam": 0.003, "adadelta": 0.5}
# An optimizer knows nothing of methods: all of them with one method of each number of networks.
with_optimizers = pytest.mark.parametrize(
    ("method", "optimizer"),
    [(method, "adam") for method in OF_LABELS]
    + [(method, other) for method in ("standard", "co_teaching") for other in ("sgd", "adadelta")],
)


def config_of(method, **fields):
    given = {"model": "mlp1", "batch_size": 32, "epochs": 4, "lr": 0.003, "noise_rate": 0.2}
    if fields.get("noise") == "given":
        del given["noise_rate"]
    given |= {name: value for name, value in SHORT.items() if applies(name, {"method": method})}
    return TrialConfig(method=method, **given | fields)


def without_time(row):
    return None if row is None else {k: v for k, v in row.items() if k != "seconds"}


def metrics_of(trial):
    return [[without_time(row) for row in progress.epochs] for progress in trial.progress]


def weights_of(trial):
    return {name: value.clone() for name, value in trial.network.state_dict().items()}


def assert_bit_equal(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def implementation(method):
    return import_object(METHODS[method].implementation)


@pytest.mark.parametrize("method", METHODS)
def test_it_passes_the_check_that_users_run_on_their_own(method):
    check_method(method)


def test_three_values_of_every_field_differ():
    assert {name: values for name, values in OWN_VALUES.items() if len(set(values)) < 3} == {}
    assert set(OWN_VALUES) <= own_fields()


# A network knows nothing of methods: a convolution with one method of each number of networks.
@pytest.mark.parametrize(
    ("method", "model"),
    [(method, "mlp1") for method in OF_LABELS]
    + [(method, "conv4") for method in ("standard", "co_teaching")],
)
def test_it_learns_from_noisy_labels(method, model, digits):
    # Larger steps may end where all networks name one class, and methods of agreement stay there.
    config = config_of(method, model=model, lr=0.003, epochs=4 if model == "mlp1" else 6)
    last = metrics_of(trained([config], digits))[0][-1]
    assert last["test_accuracy_clean"] > 0.7  # chance is 0.1
    assert last["val_information_noisy"] > 0.2  # chance is below 0
    assert last["train_accuracy_noisy"] > 0.5


@all_methods
def test_the_same_seeds_give_the_same_bits(method, tiny_digits):
    one, again = (trained([config_of(method)], tiny_digits, 2) for _ in range(2))
    assert metrics_of(one) == metrics_of(again)
    assert_bit_equal(weights_of(one), weights_of(again))


@all_methods
@pytest.mark.parametrize("field", ["seed", "noise_seed"])
def test_another_seed_gives_another_run(method, field, tiny_digits):
    one = trained([config_of(method)], tiny_digits, 1)
    other = trained([config_of(method, **{field: 1})], tiny_digits, 1)
    assert metrics_of(one) != metrics_of(other)
    starts = (
        Trial([config_of(method)], tiny_digits),
        Trial([config_of(method, seed=1)], tiny_digits),
    )
    for value, another in zip(*(start.network.parameters() for start in starts), strict=True):
        assert not torch.equal(value, another)


@with_optimizers
def test_a_resumed_trial_is_the_uninterrupted_one_bit_by_bit(
    method, optimizer, tiny_digits, tmp_path
):
    configs = [
        config_of(
            method,
            model="conv9_small",  # batch norm has running averages to restore
            optimizer=optimizer,
            lr=OPTIMIZERS[optimizer] * factor,
            lr_schedule="linear",
            seed=seed,
        )
        for seed, factor in ((0, 1.0), (1, 0.5))
    ]
    whole = Trial(configs, tiny_digits)
    train(whole, 4)
    first = Trial(configs, tiny_digits)
    train(first, 2)
    write_checkpoint(tmp_path / "state", *first.state())
    resumed = Trial(configs, tiny_digits)
    resumed.load_state(*read_checkpoint(tmp_path / "state"))
    assert resumed.epoch == 2
    train(resumed, 2)
    assert metrics_of(resumed) == metrics_of(whole)
    assert_bit_equal(weights_of(resumed), weights_of(whole))
    for r in range(2):
        assert_bit_equal(resumed.replicate_weights(r), whole.replicate_weights(r))
        ours, theirs = resumed.progress[r], whole.progress[r]
        assert (ours.best_epoch, ours.best_score) == (theirs.best_epoch, theirs.best_score)
        assert ours.status == theirs.status == "completed"


@with_optimizers
def test_a_state_is_a_snapshot_that_shares_nothing_with_the_trials(method, optimizer, tiny_digits):
    config = config_of(method, optimizer=optimizer, lr=OPTIMIZERS[optimizer])
    first = trained([config], tiny_digits, 2)
    state = first.state()
    train(first, 2)
    resumed = []
    for _ in range(2):
        trial = Trial([config], tiny_digits)
        trial.load_state(*state)
        train(trial, 2)
        resumed.append(trial)
    for trial in resumed:
        assert metrics_of(trial) == metrics_of(first)
        assert_bit_equal(weights_of(trial), weights_of(first))
        assert_bit_equal(trial.replicate_weights(0), first.replicate_weights(0))


def test_a_batch_carries_no_clean_label():
    fields = {field.name for field in dataclasses.fields(Batch)}
    assert fields == {
        "logits",
        "noisy_labels",
        "indices",
        "epoch",
        "mixing",
        "averaged_logits",
        "num_views",
        "guesses",
    }
    fields = {field.name for field in dataclasses.fields(TrainingFacts)}
    assert fields == {
        "num_examples",
        "num_classes",
        "num_networks",
        "seeds",
        "device",
        "noisy_labels",
        "transition",
        "answers",
    }


@all_methods
def test_a_method_takes_facts_its_fields_a_batch_and_nothing_else(method):
    given = list(inspect.signature(implementation(method)).parameters)
    fields = {one.name for one in METHODS[method].fields} - {METHODS[method].networks}
    assert given[0] == "facts"
    assert set(given[1:]) == fields
    assert list(inspect.signature(implementation(method).__call__).parameters) == ["self", "batch"]


@all_methods
def test_the_truth_changes_no_weight(method, tiny_digits):
    config = config_of(method, noise="given", epochs=3)
    trials = []
    for truth in (tiny_digits.true_labels, (tiny_digits.true_labels + 3) % 10, None):
        trials.append(trained([config], dataclasses.replace(tiny_digits, true_labels=truth)))
    for trial in trials[1:]:
        assert_bit_equal(weights_of(trials[0]), weights_of(trial))
        assert_bit_equal(trials[0].replicate_weights(0), trial.replicate_weights(0))
    right, wrong, unknown = (metrics_of(trial)[0] for trial in trials)
    for one, other, third in zip(right, wrong, unknown, strict=True):
        assert one["train_label_precision"] == 1.0
        assert other["train_label_precision"] == 0.0
        # Without a wrong label, there is no share of them.
        assert not any(name.startswith("train_wrong") for name in (*one, *third))
        shares = [value for name, value in other.items() if name.startswith("train_wrong")]
        assert sum(shares) == pytest.approx(1.0)
        for row in (one, other):
            for name in [n for n in row if n.startswith(("train_label", "train_wrong"))]:
                del row[name]
        assert one == other == third


@all_methods
def test_the_test_labels_change_nothing_but_the_test_accuracy(method, tiny_digits):
    wrong = dataclasses.replace(tiny_digits, test_labels=(tiny_digits.test_labels + 1) % 10)
    one, other = (trained([config_of(method)], data, 3) for data in (tiny_digits, wrong))
    assert_bit_equal(weights_of(one), weights_of(other))
    assert one.progress[0].best_epoch == other.progress[0].best_epoch


def own_configs(method, optimizer):
    """Replicates that differ in every field in which they may."""
    rows = [
        {"seed": 0, "noise_seed": 5, "noise_rate": 0.2, "lr": OPTIMIZERS[optimizer]},
        {"seed": 1, "noise_seed": 6, "noise_rate": 0.4, "lr": OPTIMIZERS[optimizer] / 10},
        {"seed": 2, "noise_seed": 5, "noise_rate": 0.0, "lr": OPTIMIZERS[optimizer] / 3},
    ]
    for name, values in OWN_VALUES.items():
        if applies(name, {"method": method}):
            for row, value in zip(rows, values, strict=True):
                row[name] = value
    return [config_of(method, optimizer=optimizer, **row) for row in rows]


@with_optimizers
def test_replicates_of_a_stack_equal_the_same_trials_alone(method, optimizer, few_digits):
    configs = own_configs(method, optimizer)
    stack = Trial(configs, few_digits)
    train(stack, 2)
    for r, config in enumerate(configs):
        alone = Trial([config], few_digits)
        assert torch.equal(stack.data.noisy_labels[r], alone.data.noisy_labels[0])
        assert stack.data.facts[r] == alone.data.facts[0]
        train(alone, 2)
        members = slice(r * stack.networks, (r + 1) * stack.networks)
        for name, value in alone.network.state_dict().items():
            torch.testing.assert_close(
                stack.network.state_dict()[name][members], value, rtol=1e-3, atol=1e-4
            )
        for together, separate in zip(metrics_of(stack)[r], metrics_of(alone)[0], strict=True):
            # A rounding difference may move a prediction or a selection at the border.
            assert together == pytest.approx(separate, rel=0.02, abs=0.02)


@all_methods
def test_the_outcome_of_a_batch_has_a_loss_of_its_own_for_each_network(method):
    config = config_of(method)
    batch = random_batch(2, 9, 0, networks=config.num_networks)
    made = method_of(method, batch, **config_of(method).model_dump(include=set(SHORT)))
    if isinstance(made, MixesInputs):
        batch = dataclasses.replace(batch, mixing=made.mixing(0, 0, 9))
    if isinstance(made, LearnsFromAverage):
        batch = dataclasses.replace(batch, averaged_logits=batch.logits.detach().flip(2))
    outcome = made(batch)
    assert outcome.losses.shape == (2, config.num_networks)
    assert outcome.kept.shape == outcome.cross_entropies.shape == batch.logits.shape[:3]
    assert outcome.kept.dtype == torch.bool
    assert outcome.forget_rates is None or len(outcome.forget_rates) == 2
    outcome.losses[0].sum().backward()
    assert (batch.logits.grad[1] == 0).all(), "replicates know nothing of each other"
    learnt_from = (batch.logits.grad[0] != 0).any(dim=2)
    assert torch.equal(learnt_from, outcome.kept[0])


@all_methods
def test_a_memory_stands_in_the_state_of_the_trial(method, tiny_digits):
    trial = trained([config_of(method)], tiny_digits, 2)
    names = {name for name in trial.state()[0] if name.startswith("method.")}
    if isinstance(trial.method, Remembers):
        assert names == {f"method.{name}" for name in trial.method.state()} != set()
    else:
        assert names == set()


# The second pass of standard_long starts where its first one led.
@pytest.mark.parametrize("method", [name for name in OF_LABELS if name != "standard_long"])
def test_a_lower_rate_makes_a_smaller_step_in_the_same_direction(method, few_digits):
    # SGD without momentum, one step per epoch: the step is proportional to the learning rate.
    fields = {"optimizer": "sgd", "momentum": 0.0, "batch_size": 65536}
    configs = [config_of(method, lr=lr, **fields) for lr in (0.4, 0.1)]
    trial = Trial(configs, few_digits)
    before = weights_of(trial)
    train(trial, 1)
    for name, value in weights_of(trial).items():
        large, small = (value - before[name]).view(2, trial.networks, *value.shape[1:])
        torch.testing.assert_close(small, large / 4, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "optimizer", "poison"),
    [(method, "adam", 1e30) for method in OF_LABELS]
    + [
        (method, optimizer, poison)
        for method in ("standard", "co_teaching")
        for optimizer in OPTIMIZERS
        for poison in (math.nan, math.inf)
    ],
)
def test_a_replicate_that_diverges_disturbs_no_neighbour(method, poison, optimizer, tiny_digits):
    configs = [config_of(method, seed=seed, optimizer=optimizer, lr=0.01) for seed in (0, 1, 2)]
    healthy, ill = Trial(configs, tiny_digits), Trial(configs, tiny_digits)
    train(healthy, 1), train(ill, 1)
    middle = slice(ill.networks, 2 * ill.networks)
    with torch.no_grad():
        for parameter in ill.network.parameters():
            parameter[middle] = poison
    # 1e30 squared is beyond float32: a large weight is no number one layer later.
    rows = train(ill, 1)[0]
    train(healthy, 1)
    assert rows[1] is None
    assert ill.progress[1].status == "diverged"
    assert ill.progress[1].stop_reason == "loss is not finite in epoch 2"
    assert len(ill.progress[1].epochs) == 1
    assert all(row is not None for row in train(ill, 1)[0][::2])
    train(healthy, 1)
    for r in (0, 2):
        assert metrics_of(ill)[r] == metrics_of(healthy)[r]
        assert_bit_equal(ill.replicate_weights(r), healthy.replicate_weights(r))
    assert all(torch.isfinite(v).all() for v in ill.replicate_weights(1).values())


@all_methods
def test_a_huge_learning_rate_beside_small_ones_ends_alone(method, tiny_digits):
    lrs = (0.05, 10.0)
    fields = {"model": "mlp4", "optimizer": "sgd", "batch_size": 16, "momentum": 0.99}
    configs = [config_of(method, lr=lr, seed=3, **fields) for lr in lrs]
    trial = Trial(configs, tiny_digits)
    train(trial, 4)
    assert trial.finished
    assert trial.progress[0].status == "completed"
    alone = trained(configs[:1], tiny_digits)
    assert metrics_of(trial)[0][0] == pytest.approx(metrics_of(alone)[0][0], rel=0.05, abs=0.05)


@all_methods
def test_the_metrics_of_an_epoch_are_finite_and_known(method, tiny_digits):
    from tune_noise.config.metric_names import METRICS

    [row] = train(Trial([config_of(method)], tiny_digits), 1)[0]
    assert set(row) <= set(METRICS) | {"epoch", "seconds"}
    assert all(math.isfinite(value) for value in row.values())
    assert row["epoch"] == 1
    for name, value in row.items():
        # An unbiased estimate of a fraction may leave [0, 1].
        if name == "val_accuracy_clean_estimate":
            continue
        if name in METRICS and METRICS[name].unit == "fraction":
            assert 0.0 <= value <= 1.0
