"""Processes of trials that are killed or run out of memory: the trials go on, or fail alone."""

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .audit import audit, notes
from .conftest import MANY_EPOCHS, STEADY, Shell, events, kill, recorded

FIRST = "c1-t0001"
HANDED_ON = "is given to another process"


def num_epochs(folder: Path, trial_id: str) -> int:
    return events(folder, "epoch").count(trial_id)


def failures(folder: Path) -> list[tuple[str, str]]:
    """Trials that have failed, and why."""
    ends = recorded(folder, "end")
    return [(i, end["stop_reason"]) for i, end in ends if end["status"] == "failed"]


def test_a_trial_whose_process_is_killed_often_goes_on_while_it_comes_on(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")

    def comes_on(known: int) -> None:
        shell.wait_for(driver, lambda: num_epochs(folder, FIRST) > known, "new epoch")

    # Four times in a row without a new epoch between them would be too often.
    for _ in range(5):
        comes_on(num_epochs(folder, FIRST))
        kill(*shell.actors())
    comes_on(num_epochs(folder, FIRST))
    driver.send_signal(signal.SIGINT)
    out, _ = shell.ending_of(driver, code=130)
    assert [event.trial_id for event in notes(folder, HANDED_ON)] == [FIRST] * 5
    assert out.count(HANDED_ON) == 5
    numbers = [epoch["epoch"] for _, epoch in recorded(folder, "epoch")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_trial_whose_process_is_always_killed_fails_and_the_others_go_on(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, trials=3), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_for(driver, shell.actors, "actor")
    [victim, *_] = shell.actors().values()

    def is_given_up() -> bool:
        kill(*(pid for pid, trial in shell.actors().items() if trial == victim))
        return bool(failures(folder))

    shell.wait_for(driver, is_given_up, "failure of the trial")
    out, _ = shell.ending_of(driver, code=0)
    [(trial_id, reason)] = failures(folder)
    assert reason.startswith("failed 4 times")
    assert f"1 of 4 trials failed, the first ({trial_id}): {reason}" in out
    audit(folder, failed=[trial_id])


def test_a_process_killed_between_two_trials_fails_neither(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, trials=3), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")
    for count in (2, 3, 4):
        shell.wait_for(driver, lambda n=count: len(events(folder, "ask")) == n, "next trial")
        kill(*shell.actors())
    shell.ending_of(driver, code=0)
    audit(folder)


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
    "fixed": {"model": "perceptron", "batch_size": 65536},
    "trials": 2,
    "epochs": 12,
}


@pytest.fixture
def hungry_space(shell: Shell) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory > TOO_MUCH:
        pytest.skip("this machine might really give a trial the 50 GB that it asks for")
    labels = np.arange(SHAPE[0]) % 2
    images = np.full(SHAPE, 50, np.uint8) * (1 + labels[:, None, None, None]).astype(np.uint8)
    np.savez(shell.folder / "big.npz", images=images, labels=labels)
    return shell.space(**{**STEADY, **HUNGRY})


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
    assert {event.trial_id for event in notes(folder, HANDED_ON)} > {hungry}
