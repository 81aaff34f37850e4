"""Processes of trials that are killed: their trials go on, or fail alone."""

import signal
from pathlib import Path

from .audit import HANDED_ON, audit, failures, notes
from .conftest import MANY_EPOCHS, STEADY, Shell, events, kill, recorded

FIRST = "c1-t0001"


def num_epochs(folder: Path, trial_id: str) -> int:
    return events(folder, "epoch").count(trial_id)


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
