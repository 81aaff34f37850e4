"""Processes of trials that are killed or run out of memory: the trials go on, or fail alone."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .audit import audit, notes
from .conftest import Shell, events, kill, recorded

# Trials that last some seconds, so that they are met while they train.
LONG = {
    "search": {"lr": {"loguniform": [0.001, 0.01]}},
    "compare": None,
    "trials": 3,
    "epochs": 60,
    "early_stopping": None,
    "fixed": {"model": "mlp2", "method": "co_teaching", "ramp_epochs": 2, "batch_size": 16},
    "confirm": {"finalists": 1, "seeds": 1},
}
FIRST = "c1-t0001"


def num_epochs(folder: Path, trial_id: str) -> int:
    return events(folder, "epoch").count(trial_id)


def test_a_trial_whose_process_is_killed_often_goes_on_while_it_comes_on(shell: Shell) -> None:
    space, folder = shell.space(**{**LONG, "trials": 1}), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")
    # Four times in a row without a new epoch would be too often.
    for _ in range(5):
        known = num_epochs(folder, FIRST)
        shell.wait_for(driver, lambda known=known: num_epochs(folder, FIRST) > known, "new epoch")
        kill(*shell.actors())
    out, _ = shell.ending_of(driver, code=0)
    audit(folder)
    said = notes(folder, "is given to another process")
    assert [event.trial_id for event in said] == [FIRST] * 5
    assert out.count("is given to another process") == 5


def test_a_trial_whose_process_is_always_killed_fails_and_the_others_go_on(shell: Shell) -> None:
    space, folder = shell.space(**LONG), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_for(driver, lambda: len(set(events(folder, "epoch"))) == 2, "two trials")
    victim = min(shell.actors().values())

    def is_given_up() -> bool:
        kill(*(pid for pid, trial in shell.actors().items() if trial == victim))
        return bool(failures())

    def failures() -> list[tuple[str, str]]:
        ends = recorded(folder, "end")
        return [(i, end["stop_reason"]) for i, end in ends if end["status"] == "failed"]

    shell.wait_for(driver, is_given_up, "failure of the trial")
    [(trial_id, reason)] = failures()
    assert reason.startswith("failed 4 times")
    out, _ = shell.ending_of(driver, code=0)
    assert f"1 of 4 trials failed, the first ({trial_id}): {reason}" in out
    audit(folder, failed=[trial_id])


# Memory.

# Of this size every batch is a mapping of its own, which the system grants or refuses: 65 images
# are trained on, and with 1000 copies of their labels they are one batch of 50 GB.
SHAPE = (72, 512, 512, 3)
TOO_MUCH = 48e9
HUNGRY = {
    "dataset": "big.npz",
    "noise": "dilution",
    "conditions": {},
    "search": {"alpha": {"choice": [0, 1000]}},
    "sampler": "grid",
    "compare": None,
    "fixed": {"model": "perceptron", "batch_size": 65536},
    "trials": 2,
    "epochs": 12,
    "early_stopping": None,
    "confirm": {"finalists": 1, "seeds": 1},
}


@pytest.fixture
def hungry_space(shell: Shell) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory > TOO_MUCH:
        pytest.skip("this machine might really give a trial the 50 GB that it asks for")
    labels = np.arange(SHAPE[0]) % 2
    images = np.full(SHAPE, 50, np.uint8) * (1 + labels[:, None, None, None]).astype(np.uint8)
    np.savez(shell.folder / "big.npz", images=images, labels=labels)
    return shell.space(**HUNGRY)


def test_a_trial_out_of_memory_goes_on_or_fails_alone(shell: Shell, hungry_space: str) -> None:
    folder = shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", hungry_space, "--max-concurrent", "1")

    def is_limited() -> bool:
        """Whether the modest trial got no more memory, once, while it trained."""
        alphas = {i: data["config"]["alpha"] for i, data in recorded(folder, "ask")}
        if not [i for i in events(folder, "epoch") if alphas[i] == 0]:
            return False
        [pid] = shell.actors()
        command = ["prlimit", "--pid", str(pid), f"--as={1 << 30}"]
        return subprocess.run(command, check=False).returncode == 0

    shell.wait_for(driver, is_limited, "limit on the memory of the trial")
    out, _ = shell.ending_of(driver, code=0)
    asked = dict(recorded(folder, "ask"))
    [hungry] = [i for i, data in asked.items() if data["config"]["alpha"] == 1000]
    audit(folder, failed=[hungry])
    [(_, end)] = [(i, data) for i, data in recorded(folder, "end") if i == hungry]
    assert "memory" in end["stop_reason"].lower()
    assert end["stop_reason"] in out
    assert [e.trial_id for e in notes(folder) if e.trial_id != hungry]
