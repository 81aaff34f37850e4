"""A compiled step learns what the plain one does, and is chosen where it pays."""

import os
import subprocess
import sys
from math import isclose

import pytest
import torch

from tune_noise.config.trial import TrialConfig
from tune_noise.methods.declarations import METHODS
from tune_noise.models.product import onednn_agrees, product
from tune_noise.training import Trial, compiled_step, step_choice
from tune_noise.training.checkpoint import read_checkpoint, write_checkpoint
from tune_noise.training.compiled_step import NETWORKS, has_compiler
from tune_noise.training.step_choice import COMPILED, Compiling

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler is found")
ON = Compiling("on")
# 377 examples make 13 batches of 29: one size, one compilation.
BASE = {"model": "perceptron", "batch_size": 29, "noise_rate": 0.3, "epochs": 3}


@pytest.fixture(autouse=True)
def _nothing_is_compiled_twice():
    """A step that has to be compiled again fails."""
    import torch._dynamo.config

    with torch._dynamo.config.patch(error_on_recompile=True):
        yield


def replicates(**fields):
    """Two that differ in what a compiled step must not take for a constant."""
    config = TrialConfig.model_validate({**BASE, **fields})
    return [config, config.model_copy(update={"seed": 1, "noise_seed": 1, "lr": config.lr / 2})]


def trained(configs, dataset, compiling=None):
    trial = Trial(configs, dataset, compiling=compiling)
    while not trial.finished:
        trial.train_epoch()
    return trial


def assert_alike(configs, dataset):
    plain, compiled = trained(configs, dataset), trained(configs, dataset, ON)
    assert compiled.facts(0)["step"] == COMPILED
    for one, other in zip(plain.progress, compiled.progress, strict=True):
        for expected, found in zip(one.epochs, other.epochs, strict=True):
            assert isclose(found["train_loss_noisy"], expected["train_loss_noisy"], rel_tol=1e-4)
            assert isclose(found["val_loss_noisy"], expected["val_loss_noisy"], rel_tol=1e-4)
            assert found["forget_rate"] == expected["forget_rate"]
            for name in ("train_label_precision", "train_label_recall", "train_accuracy_noisy"):
                # A single example of equal losses, or logits, may fall the other way.
                assert isclose(found[name], expected[name], abs_tol=0.01)


@needs_compiler
@pytest.mark.parametrize(
    ("method", "optimizer"), [("standard", "adam"), ("co_teaching", "adadelta")]
)
def test_a_compiled_step_learns_what_the_plain_one_does(method, optimizer, few_digits):
    # The learning rate falls and the forget rate rises from epoch to epoch.
    own = {"tau": 0.3, "ramp_epochs": 2} if method == "co_teaching" else {}
    schedule = {"lr_schedule": "linear", "lr_decay_start": 0.3}
    assert_alike(replicates(method=method, optimizer=optimizer, **schedule, **own), few_digits)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adadelta"])
@pytest.mark.parametrize("method", sorted(compiled_step.METHODS))
def test_every_compiled_method_learns_what_the_plain_one_does(method, optimizer, few_digits):
    own = {"warm_up_epochs": 1} if method == "gmm" else {}
    assert_alike(replicates(method=method, optimizer=optimizer, **own), few_digits)


@pytest.mark.slow
@needs_compiler
@pytest.mark.skipif(not onednn_agrees(), reason="this torch has no such operator")
@pytest.mark.parametrize("model", sorted(NETWORKS))
@pytest.mark.parametrize("method", ["standard", "co_teaching"])
def test_every_compiled_network_does_with_onednns_products(model, method, few_digits, monkeypatch):
    monkeypatch.setattr(product, "MIN_MULTIPLICATIONS", 0)
    monkeypatch.setattr(product, "_onednn_is_faster", lambda: True)
    # What was compiled for other kernels is not taken for these.
    monkeypatch.setattr(compiled_step, "_KERNELS", {})
    # Of deep networks a unit comes so close to 0 now and then that rounding switches it off, as one
    # of mlp4 does with seed 0: from there on they differ in the fourth digit.
    assert_alike(replicates(model=model, method=method, seed=2, epochs=1), few_digits)


