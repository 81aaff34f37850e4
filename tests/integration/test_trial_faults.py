"""Processes of trials that are killed: their trials go on, or fail alone."""

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.support.search_audit import HANDED_ON, audit, failures, mlflow_statuses, notes
from tests.support.shell import MANY_EPOCHS, STEADY, Shell, events, kill, recorded

pytestmark = pytest.mark.long

FIRST = "c1-t0001"


def num_epochs(folder: Path, trial_id: str) -> int:
    return events(folder, "epoch").count(trial_id)


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_often_goes_on_while_it_comes_on(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")

    def comes_on(known: int) -> None:
        shell.wait_for(driver, lambda: num_epochs(folder, FIRST) > known, "new epoch")

    # Four times in a row without a new epoch between them would be too often.
    for count in range(1, 6):
        comes_on(num_epochs(folder, FIRST))
        kill(*shell.actors())
        # What the dead process had reported is recorded by then: a further epoch is the next one's.
        shell.wait_for(driver, lambda n=count: len(notes(folder, HANDED_ON)) == n, "hand-over")
    comes_on(num_epochs(folder, FIRST))
    driver.send_signal(signal.SIGINT)
    out, _ = shell.ending_of(driver, code=130)
    assert [event.trial_id for event in notes(folder, HANDED_ON)] == [FIRST] * 5
    assert out.count(HANDED_ON) == 5
    numbers = [epoch["epoch"] for _, epoch in recorded(folder, "epoch")]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.slow
def test_a_trial_whose_process_is_always_killed_fails_and_the_others_go_on(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_for(driver, lambda: len(set(events(folder, "epoch"))) == 2, "two trials")
    [spared, *_] = shell.actors()

    def is_given_up() -> bool:
        kill(*(pid for pid in shell.actors() if pid != spared))
        return bool(failures(folder))

    shell.wait_for(driver, is_given_up, "failure of the trial")
    [(failed, reason)] = failures(folder)
    assert reason.startswith("failed 4 times")
    # A process that came after it may have been killed, too.
    handed_on = Counter(event.trial_id for event in notes(folder, HANDED_ON))
    assert handed_on[failed] == 3
    known = Counter(events(folder, "epoch"))
    shell.wait_for(
        driver,
        lambda: len([i for i, n in Counter(events(folder, "epoch")).items() if n > known[i]]) == 2,
        "two trials that go on",
    )
    driver.send_signal(signal.SIGINT)
    out, _ = shell.ending_of(driver, code=130)
    assert out.count(HANDED_ON) == handed_on.total()
    assert failures(folder) == [(failed, reason)]
    assert sorted(mlflow_statuses(folder)) == ["FAILED", "KILLED", "KILLED", "KILLED"]


def test_a_process_killed_between_two_trials_fails_neither(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, trials=3), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "1")
    for count in (2, 3, 4):
        shell.wait_for(driver, lambda n=count: len(events(folder, "ask")) >= n, "next trial")
        kill(*shell.actors())
    shell.ending_of(driver, code=0)
    audit(folder)
