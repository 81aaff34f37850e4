import copy

import numpy as np
import pytest
import torch

from tests.support.trials import train, trained
from tune_noise.config.trial import TrialConfig
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.models.networks import build_network
from tune_noise.models.stack import member_state
from tune_noise.training import Trial
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.training.noise_findings import noise_findings
from tune_noise.training.weight_average import WeightAverage


def config_of(**fields):
    given = {"model": "conv9_small", "batch_size": 64, "epochs": 4, "lr": 0.01, "noise_rate": 0.2}
    return TrialConfig(**given | fields)


def metrics_of(trial):
    return [
        [{k: v for k, v in row.items() if k != "seconds"} for row in progress.epochs]
        for progress in trial.progress
    ]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_an_average_is_the_plain_mean_first_and_exponential_then(decay):
    shape = {"members": 2, "input_shape": (1, 8, 8), "num_classes": 3}
    trained_network, averaged = (build_network("conv9_small", **shape) for _ in range(2))
    average = WeightAverage(averaged, trained_network, [decay, 0.7])
    random, history = np.random.default_rng(0), []
    for _ in range(6):
        for value in trained_network.state_dict().values():
            value.copy_(torch.from_numpy(random.normal(size=value.shape)))
        history.append({k: v.double() for k, v in trained_network.state_dict().items()})
        average.update()
    # The weight of each step in the sum, from the last one backwards.
    for member, of_member in enumerate((decay, 0.7)):
        shares, left = [], 1.0
        for step in range(6, 0, -1):
            share = max(1 / step, 1 - of_member)
            shares.append(left * share)
            left *= 1 - share
        assert sum(shares) == pytest.approx(1.0)
        for name, value in averaged.state_dict().items():
            expected = sum(
                s * h[name][member] for s, h in zip(shares, reversed(history), strict=True)
            )
            torch.testing.assert_close(value[member].double(), expected, rtol=1e-5, atol=1e-6)


def test_without_an_average_the_network_itself_is_judged(few_digits):
    trial = Trial([config_of()], few_digits)
    assert trial.judged_network is trial.network
    assert not any(name.startswith("average.") for name in trial.state()[0])


def test_training_is_the_same_and_the_averaged_network_is_judged_and_kept(few_digits):
    plain = trained([config_of(last_epochs=1)], few_digits)
    averaged = trained([config_of(last_epochs=1, weight_average=0.9)], few_digits)
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, averaged.network.state_dict()[name]), name
    kept, last = averaged.replicate_weights(0), averaged.progress[0].epochs[-1]
    assert not torch.equal(kept["0.weight"], averaged.network.state_dict()["0.weight"])
    network = build_network("conv9_small", members=1, input_shape=(1, 8, 8), num_classes=10)
    network.load_state_dict(kept)
    predicted = predict_logits(network, averaged.data.test_inputs)[0].argmax(dim=1)
    accuracy = float((predicted == averaged.data.test_labels).double().mean())
    assert last["test_accuracy_clean"] == accuracy
    assert last["train_loss_noisy"] == plain.progress[0].epochs[-1]["train_loss_noisy"]
    assert last["val_loss_noisy"] != plain.progress[0].epochs[-1]["val_loss_noisy"]


def test_a_resumed_trial_and_its_findings_are_those_of_an_uninterrupted_one(few_digits, tmp_path):
    configs = [
        config_of(method="co_teaching", seed=seed, weight_average=decay)
        for seed, decay in ((0, 0.95), (1, 0.5))
    ]
    whole = trained(configs, few_digits)
    first = trained(configs, few_digits, 2)
    # It looks at the selected epoch, and disturbs nothing.
    noise_findings(first, 0, few_digits)
    write_checkpoint(tmp_path / "state", *first.state())
    resumed = Trial(configs, few_digits)
    resumed.load_state(*read_checkpoint(tmp_path / "state"))
    train(resumed)
    assert metrics_of(resumed) == metrics_of(whole)
    for name in ("network", "judged_network"):
        theirs = getattr(whole, name).state_dict()
        for key, value in getattr(resumed, name).state_dict().items():
            assert torch.equal(value, theirs[key]), (name, key)
    for r in range(2):
        ours, theirs = resumed.replicate_weights(r), whole.replicate_weights(r)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_replicates_with_different_decays_are_what_they_are_alone(few_digits):
    configs = [config_of(seed=n, weight_average=d) for n, d in enumerate((0.0, 0.9, 0.99))]
    stack = trained(configs, few_digits, 2)
    for r, config in enumerate(configs):
        alone = trained([config], few_digits, 2)
        theirs = alone.judged_network.state_dict()
        for name, value in member_state(stack.judged_network, slice(r, r + 1)).items():
            torch.testing.assert_close(value, theirs[name], rtol=1e-3, atol=1e-4)


class Watching:
    """Plain training that keeps what averaged networks say of each batch."""

    teacher_decays = (0.5,)

    def __init__(self, method):
        self._method, self.seen = method, []

    def __call__(self, batch):
        self.seen.append((batch.indices.clone(), batch.averaged_logits))
        return self._method(batch)


def test_a_method_may_learn_from_the_averaged_networks(few_digits, monkeypatch):
    made = []

    def watched(configs, facts):
        made.append(Watching(make_method(configs, facts)))
        return made[-1]

    from tune_noise.training import trial as module

    make_method = module.make_method
    monkeypatch.setattr(module, "make_method", watched)
    trial = Trial([config_of(epochs=1, batch_size=2000)], few_digits)
    start = copy.deepcopy(trial.network)
    train(trial)
    [(indices, logits)] = made[0].seen
    assert logits.shape == (1, 1, indices.shape[1], 10)
    assert not logits.requires_grad
    images = trial.data.input_of[0][indices[0]]
    torch.testing.assert_close(
        logits[0], predict_logits(start, trial.data.train_inputs, indices=images)
    )
    # What is judged is for `weight_average` to say.
    assert trial.judged_network is trial.network
    assert any(name.startswith("teacher.") for name in trial.state()[0])