@needs_compiler
def test_a_resumed_trial_is_the_uninterrupted_one_and_keeps_its_choice(few_digits, tmp_path):
    configs = replicates()
    whole, first = trained(configs, few_digits, ON), Trial(configs, few_digits, compiling=ON)
    first.train_epoch()
    write_checkpoint(tmp_path / "state", *first.state())
    # `auto` would find so short a training not worth it, and `off` says no: the choice was made.
    for mode in ("auto", "off"):
        resumed = Trial(configs, few_digits, compiling=Compiling(mode))
        resumed.load_state(*read_checkpoint(tmp_path / "state"))
        while not resumed.finished:
            resumed.train_epoch()
        assert resumed.facts(0)["step"] == COMPILED
        for name, value in whole.state()[0].items():
            assert torch.equal(resumed.state()[0][name], value)


@needs_compiler
def test_a_replicate_does_not_depend_on_the_others_of_its_stack(few_digits):
    configs = replicates()
    together = trained(configs, few_digits, ON)
    for r, config in enumerate(configs):
        alone = trained([config], few_digits, ON)
        for name, value in alone.replicate_weights(0).items():
            torch.testing.assert_close(together.replicate_weights(r)[name], value)


@needs_compiler
def test_a_probe_leaves_no_trace_and_is_told(few_digits, monkeypatch):
    monkeypatch.setattr(step_choice, "COMPILE_SECONDS", 0.0)
    configs = replicates()
    for least_gain, told in (
        (0.0, COMPILED),
        (1e9, "plain: it was compiled, and hardly faster"),
    ):
        monkeypatch.setattr(step_choice, "_REFUSED", {})
        monkeypatch.setattr(step_choice, "LEAST_GAIN", least_gain)
        found = trained(configs, few_digits, Compiling("auto"))
        assert found.facts(0)["step"] == told
        expected = trained(configs, few_digits, ON if told == COMPILED else None)
        for name, value in expected.state()[0].items():
            assert torch.equal(found.state()[0][name], value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "the training is too short for compiling to pay"),
        ({"model": "conv4"}, "conv4 is not compiled"),
        ({"method": "mixup"}, "the method mixup is not compiled"),
        ({"augmentation": "standard"}, "augmentation is not compiled"),
    ],
)
def test_auto_says_why_a_step_is_plain(fields, reason, few_digits):
    trial = Trial(replicates(**fields, epochs=1), few_digits, compiling=Compiling("auto"))
    trial.train_epoch()
    assert trial.facts(1)["step"] == f"plain: {reason}"
    assert trial.step_choice.warning is None


def test_whether_compiling_pays_follows_from_the_training_to_come(few_digits):
    asked = []
    for epochs in (10, 10**7):
        trial = Trial(replicates(), few_digits, compiling=Compiling("auto", epochs))
        batches = list(trial._examples(0))
        asked.append(trial.step_choice._pays(len(batches), num_compilations=1))
    assert asked == [False, True]


def test_a_checkpoint_of_before_there_was_a_choice_goes_on_plain(few_digits):
    trial = Trial(replicates(), few_digits)
    tensors, values = trial.state()
    del values["step"]
    resumed = Trial(replicates(), few_digits, compiling=ON)
    resumed.load_state(tensors, values)
    resumed.train_epoch()
    assert resumed.facts(0)["step"] == "plain"


def test_methods_that_are_compiled_are_methods():
    assert set(METHODS) >= compiled_step.METHODS


WITHOUT = """
from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.errors import UserError
from tune_noise.training import Trial
from tune_noise.training.step_choice import Compiling, check_compiler

config = TrialConfig(model="perceptron", epochs=1)
trial = Trial([config], load_dataset("digits"), compiling=Compiling("auto", 10**9))
trial.train_epoch()
print(trial.facts(0)["step"])
print(trial.step_choice.warning)
try:
    check_compiler("on")
except UserError as error:
    print(error)
"""


def without_compiler(*command, tmp_path):
    environment = {**os.environ, "CXX": "/nonexistent/c++", "PATH": str(tmp_path)}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )


def test_without_a_compiler_auto_stays_plain_and_says_so_and_on_is_refused(tmp_path):
    told, warning, refused = without_compiler("-c", WITHOUT, tmp_path=tmp_path).stdout.splitlines()
    assert told == "plain: no C++ compiler is found"
    assert warning == (
        "training steps are not compiled: no C++ compiler is found; install g++, or name a "
        "compiler in the environment variable CXX"
    )
    assert refused.startswith("compile: on, but no C++ compiler is found: install g++")


def test_the_commands_refuse_to_compile_without_a_compiler(tmp_path):
    for command in (
        ("-m", "tune_noise.train", "--compile", "on"),
        ("-m", "tune_noise.search", "--space", "smoke", "--compile", "on", "--output", tmp_path),
    ):
        refused = without_compiler(*command, tmp_path=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: compile: on, but no C++ compiler is found")
