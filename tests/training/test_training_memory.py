"""What the networks predict while they train, kept for each input."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tune_noise.config.trial import TrialConfig, applies
from tune_noise.methods.protocol import Batch, Mixing
from tune_noise.training import Trial, training_memory
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.training.cross_fit import learned_examples, make_folds, train_fold
from tune_noise.training.labelled_data import example_split
from tune_noise.training.training_memory import TrainingMemory

CONFIG = TrialConfig(model="perceptron", noise_rate=0.3, epochs=4, lr=0.01)


def batch_of(probabilities, mixing=None):
    """A batch of one network a replicate; indices and labels are not looked at."""
    logits = torch.log(torch.tensor(probabilities)).unsqueeze(1)
    nothing = torch.zeros(logits.shape[0], logits.shape[2], dtype=torch.int64)
    return Batch(logits, nothing, nothing, 0, mixing)


def trained(configs, dataset, epochs=99):
    trial = Trial(configs, dataset, keeps_judgements=True)
    while not trial.finished and trial.epoch < epochs:
        trial.train_epoch()
    return trial


@pytest.mark.parametrize("waiting", [1, 1000])
def test_it_is_the_mean_of_what_was_predicted(waiting, monkeypatch):
    monkeypatch.setattr(training_memory, "_WAITING", waiting)
    # The third input equals the first, the last one validates.
    memory = TrainingMemory(
        torch.tensor([0, 1, 0, 3]), torch.tensor([3]), num_replicates=2, num_classes=2
    )
    memory.learn(
        torch.tensor([[0, 1], [1, 2]]),
        batch_of([[[0.5, 0.5], [0.9, 0.1]], [[0.2, 0.8], [0.4, 0.6]]]),
    )
    validation = torch.log(torch.tensor([[[[0.7, 0.3]]], [[[0.6, 0.4]]]]))
    memory.add(validation)
    memory.select(0)
    shares = Mixing(torch.tensor([[1, 0], [1, 0]]), torch.tensor([0.5, 0.25]))
    memory.learn(
        torch.tensor([[2, 1], [1, 0]]),
        batch_of([[[0.8, 0.2], [0.3, 0.7]], [[0.7, 0.3], [0.9, 0.1]]], shares),
    )
    memory.add(validation)
    memory.select(1)
    expected = torch.tensor([[0.5, 0.9, 0.0, 0.7], [0.5, 0.3, 0.0, 0.6]])
    torch.testing.assert_close(memory.selected[..., 0], expected)
    torch.testing.assert_close(
        memory.selected.sum(dim=2), torch.tensor([[1.0, 1.0, 0.0, 1.0]]).expand(2, 4)
    )
    # The last batch of the first replicate, too, counts by halves.
    memory.select(0)
    torch.testing.assert_close(
        memory.selected[0, :, 0], torch.tensor([0.9 / 1.5, 1.05 / 1.5, 0.0, 0.7])
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "co_teaching", "tau": 0.3, "ramp_epochs": 2},
        {"noise": "dilution", "alpha": 2, "noise_rate": None},
        {"class_balance": "equal"},
        {"augmentation": "standard"},
    ],
    ids=str,
)
def test_a_trial_remembers_the_predictions_of_its_own_steps(fields, few_digits):
    values = {k: v for k, v in CONFIG.to_plain().items() if applies(k, fields)} | fields
    config = TrialConfig(**{k: v for k, v in values.items() if v is not None})
    trial = Trial([config], few_digits, keeps_judgements=True)
    step, seen = trial.step, {}

    def recorded(examples):
        batch, outcome = step(examples)
        means = batch.logits[0].detach().softmax(dim=2).mean(dim=0)
        for image, mean in zip(examples.images[0].tolist(), means, strict=True):
            seen.setdefault(image, []).append(mean.numpy())
        return batch, outcome

    trial.step = recorded
    while trial.epoch < config.epochs:
        trial.train_epoch()
        for image, mean in zip(
            trial.data.val_examples,
            trial.validation_logits()[0].softmax(dim=2).mean(dim=0),
            strict=True,
        ):
            seen.setdefault(int(image), []).append(mean.numpy())
        if trial.progress[0].best_epoch == trial.epoch:
            expected = {image: np.mean(means, axis=0) for image, means in seen.items()}
    judgements = trial.replicate_judgements(0, few_digits)
    assert len(expected) == len(judgements)
    for image, mean in expected.items():
        np.testing.assert_allclose(judgements[image], mean, atol=1e-6)


def test_the_memory_changes_nothing_and_a_stack_remembers_what_each_does_alone(few_digits):
    configs = [CONFIG.model_copy(update={"seed": s, "noise_seed": s}) for s in (0, 1)]
    together = trained(configs, few_digits)
    for r, config in enumerate(configs):
        alone = trained([config], few_digits)
        np.testing.assert_allclose(
            together.replicate_judgements(r, few_digits),
            alone.replicate_judgements(0, few_digits),
            atol=1e-5,
        )
    forgetful = Trial(configs, few_digits)
    while not forgetful.finished:
        forgetful.train_epoch()
    for name, value in forgetful.best_weights.items():
        assert torch.equal(together.best_weights[name], value)


def test_a_resumed_trial_remembers_every_bit(few_digits, tmp_path):
    whole, half = trained([CONFIG], few_digits), trained([CONFIG], few_digits, 2)
    write_checkpoint(tmp_path / "half", *half.state())
    resumed = Trial([CONFIG], few_digits, keeps_judgements=True)
    resumed.load_state(*read_checkpoint(tmp_path / "half"))
    while not resumed.finished:
        resumed.train_epoch()
    np.testing.assert_array_equal(
        resumed.replicate_judgements(0, few_digits), whole.replicate_judgements(0, few_digits)
    )


def test_a_single_fold_is_this_memory_of_those_that_take_part(few_digits):
    config = CONFIG.model_copy(update={"train_size": 100})
    [fold] = make_folds(config, few_digits, count=1)
    train, val = example_split(few_digits, config)
    part = np.sort(np.concatenate([train, val]))
    whole = trained([config], few_digits).replicate_judgements(0, few_digits)
    values = train_fold(fold, replace(few_digits))
    np.testing.assert_array_equal(values, whole[part])
    np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(np.flatnonzero(learned_examples(fold, few_digits)), train)
