"""The other commands, other data and other clusters, end to end."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.support.ports import free_port
from tests.support.shell import Shell
from tests.support.waiting import PATIENCE_SECONDS
from tune_noise.data import load_dataset
from tune_noise.history.replay import History
from tune_noise.record import Record
from tune_noise.training.saved_model import load_model

from .test_search import rows


def test_a_dry_run_says_what_would_happen_and_starts_nothing(shell: Shell) -> None:
    out = shell.search("--space", "smoke", "--dry-run", "--trials", "10")
    assert "\x1b" not in out
    flat = " ".join(out.split())
    for part in ("noise_rate=", "10 per condition", "epochs [4, 8]", "1 CPU per trial"):
        assert part in flat
    assert re.search(r"cost about \d+:\d\d to \d+:\d\d on this machine", flat)
    assert list(shell.folder.iterdir()) == []
    assert shell.processes() == {}


def test_the_shipped_spaces_are_listed_shown_and_checked(shell: Shell) -> None:
    listed = shell.run("tune_noise.spaces")
    shown = shell.run("tune-noise", "spaces", "show", "smoke")
    checked = shell.run("tune-noise", "spaces", "check", "smoke")
    assert "smoke" in listed
    assert shown.startswith("# Question:")
    assert "compare: method" in shown
    assert checked.strip().endswith("1 conditions, 8 trials each: ok")


def test_one_configuration_is_trained_and_saved(shell: Shell) -> None:
    settings = ["noise=pair_flip", "noise_rate=0.2", "method=co_teaching", "ramp_epochs=2"]
    flags = [word for setting in [*settings, "epochs=4", "lr=0.01"] for word in ("--set", setting)]
    out = shell.run("tune_noise.train", *flags, "--output", "one")
    lines = out.splitlines()
    assert "co_teaching on digits" in lines[0]
    assert [line.split()[:2] for line in lines[1:5]] == [["epoch", str(n)] for n in (1, 2, 3, 4)]
    assert [line.split()[0] for line in lines[5:7]] == ["selected", "last"]
    epochs = json.loads((shell.folder / "one" / "epochs.json").read_text())
    assert len(epochs) == 4
    model = load_model(shell.folder / "one")
    digits = load_dataset("digits")
    assert digits.test_inputs is not None
    accuracy = (model.predict(digits.test_inputs) == digits.test_labels).mean()
    best = max(epochs, key=lambda epoch: epoch["val_information_noisy"])
    assert accuracy == best["test_accuracy_clean_ensemble"]
    quiet = shell.run("tune_noise.train", *flags, "--quiet")
    assert [line.split()[0] for line in quiet.splitlines()] == ["selected", "last"]


def test_a_command_that_is_terminated_says_so(shell: Shell) -> None:
    settings = ["--set", "model=perceptron", "--set", "epochs=100000"]
    command = shell.start("tune_noise.train", *settings)
    shell.wait_for(command, lambda: "epoch    1" in shell.printed(command)[0], "epoch")
    os.killpg(command.pid, signal.SIGTERM)
    _, err = shell.ending_of(command, code=130)
    assert err.strip() == "interrupted"


def test_a_cluster_that_cannot_hold_a_trial_is_refused_and_nothing_is_left(shell: Shell) -> None:
    run = ("tune_noise.search", "--space", "smoke")
    err = shell.run(*run, "--cpus-per-trial", "1000", code=2)
    assert re.match(
        r"error: --cpus-per-trial 1000: the largest node has \d+ CPUs; use at most", err
    )
    err = shell.run(*run, "--gpus-per-trial", "64", code=2)
    assert err.startswith("error: --gpus-per-trial 64: ")
    assert list(shell.folder.iterdir()) == []
    shell.wait_until_all_ended()


def test_own_data_without_truth_or_test_set_are_searched(shell: Shell) -> None:
    digits = load_dataset("digits")
    labels = digits.train_labels.copy()
    generator = np.random.default_rng(0)
    wrong = generator.random(len(labels)) < 0.2
    labels[wrong] = generator.integers(0, 10, wrong.sum())
    images = digits.train_inputs[:, 0]
    np.savez_compressed(shell.folder / "mine.npz", images=images, labels=labels)
    space = shell.space(noise="given", conditions={})
    out = shell.search("--space", space, "--dataset", "mine.npz", "--max-concurrent", "2")
    folder = shell.folder / "runs" / "tiny"
    assert f"results  {folder}" in out
    for name in ("trials.csv", "epochs.csv"):
        table = rows(folder / name)
        clean = [c for c in table[0] if "clean" in c or "label_" in c or c.startswith("realised")]
        assert all(row[column] == "" for row in table for column in clean), clean
        assert all(row["val_information_noisy"] for row in table if row.get("status") != "failed")
    summary = json.loads((folder / "summary.json").read_text())
    [condition] = summary["conditions"]
    assert not any("test_" in name for name in condition["winner"]["metrics"])
    model = load_model(folder / "winners" / "all")
    assert model.predict(images[:, None]).shape == (len(labels),)


def start_head(shell: Shell, stack: ExitStack) -> str:
    """A cluster of four CPUs and one GPU that is only said to exist; its address."""
    port = free_port()
    arguments = ["--head", "--block", "--port", str(port), "--num-cpus", "4", "--num-gpus", "1"]
    arguments += ["--include-dashboard=false", "--disable-usage-stats"]
    log = stack.enter_context((shell.folder / "head.log").open("w"))
    head = subprocess.Popen(
        [str(Path(sys.executable).parent / "ray"), "start", *arguments],
        env=shell.environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    stack.callback(head.wait, timeout=PATIENCE_SECONDS)
    stack.callback(head.terminate)
    shell.wait_until(lambda: "--block" in (shell.folder / "head.log").read_text(), "a cluster")
    return f"127.0.0.1:{port}"


@pytest.mark.long
def test_a_share_of_a_gpu_that_torch_cannot_use_trains_on_cpus_four_at_once(shell: Shell) -> None:
    with ExitStack() as stack:
        address = start_head(shell, stack)
        space = shell.space(trials=8, early_stopping=None, confirm={"seeds": 1}, epochs=40)
        out = shell.search("--space", space, "--address", address, "--gpus-per-trial", "0.25")
        assert "MLflow" in out
        err = shell.run(
            "tune_noise.search",
            *("--space", space, "--name", "more", "--address", address),
            *("--gpus-per-trial", "2"),
            code=2,
        )
        assert "--gpus-per-trial 2: the largest node has 1" in err
        assert not (shell.folder / "runs" / "more").exists()
    with Record(shell.folder / "runs" / "tiny" / "record.db") as record:
        recorded = list(record.events())
    trials = History.replay(recorded).trials.values()
    assert {trial.status for trial in trials} == {"completed"}
    # Four were taken up before the first of them ended.
    first_end = next(event.number for event in recorded if event.kind == "end")
    started = {e.trial_id for e in recorded if e.kind == "ask" and e.number < first_end}
    assert len(started) >= 4
