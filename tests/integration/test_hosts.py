"""A cluster of several hosts, each with an address: what they share, and what they must."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.hosts import Network, network
from tests.support.nodes import Cluster
from tests.support.search_audit import audit, notes
from tests.support.shell import STEADY, Shell, events

pytestmark = pytest.mark.long

IMAGES = (2_500, 64, 64)


@pytest.fixture(autouse=True)
def _token(shell: Shell) -> None:
    # These nodes listen on addresses: who has no token gets nothing.
    shell.environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid.uuid4().hex * 2}


@pytest.fixture
def net(shell: Shell) -> Iterator[Network]:
    with network() as made:
        yield made
        shell.end_all()


def make_data(path: Path) -> str:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, IMAGES, dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(len(images)) % 10)
    return str(path)


@pytest.mark.slow
def test_a_node_without_the_output_folder_is_refused_or_left_out(
    shell: Shell, net: Network
) -> None:
    runs = shell.folder / "runs"
    runs.mkdir()
    here, there = net.host("here"), net.host("there")
    cluster = Cluster(shell, cpus=1, host=here)
    shell.prefix = here.prefix
    shared = cluster.add(cpus=2, host=there)
    apart = net.host("apart", own_folder=runs)
    unshared = cluster.add(cpus=2, host=apart)
    steady = STEADY | {"fixed": {"model": "perceptron", "batch_size": 64}}
    space = shell.space(**steady, trials=6, epochs=100)
    data = make_data(shell.folder / "large.npz")
    arguments = ["--space", space, "--dataset", data, "--address", cluster.address]
    refusal = shell.run("tune_noise.search", *arguments, code=2)
    assert f"{apart.address} (apart)" in refusal
    assert "1 of 3 nodes" in refusal
    assert f"does not see the folder {runs / 'tiny'}" in refusal
    assert "--output or TUNE_NOISE_OUTPUT" in refusal
    assert os.listdir(runs) == []
    unshared.cut_power()

    before = there.received_bytes
    driver = shell.start("tune_noise.search", *arguments)
    shell.wait_for(driver, lambda: shared.num_training == 2, "two trials on the other host")
    shell.wait_for(driver, lambda: len(set(events(runs / "tiny", "epoch"))) >= 3, "three trials")
    assert cluster.head.num_training == 1
    # Two actors train there, and the data came once.
    assert 1.0 < (there.received_bytes - before) / np.prod(IMAGES) < 1.5
    with shell.training_held():
        cluster.add(cpus=2, host=net.host("late", own_folder=runs))
    shared.kill()
    out, _ = shell.end_of(driver, code=0)
    audit(runs / "tiny")
    [left_out] = notes(runs / "tiny", "cannot take part, and is left out")
    assert "(late) does not see the folder" in left_out.data["text"]
    assert out.count("is left out") == 1


@pytest.mark.slow
def test_a_driver_whose_head_is_lost_ends_with_the_command_that_resumes(
    shell: Shell, net: Network
) -> None:
    here, there = net.host("here"), net.host("there")
    cluster = Cluster(shell, cpus=0, host=here)
    cluster.add(cpus=2, host=there)
    shell.prefix = there.prefix
    folder = shell.folder / "runs" / "tiny"
    space = shell.space(**STEADY, trials=4, epochs=160)
    driver = shell.start("tune_noise.search", "--space", space, "--address", cluster.address)
    shell.wait_for(driver, lambda: events(folder, "epoch"), "epoch")
    cluster.head.cut_power()
    _, err = shell.end_of(driver, code=1)
    assert f"the head of the Ray cluster, {cluster.address}, does not answer any more" in err
    command = err.strip().splitlines()[-1].split()
    assert command == ["tune-noise", "resume", str(folder), "--address", cluster.address]
    again = Cluster(shell, cpus=1, host=here)
    again.add(cpus=2, host=there)
    shell.run(*command[:-1], again.address)
    audit(folder)
