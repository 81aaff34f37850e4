"""What a RayJob of Kubernetes does after a loss, without one: a new cluster, the same command."""

import shlex
from pathlib import Path

import pytest
import yaml

from tests.support.nodes import Cluster
from tests.support.search_audit import audit, read_events
from tests.support.shell import STEADY, Shell, events, kill

pytestmark = pytest.mark.long

MANIFEST = Path(__file__).parents[2] / "docker" / "rayjob.yaml"


def entrypoint(space: str) -> list[str]:
    """The manifest's command, with a smaller space."""
    _, job = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    python, dash_m, *command = shlex.split(job["spec"]["entrypoint"])
    assert (python, dash_m) == ("python", "-m")
    command[command.index("--space") + 1] = space
    return command


@pytest.mark.slow
def test_the_command_of_the_job_goes_on_when_cluster_and_driver_are_killed_together(
    shell: Shell,
) -> None:
    command = entrypoint(shell.space(**STEADY, trials=4, epochs=40))
    folder = shell.folder / "runs" / "tiny"
    shell.environment["RAY_ADDRESS"] = Cluster(shell, cpus=2).address  # as in a Ray job
    driver = shell.start(*command)
    shell.wait_for(driver, lambda: len(set(events(folder, "end"))) >= 2, "two trials")
    while left := shell.processes():
        kill(*left)
    driver.wait()
    ended = set(events(folder, "end"))
    assert 2 <= len(ended) < 4
    shell.environment["RAY_ADDRESS"] = Cluster(shell, cpus=2).address
    shell.run(*command)
    audit(folder)
    assert [event.kind for event in read_events(folder)].count("run") == 2
    shell.run(*command)  # of a search that has ended: the outputs are written again
    audit(folder)
