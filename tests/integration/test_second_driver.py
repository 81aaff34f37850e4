"""Two drivers on one folder: the second is refused while the first lives, and takes over after."""

import signal

import pytest

from tests.support.shell import MANY_EPOCHS, STEADY, Shell, events, kill, recorded

pytestmark = pytest.mark.long


def test_a_second_driver_is_refused_until_the_first_is_dead(shell: Shell) -> None:
    space, folder = shell.space(**STEADY, epochs=MANY_EPOCHS), shell.folder / "runs" / "tiny"
    command = ["tune_noise.search", "--space", space, "--max-concurrent", "1"]
    first = shell.start(*command)
    shell.wait_for(first, lambda: events(folder, "ask"), "trial")
    for second in ([*command, "--resume"], ["tune-noise", "resume", str(folder)]):
        err = shell.run(*second, code=2)
        assert f"{folder}: a search is running in it" in err
    shell.wait_for(first, lambda: events(folder, "epoch"), "epoch")
    kill(first.pid)
    first.wait()
    known = len(events(folder, "epoch"))
    # What the first one started may still be ending: nobody has to wait for that.
    second = shell.start("tune-noise", "resume", str(folder))
    shell.wait_for(second, lambda: len(events(folder, "epoch")) > known, "new epoch")
    second.send_signal(signal.SIGINT)
    shell.end_of(second, code=130)
    shell.end_all()
    numbers = [epoch["epoch"] for _, epoch in recorded(folder, "epoch")]
    assert numbers == list(range(1, len(numbers) + 1))
