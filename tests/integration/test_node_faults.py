"""Nodes that die or join under a running search, and the head itself: nothing is lost."""

import pytest

from tests.support.nodes import Cluster
from tests.support.search_audit import audit, notes
from tests.support.shell import STEADY, Shell, events, kill

pytestmark = pytest.mark.long


def test_the_trials_of_a_killed_node_end_elsewhere_and_a_new_node_takes_its_share(
    shell: Shell,
) -> None:
    cluster = Cluster(shell, cpus=1)
    lost = cluster.add(cpus=2)
    space, folder = shell.space(**STEADY, trials=6, epochs=120), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--address", cluster.address)
    shell.wait_for(driver, lambda: len(set(events(folder, "epoch"))) >= 3, "three trials")
    assert len(shell.actors()) == 3
    lost.kill()
    shell.wait_for(driver, lambda: not lost.trains() and cluster.head.trains(), "trials elsewhere")
    with shell.training_held():
        added = cluster.add(cpus=2)
    shell.wait_for(driver, added.trains, "trial on the new node")
    shell.end_of(driver, code=0)
    audit(folder)
    assert notes(folder, "its node was lost")


@pytest.mark.slow
def test_a_search_whose_cluster_is_gone_ends_and_goes_on_on_another(shell: Shell) -> None:
    cluster = Cluster(shell, cpus=2)
    space, folder = shell.space(**STEADY, trials=4, epochs=160), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--address", cluster.address)
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    cluster.head.cut_power()
    _, err = shell.ending_of(driver, code=1)
    assert cluster.address in err
    assert "continue with" in err
    command = err.strip().splitlines()[-1].split()
    assert command == ["tune-noise", "resume", str(folder), "--address", cluster.address]
    command[-1] = Cluster(shell, cpus=2).address
    shell.run(*command)
    audit(folder)


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["/raylet/raylet ", "/gcs/gcs_server "])
def test_a_search_whose_own_ray_dies_ends_and_goes_on(shell: Shell, lost: str) -> None:
    space, folder = shell.space(**STEADY, epochs=160), shell.folder / "runs" / "tiny"
    driver = shell.start("tune_noise.search", "--space", space, "--max-concurrent", "2")
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    [pid] = [pid for pid, command in shell.processes().items() if lost in command]
    kill(pid)
    _, err = shell.ending_of(driver, code=1)
    assert "the search has stopped" in err
    shell.go_on(err)
    audit(folder)
