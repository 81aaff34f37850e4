import os
import socket
import time
from pathlib import Path

import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.errors import UserError
from tune_noise.tuning.cluster.connect import cluster


@pytest.mark.parametrize("address", ["head", ":6379", "head:port", "ray://head:10001"])
def test_an_address_is_host_and_port(address: str) -> None:
    with (
        pytest.raises(UserError, match="must be HOST:PORT of a running cluster, or auto"),
        cluster(make_search(), address=address, folder=Path("runs")),
    ):
        pass


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    started = time.monotonic()
    with (
        pytest.raises(UserError, match=f"--address {address}: no Ray cluster answers there"),
        cluster(make_search(), address=address, folder=Path("runs")),
    ):
        pass
    assert time.monotonic() - started < 60


@pytest.mark.long
@pytest.mark.usefixtures("ray_room")
def test_a_cluster_that_is_started_here_has_the_cores_that_this_process_may_use() -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with cluster(make_search(), address=None, folder=Path("runs")) as [node]:
            assert node["Resources"]["CPU"] == 1
    finally:
        os.sched_setaffinity(0, cores)
