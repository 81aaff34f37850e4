import socket
import time
from typing import Any

import pytest

from tune_noise.config.search import Resources
from tune_noise.errors import UserError
from tune_noise.tuning.cluster import _check_resources, cluster, max_concurrent


def node(alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": resources}


def needs(cpus: float = 1.0, gpus: float = 0.0, most: int | None = None) -> Resources:
    return Resources(cpus_per_trial=cpus, gpus_per_trial=gpus, max_concurrent=most)


@pytest.mark.parametrize(
    ("nodes", "resources", "message"),
    [
        ([node(CPU=4)], needs(5), "--cpus-per-trial 5: the largest node has 4 CPUs; use at most 4"),
        ([node(CPU=4), node(CPU=8)], needs(12), "the largest node has 8"),  # nodes do not add up
        ([node(CPU=4), node(alive=False, CPU=64)], needs(8), "the largest node has 4"),
        ([node(CPU=4)], needs(gpus=0.25), "--gpus-per-trial 0.25: this cluster has no GPU; use 0"),
        ([node(CPU=4, GPU=1)], needs(gpus=2), "--gpus-per-trial 2: the largest node has 1"),
        ([node(CPU=2, GPU=1), node(CPU=8)], needs(8, 1), "no single node has both"),
    ],
)
def test_a_trial_must_fit_on_one_node(
    nodes: list[dict[str, Any]], resources: Resources, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        _check_resources(nodes, resources)


def test_a_trial_that_fits_is_let_through() -> None:
    _check_resources([node(CPU=2), node(CPU=8, GPU=2)], needs(8, 2))


@pytest.mark.parametrize(
    ("total", "resources", "count"),
    [
        ({"CPU": 4.0}, needs(), 4),
        ({"CPU": 4.0}, needs(0.1), 40),  # not 39 for a rounding error
        ({"CPU": 4.0}, needs(3), 1),
        ({"CPU": 16.0, "GPU": 1.0}, needs(1, 0.25), 4),
        ({"CPU": 2.0, "GPU": 1.0}, needs(1, 0.25), 2),
        ({"CPU": 16.0}, needs(most=3), 3),
        ({"CPU": 2.0}, needs(most=9), 2),
        ({}, needs(), 1),
    ],
)
def test_as_many_trials_run_at_once_as_fit(
    total: dict[str, float], resources: Resources, count: int
) -> None:
    assert max_concurrent(total, resources) == count


@pytest.mark.parametrize("address", ["head", ":6379", "head:port", "ray://head"])
def test_an_address_is_host_and_port(address: str) -> None:
    with (
        pytest.raises(UserError, match="must be HOST:PORT of a running cluster, or auto"),
        cluster(needs(), address=address),
    ):
        pass


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    started = time.monotonic()
    with (
        pytest.raises(UserError, match=f"--address {address}: no Ray cluster answers there"),
        cluster(needs(), address=address),
    ):
        pass
    assert time.monotonic() - started < 10
